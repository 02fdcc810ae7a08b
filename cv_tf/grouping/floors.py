"""How alike two products have to be, at least, to make a difference to groups."""

from __future__ import annotations

import numpy as np

from cv_tf.config import GroupingSettings
from cv_tf.embeddings import Embeddings
from cv_tf.grouping.pair_model import Scale
from cv_tf.retrieval import BRUTE_FORCE_BELOW, OTHER_COLOR, nearest

# Similarity above the crowding, on the scale of the model, down to which products are
# linked: few pairs below are variants, in any catalog.
_FLOOR = 0.2
# Merges that are so unlikely take most of the time; of many products, enough is known
# without them.
_MANY, _FLOOR_OF_MANY = 100_000, 0.32
# Products whose neighbors are found exactly, to tell the crowding before a search.
_NUM_SAMPLED = 400
# A sample tells the crowding roughly, and answers may teach that color counts for more
# than usual. What lies below is found all the same, only less of it.
_MARGIN = 0.05


def linking_floor(scale: Scale, color_weight: float, num_products: int) -> float:
    """The mean similarity down to which groups are merged, to be cut higher up.

    Args:
      scale: Scale of the catalog.
      color_weight: Similarity that a unit of color's log-odds is worth; 0 where colors
        are unknown or make no difference.
      num_products: Number of products without copies.
    """
    least = _FLOOR if num_products < _MANY else _FLOOR_OF_MANY
    return scale.cosine(least + scale.crowding) - color_weight * OTHER_COLOR


def search_floor(
    distinct: Embeddings, settings: GroupingSettings, threshold: float | None = None
) -> float:
    """The cosine similarity below which a search need not find neighbors, -1 to 1.

    A pair of products below `linking_floor` joins nothing where the model of pairs
    chooses the threshold: it does so above. The floor depends on how alike the last of
    a product's neighbors are, which a sample tells, with the usual weight of color and
    a margin for what answers may teach. It is -1 if all blocks are small enough to be
    searched exactly.

    Args:
      distinct: The products, without copies.
      settings: Settings of the grouping.
      threshold: The threshold, where it is known, such as by calibration: the floor is
        not above it. None if it is left to the model.
    """
    largest = np.unique(distinct.block, return_counts=True)[1].max(initial=0)
    if settings.retrieval == "exact" or largest < BRUTE_FORCE_BELOW:
        return -1.0
    random = np.random.default_rng(0)
    number = min(_NUM_SAMPLED, len(distinct))
    rows = np.sort(random.choice(len(distinct), number, replace=False))
    vectors, block = distinct.vectors, distinct.block
    found = nearest(vectors, settings.neighbors, block, "exact", rows)
    scale = Scale.of(distinct, found)
    weight = 0.0 if distinct.lab is None else scale.usual_weight(settings.color)
    floor = linking_floor(scale, weight, len(distinct)) - _MARGIN
    if threshold is not None:
        floor = min(floor, threshold)
    return max(floor, -1.0)
