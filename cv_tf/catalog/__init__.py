"""Tables of products, their checks, and data sets of TFDS as such tables.

Importing this room does not import TensorFlow; `cv_tf.catalog.catalog_builder` and
`load_dataset` do.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
