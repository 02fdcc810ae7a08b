"""Colors in the ranking of neighbors: variants differ in color."""

from __future__ import annotations

import numpy as np

from cv_tf.retrieval.neighbors import Neighbors

# Neighbors to look at beside those that are wanted: a product of another color may be
# as far behind as there are products of the query's color before it.
CANDIDATES = 100
# Distance in CIELAB at which the colors of two photos begin to differ. On real photos
# a third of the strangers that look alike are nearer than this, and 3% of the variants.
_WIDTH = 8.0


def same_color(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Similarity of colors, [...] float32, 0 to 1: a Gaussian of their distance.

    Args:
      first: [..., 3] float, colors in CIELAB; NaN where unknown, which gives 0.
      second: [..., 3] float, colors to compare them with.
    """
    apart = first - second
    distance = np.einsum("...d,...d->...", apart, apart) / _WIDTH**2
    same = np.exp(-distance / 2, dtype=np.float32)
    return np.nan_to_num(same, nan=0.0, copy=False)


def other_colors_first(
    found: Neighbors, asked: np.ndarray, lab: np.ndarray, k: int, color_weight: float
) -> Neighbors:
    """The first `k` of neighbors, those of the query's own color ranked further behind.

    Two products that look alike and have one color are more often two designs than
    variants (two pairs of black trousers). Nothing is excluded: a product that is more
    similar by more than the weight stays before others. Similarities are unchanged.

    Args:
      found: Neighbors of q queries, `CANDIDATES` more than are wanted.
      asked: [q, 3] float, colors of the queries in CIELAB; NaN where unknown.
      lab: [n, 3] float, colors of the products that were searched.
      k: Number of neighbors wanted.
      color_weight: How much less the similarity of the very same color counts, 0 to 2.
    """
    # One rank after another: the colors of all neighbors are never held at once.
    same = np.stack([same_color(asked, lab[ranked]) for ranked in found.indices.T], 1)
    keys = color_weight * same - found.similarities
    order = np.argsort(keys, axis=1, kind="stable")[:, :k]
    return Neighbors(
        np.take_along_axis(found.indices, order, axis=1),
        np.take_along_axis(found.similarities, order, axis=1),
    )
