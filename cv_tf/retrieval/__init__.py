"""Nearest neighbors of embeddings: exact, or with ScaNN where there are many."""

from cv_tf.retrieval.colors import (
    CANDIDATES,
    SAME_COLOR,
    other_colors_first,
    same_color,
)
from cv_tf.retrieval.engines import build_index, load_index, nearest
from cv_tf.retrieval.exact import ExactIndex
from cv_tf.retrieval.index import Index
from cv_tf.retrieval.neighbors import Neighbors, check_embeddings, rows_by_block
from cv_tf.retrieval.scann import ScannIndex
from cv_tf.retrieval.tuning import Effort

__all__ = [
    "CANDIDATES",
    "SAME_COLOR",
    "Effort",
    "ExactIndex",
    "Index",
    "Neighbors",
    "ScannIndex",
    "build_index",
    "check_embeddings",
    "load_index",
    "nearest",
    "other_colors_first",
    "rows_by_block",
    "same_color",
]
