"""Networks: backbones, projection heads, whitening and the Embedder."""

from cv_tf.models.backbones import build_backbone
from cv_tf.models.embedder import Embedder
from cv_tf.models.folding import fold_norms
from cv_tf.models.projection import projection_head
from cv_tf.models.whitening import Whitening

__all__ = [
    "Embedder",
    "Whitening",
    "build_backbone",
    "fold_norms",
    "projection_head",
]
