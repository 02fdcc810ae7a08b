"""From embeddings to groups: linkage along neighbors, cut where labels say."""

from cv_tf.grouping.calibration import Calibration, calibrate
from cv_tf.grouping.certainty import Certainty
from cv_tf.grouping.confidence import Verdicts
from cv_tf.grouping.dendrograms import Dendrograms
from cv_tf.grouping.find import Grouped, find_groups
from cv_tf.grouping.graph import Graph, mutual_graph
from cv_tf.grouping.link import calibrate_on, find_neighbors, group, group_at, link
from cv_tf.grouping.linkage import average_linkage
from cv_tf.grouping.naming import Named
from cv_tf.grouping.similarity import Likeness
from cv_tf.grouping.unlabelled import guess_threshold

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
