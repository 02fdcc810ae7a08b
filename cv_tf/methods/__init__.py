"""Ways to train an Embedder: a method is views, heads and a loss."""

from cv_tf.methods.build import SUPERVISED, build_embedder, build_method
from cv_tf.methods.method import Method
from cv_tf.methods.part_contrast import PartContrast
from cv_tf.methods.part_encoder import PartEncoder
from cv_tf.methods.triplet import Triplet

__all__ = [
    "SUPERVISED",
    "Method",
    "PartContrast",
    "PartEncoder",
    "Triplet",
    "build_embedder",
    "build_method",
]
