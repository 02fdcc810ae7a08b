"""Tables of products, their checks, and data sets of TFDS as such tables.

Reading a table does not import TensorFlow; `load_dataset` does.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
