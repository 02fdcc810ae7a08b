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
# Log-odds of color at some distances in CIELAB; between them they are interpolated.
_DISTANCES = (2.0, 6.0, 10.0, 15.0, 22.0, 31.0, 43.0, 60.0)
_LOG_ODDS = (-0.95, -0.5, -0.25, -0.05, 0.15, 0.4, 0.7, 0.9)
_STEPS = 64  # In a unit of distance.
_TABLE = np.interp(
    np.arange(_DISTANCES[-1] * _STEPS + 1) / _STEPS, _DISTANCES, _LOG_ODDS
).astype(np.float32)
# Log-odds of the very same color, and of two that could hardly be further apart.
SAME_COLOR, OTHER_COLOR = _LOG_ODDS[0], _LOG_ODDS[-1]


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


def color_log_odds(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """What two colors say for two products being variants, [...] float32 log-odds.

    The natural logarithm of how many times as often a distance of colors is seen
    between variants as between other products that look alike. Variants differ in color
    by definition: of two products that look alike, those of one color are more often
    two designs (two pairs of black trousers) than variants. The values are those of two
    retailers with solid and patterned products, where they are alike up to a factor,
    the strength of color; docs/grouping.md has it for each.

    Args:
      first: [..., 3] float, colors in CIELAB; NaN where unknown, which says nothing: 0.
      second: [..., 3] float, colors to compare them with.
    """
    apart = np.asarray(first, np.float32) - second
    distance = np.sqrt(np.einsum("...d,...d->...", apart, apart))
    unknown = np.isnan(distance)
    steps = np.where(unknown, 0, np.minimum(distance * _STEPS, len(_TABLE) - 1))
    # Looking up is several times as fast as interpolation of each pair.
    found = _TABLE.take(np.rint(steps).astype(np.int32))
    return np.where(unknown, np.float32(0), found)


def other_colors_first(
    found: Neighbors, asked: np.ndarray, lab: np.ndarray, k: int, color_weight: float
) -> Neighbors:
    """The first `k` of neighbors, those of the query's own color ranked further behind.

    Nothing is excluded: a product of the query's color that is more similar by more
    than its discount stays before others. Similarities are unchanged.

    Args:
      found: Neighbors of q queries, `CANDIDATES` more than are wanted.
      asked: [q, 3] float, colors of the queries in CIELAB; NaN where unknown.
      lab: [n, 3] float, colors of the products that were searched.
      k: Number of neighbors wanted.
      color_weight: Similarity that a unit of `color_log_odds` is worth, 0 or more.
    """
    # One rank after another: the colors of all neighbors are never held at once.
    odds = np.stack([color_log_odds(asked, lab[ranked]) for ranked in found.indices.T])
    keys = -(color_weight * odds.T + found.similarities)
    order = np.argsort(keys, axis=1, kind="stable")[:, :k]
    return Neighbors(
        np.take_along_axis(found.indices, order, axis=1),
        np.take_along_axis(found.similarities, order, axis=1),
    )
