"""How probable it is that products so alike are variants."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression

# Where no labels tell: a likeness of 0.05 above the threshold makes it 0.73.
_WIDTH = 0.05
_UNREGULARIZED = 1e6


@dataclass(frozen=True)
class Certainty:
    """Turns likeness into a probability, by a logistic curve.

    Attributes:
      middle: The likeness at which it is one half.
      width: How far likeness rises while the odds grow by a factor of e.
    """

    middle: float
    width: float = _WIDTH

    def __call__(self, likeness: np.ndarray) -> np.ndarray:
        """The probabilities of `[m]` likenesses, `[m]` float64."""
        scaled = (np.asarray(likeness, np.float64) - self.middle) / self.width
        return 1 / (1 + np.exp(-np.clip(scaled, -50, 50)))


def fit_certainty(
    levels: np.ndarray, right: np.ndarray, wrong: np.ndarray
) -> Certainty | None:
    """Fits the curve to merges of labelled products (Platt, 1999).

    Args:
      levels: `[m]` likeness at which groups merged.
      right: `[m]` pairs of one style that each merge brought together.
      wrong: `[m]` pairs of different styles.

    Returns:
      The curve; None where likeness tells nothing.
    """
    total = right + wrong
    known = (total > 0) & np.isfinite(levels)
    share = right[known] / total[known]
    # Each merge is a case, however many pairs it has: as right as they are.
    cases = np.tile(levels[known], 2)[:, None]
    is_right = np.repeat([1, 0], len(share))
    weight = np.concatenate([share, 1 - share])
    if not 0 < weight[: len(share)].sum() < len(share):
        return None
    model = LogisticRegression(C=_UNREGULARIZED).fit(cases, is_right, weight)
    slope = float(model.coef_[0, 0])
    if slope <= 0:
        return None
    return Certainty(float(-model.intercept_[0] / slope), 1 / slope)
