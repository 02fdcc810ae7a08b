"""Colors in the ranking of neighbors: variants differ in color."""

from __future__ import annotations

import numpy as np

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
    the strength of color; docs/explanations/pair_model.md has it for each.

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
