"""The benchmark of color variants: one protocol for the vectors of any system.

Importing this room does not import TensorFlow.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
