"""Pages and tables for people to look at, and files for other tools to read.

Importing this room does not import TensorFlow.
"""

from cv_tf.report.search_results import Answer, Neighbor, Product

__all__ = ["Answer", "Neighbor", "Product", "page_settings"]
