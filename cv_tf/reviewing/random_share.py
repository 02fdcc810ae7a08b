"""Precision and recall of a whole catalog, estimated from products drawn at random."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

import numpy as np
from scipy import stats

from cv_tf.grouping import Constraints, Interval

# Shares of the products in each stratum, those with the nearest neighbors first, and
# how often products of it are drawn, relative to their number.
_SHARES = (0.15, 0.2, 0.25, 0.4)
_DRAWN = (1.0, 0.8, 0.5, 0.25)
# Products of each stratum that must be known before anything is said.
_ENOUGH = 2
_ALPHA = 0.05


class Quality(NamedTuple):
    """Pairwise precision and recall of groups, with intervals that hold 95%."""

    precision: Interval
    recall: Interval


class RandomShare:
    """A stratified random sample of products, drawn one by one.

    Strata are of products with neighbors about as near, which no answer changes, so
    that the sample can be left off and gone on with. What is estimated are ratios of
    totals over all products (Cochran, "Sampling Techniques", 1977, chapter 6), and the
    intervals are those of Clopper and Pearson for the number of products that would say
    as much if they were drawn without strata (Korn and Graubard, "Confidence intervals
    for proportions with small expected number of positive counts estimated from survey
    data", Survey Methodology, 1998).

    Args:
      nearest: [n] float, similarity of each product's nearest neighbor.
      seed: Seed of the order in which products are drawn.
    """

    def __init__(self, nearest: np.ndarray, seed: int = 0):
        number = len(nearest)
        order = np.argsort(-nearest, kind="stable")
        ends = np.round(np.cumsum(_SHARES) * number).astype(int)
        self._stratum = np.empty(number, np.int64)
        self._stratum[order] = np.searchsorted(ends, np.arange(number), side="right")
        self._stratum = np.minimum(self._stratum, len(_SHARES) - 1)
        self._size = np.bincount(self._stratum, minlength=len(_SHARES))
        drawn = np.random.default_rng(seed).permutation(number)
        by_stratum = np.argsort(self._stratum[drawn], kind="stable")
        ends = np.cumsum(self._size)[:-1]
        self._order = np.split(drawn[by_stratum], ends)

    def stratum(self, row: int) -> str:
        """The name of a product's stratum: its number, and that of its products."""
        number = int(self._stratum[row])
        return f"{number + 1} of {self._size[number]}"

    def next(self, drawn: Mapping[int, str], busy: Collection[int] = ()) -> int | None:
        """The row that is drawn next; None if all are.

        Args:
          drawn: Strata of the products that were drawn already, by row.
          busy: Rows that are drawn, but not answered.
        """
        counted = self._counted(drawn)
        number = np.bincount(self._stratum[counted], minlength=len(_SHARES))
        number += np.bincount(self._stratum[list(busy)], minlength=len(_SHARES))
        weight = np.maximum(self._size * _DRAWN, 1e-9)
        taken = {*counted, *busy}
        # At first, each stratum needs enough; then the one that lags behind most.
        lag = np.where(number < _ENOUGH, number - _ENOUGH, number / weight * len(taken))
        for place in np.argsort(lag, kind="stable").tolist():
            for row in self._order[place].tolist():
                if row not in taken:
                    return row
        return None

    def _counted(self, drawn: Mapping[int, str]) -> list[int]:
        """Rows drawn from the strata as they are: other vectors have made others."""
        return [row for row, name in drawn.items() if name == self.stratum(row)]

    def estimate(
        self, drawn: Mapping[int, str], of: np.ndarray, known: Constraints
    ) -> Quality | None:
        """Precision and recall of groups; None while too little is known.

        Args:
          drawn: Strata of the products that were drawn and answered, by row.
          of: [n] int, groups, which were not made by the answers about these products.
          known: All that people have said.
        """
        rows = np.array(self._counted(drawn), np.int64)
        number = np.bincount(self._stratum[rows], minlength=len(_SHARES))
        if (number < np.minimum(_ENOUGH, self._size)).any():
            return None
        pairs = np.array([_pairs(row, of, known) for row in rows.tolist()]).reshape(-1, 3)
        right, grouped, true = pairs.T
        return Quality(
            self._ratio(rows, right, grouped), self._ratio(rows, right, true)
        )

    def _ratio(self, rows: np.ndarray, above: np.ndarray, below: np.ndarray) -> Interval:
        """A ratio of totals, from its parts at drawn products, with its interval."""
        stratum = self._stratum[rows]
        number = np.bincount(stratum, minlength=len(_SHARES))
        weight = (self._size / np.maximum(number, 1))[stratum]
        total = float(weight @ below)
        if not total:
            return Interval(0.0, 0.0, 1.0)
        ratio = float(weight @ above) / total
        residual = above - ratio * below
        variance = 0.0
        for place, count in enumerate(number.tolist()):
            if count > 1:
                left_out = 1 - count / self._size[place]
                spread = residual[stratum == place].var(ddof=1) / count
                variance += self._size[place] ** 2 * left_out * spread
        num_telling = int((below > 0).sum())
        return _interval(ratio, variance / total**2, num_telling)


def _pairs(row: int, of: np.ndarray, known: Constraints) -> tuple[int, int, int]:
    """Pairs of a product: grouped rightly, grouped, and true ones.

    Pairs that are grouped, and that nobody knows, are left out.
    """
    mates = np.flatnonzero(of == of[row])
    mates = mates[mates != row]
    is_same = known.together[mates] == known.together[row]
    is_other = known.are_apart(np.full(len(mates), row), mates)
    num_true = int((known.together == known.together[row]).sum()) - 1
    return int(is_same.sum()), int(is_same.sum() + is_other.sum()), num_true


def _interval(ratio: float, variance: float, num_telling: int) -> Interval:
    """The interval of a ratio that this many products tell with this variance."""
    effective = float(num_telling)
    if variance > 0 and 0 < ratio < 1:
        effective = min(ratio * (1 - ratio) / variance, effective)
    if num_telling > 1:  # Few products know the variance but vaguely.
        normal = stats.norm.ppf(1 - _ALPHA / 2)
        effective *= (normal / stats.t.ppf(1 - _ALPHA / 2, num_telling - 1)) ** 2
    right = ratio * effective
    wrong = effective - right
    low = stats.beta.ppf(_ALPHA / 2, right, wrong + 1) if right > 0 else 0.0
    high = stats.beta.ppf(1 - _ALPHA / 2, right + 1, wrong) if wrong > 0 else 1.0
    return Interval(ratio, float(low), float(high))
