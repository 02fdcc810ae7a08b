"""What products there are: the table, its checks, the TFDS data sets.

Importing this room does not import TensorFlow.
"""

from cv_tf.catalog.problems import CatalogError
from cv_tf.catalog.table import Catalog, read_catalog

__all__ = ["Catalog", "CatalogError", "read_catalog"]
