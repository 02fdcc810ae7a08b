"""Ways to train an Embedder: a method is views, heads and a loss."""

from cv_tf.methods.build import build_embedder, build_method
from cv_tf.methods.byol import BYOL
from cv_tf.methods.method import Method
from cv_tf.methods.moco import MoCo
from cv_tf.methods.simclr import SimCLR
from cv_tf.methods.simsiam import SimSiam
from cv_tf.methods.supcon import SupCon
from cv_tf.methods.triplet import Triplet
from cv_tf.methods.two_views import PartEncoder, TwoViews

__all__ = [
    "BYOL",
    "Method",
    "MoCo",
    "PartEncoder",
    "SimCLR",
    "SimSiam",
    "SupCon",
    "Triplet",
    "TwoViews",
    "build_embedder",
    "build_method",
]
