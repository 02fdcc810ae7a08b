"""Color in the ranking of neighbors: variants are of other colors."""

from __future__ import annotations

import numpy as np

from cv_tf.retrieval.neighbors import Neighbors

# How much less a neighbor of the very same color counts. On 5,923 real photos, 0.1 to
# 0.3 are level, and best: less leaves strangers first, more puts variants of nearly the
# same color behind them.
SAME_COLOR = 0.2
# Neighbors to look at beside those that are wanted: one of another color may be as far
# behind as there are products of the query's color before it.
CANDIDATES = 100
# Distance in CIELAB at which the colors of two photos begin to differ. On real photos
# a third of the strangers that look alike are nearer than this, and 3% of the variants.
_WIDTH = 8.0


def same_color(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """How much two products are of one color: a Gaussian of the colors' distance.

    Args:
      first: Float `[..., 3]`, in CIELAB; NaN where unknown.
      second: The same, to compare them with.

    Returns:
      `[...]` float32, 1 for the very same to 0 for another; 0 where one is unknown.
    """
    apart = first - second
    distance = np.einsum("...d,...d->...", apart, apart) / _WIDTH**2
    same = np.exp(-distance / 2, dtype=np.float32)
    return np.nan_to_num(same, nan=0.0, copy=False)


def other_colors_first(
    found: Neighbors,
    asked: np.ndarray,
    lab: np.ndarray,
    k: int,
    discount: float = SAME_COLOR,
) -> Neighbors:
    """Ranks neighbors anew, those of the query's own color further behind.

    Two products that look alike and have one color are more often two designs than
    variants (two pairs of black trousers). Nothing is excluded: one that is more
    similar by more than the discount stays before another of another color.

    Args:
      found: Neighbors of q queries, some `CANDIDATES` more than are wanted.
      asked: Float `[q, 3]`, the queries' colors in CIELAB; NaN where unknown.
      lab: Float `[n, 3]`, those of the products that were searched.
      k: Neighbors wanted.
      discount: How much less the similarity of the very same color counts.

    Returns:
      The first `k`, with the similarities that they had.
    """
    # One rank after another: the colors of all neighbors are never held at once.
    same = np.stack([same_color(asked, lab[ranked]) for ranked in found.indices.T], 1)
    order = np.argsort(discount * same - found.similarities, axis=1, kind="stable")
    order = order[:, :k]
    return Neighbors(
        np.take_along_axis(found.indices, order, axis=1),
        np.take_along_axis(found.similarities, order, axis=1),
    )
