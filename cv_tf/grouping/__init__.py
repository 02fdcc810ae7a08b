"""From embeddings to groups: linkage within blocks, cut where labels say."""

from cv_tf.grouping.dendrograms import Dendrograms
from cv_tf.grouping.linkage import average_linkage, build_dendrograms
from cv_tf.grouping.thresholds import Calibration, calibrate

__all__ = [
    "Calibration",
    "Dendrograms",
    "average_linkage",
    "build_dendrograms",
    "calibrate",
]
