"""What products there are: the table, its checks, the TFDS data sets.

Importing this room does not import TensorFlow; `cv_tf.catalog.catalog_builder` and
`cv_tf.datasets.prepared` do.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
