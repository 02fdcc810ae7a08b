"""Nearest neighbors of embeddings: exact, or with ScaNN where there are many."""

from cv_tf.retrieval.blocks import rows_by_block
from cv_tf.retrieval.embeddings import check_embeddings
from cv_tf.retrieval.mutual import mutual_neighbors
from cv_tf.retrieval.neighbors import Neighbors
from cv_tf.retrieval.search import nearest

__all__ = [
    "Neighbors",
    "check_embeddings",
    "mutual_neighbors",
    "nearest",
    "rows_by_block",
]
