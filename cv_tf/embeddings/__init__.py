"""From the photos of a catalogue to a file of vectors.

Reading such files does not import TensorFlow; embedding photos does.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
