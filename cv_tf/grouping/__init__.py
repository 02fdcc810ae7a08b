"""From embeddings to groups: linkage along neighbors, cut where labels say."""

from cv_tf.grouping.calibration import Calibration, calibrate, guess_threshold
from cv_tf.grouping.confidence import Certainty, Verdicts
from cv_tf.grouping.find import Grouped, Named, find_groups
from cv_tf.grouping.graph import Dendrograms, Graph, mutual_graph
from cv_tf.grouping.link import calibrate_on, find_neighbors, group, group_at, link
from cv_tf.grouping.linkage import average_linkage
from cv_tf.grouping.similarity import Likeness

__all__ = [
    "Calibration",
    "Certainty",
    "Dendrograms",
    "Graph",
    "Grouped",
    "Likeness",
    "Named",
    "Verdicts",
    "average_linkage",
    "calibrate",
    "calibrate_on",
    "find_groups",
    "find_neighbors",
    "group",
    "group_at",
    "guess_threshold",
    "link",
    "mutual_graph",
]
