"""How good embeddings and groups are, in the figures of the literature."""

from cv_tf.metrics.evaluation import evaluate_embeddings
from cv_tf.metrics.grouping import grouping_figures
from cv_tf.metrics.retrieval import embedding_spread, retrieval_figures

__all__ = [
    "embedding_spread",
    "evaluate_embeddings",
    "grouping_figures",
    "retrieval_figures",
]
