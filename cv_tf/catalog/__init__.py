"""What products there are: the table, its checks, the TFDS data sets.

Importing this room does not import TensorFlow; `cv_tf.catalog.catalog_builder` and
`cv_tf.datasets.prepared` do.
"""

from cv_tf.catalog.columns import CatalogError
from cv_tf.catalog.table import Catalog, read_catalog

__all__ = ["Catalog", "CatalogError", "catalog_builder", "prepared", "read_catalog"]
