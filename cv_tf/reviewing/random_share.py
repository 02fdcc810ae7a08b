"""Precision and recall of a whole catalog, estimated from groups drawn at random."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

import numpy as np
from scipy import stats

from cv_tf.grouping import Constraints, Interval

# Strata, which are drawn from equally often.
_NUM_STRATA = 5
# Share of all doubt that is spread evenly over all groups: a model may be wrong.
_EVENLY = 0.25
# Groups of each stratum that must be known before anything is said.
_ENOUGH = 2
# Groups as the model expects them, that count beside those drawn from a stratum.
_PRIOR = 1
_HIGH = 0.975


class Quality(NamedTuple):
    """Pairwise precision and recall of groups, with intervals that hold 95%."""

    precision: Interval
    recall: Interval


class RandomShare:
    """A stratified random sample of groups as they were before any answer.

    Strata are of groups of about equal doubt, and the more doubt, the fewer groups a
    stratum has: their borders are those of Dalenius and Hodges ("Minimum variance
    stratification", JASA, 1959). As no answer changes them, the sample can be left off
    and gone on with.

    What the model of pairs expects of all products is put right by how far it is off
    on those drawn. This difference estimator is unbiased whatever the model is worth
    (Särndal, Swensson and Wretman, "Model Assisted Survey Sampling", 1992, chapter 6).
    Intervals are those of Clopper and Pearson for the number of pairs that would say as
    much (Korn and Graubard, "Confidence intervals for proportions with small expected
    number of positive counts estimated from survey data", Survey Methodology, 1998).

    Args:
      of: [n] int, groups before any answer, named by the lowest of their rows.
      doubt: [n] float64, products that are expected to be wrong in each product's
        group, or missed.
      seed: Seed of the order in which groups are drawn.
    """

    def __init__(self, of: np.ndarray, doubt: np.ndarray, seed: int = 0):
        names, self._unit = np.unique(of, return_inverse=True)
        self._names, self._of = names, of
        total = np.bincount(self._unit, doubt)
        root = np.sqrt(np.maximum(total, 0))
        root = (1 - _EVENLY) * root / max(root.sum(), 1e-9) + _EVENLY / len(root)
        order = np.argsort(-root, kind="stable")
        share = np.cumsum(root[order]) - root[order] / 2
        self._stratum = np.empty(len(names), np.int64)
        places = (share * _NUM_STRATA).astype(int)
        self._stratum[order] = np.minimum(places, _NUM_STRATA - 1)
        self._size = np.bincount(self._stratum, minlength=_NUM_STRATA)
        drawn = np.random.default_rng(seed).permutation(len(names))
        by_stratum = np.argsort(self._stratum[drawn], kind="stable")
        self._order = np.split(drawn[by_stratum], np.cumsum(self._size)[:-1])

    def members(self, name: int) -> np.ndarray:
        """The rows of a group that is drawn, [m] int64."""
        return np.flatnonzero(self._of == name)

    def stratum(self, row: int) -> str:
        """The name of the stratum of a product's group: its number and its size."""
        number = int(self._stratum[self._unit[row]])
        return f"{number + 1} of {self._size[number]}"

    def next(self, drawn: Mapping[int, str], waiting: Collection[int]) -> int | None:
        """The name of the group that is drawn next; None if all are.

        Args:
          drawn: Strata of the groups that were drawn, by the first row shown of them.
          waiting: Such rows of groups that are drawn, but not answered.
        """
        taken = {*self._counted(drawn), *self._unit[list(waiting)].tolist()}
        number = np.bincount(self._stratum[list(taken)], minlength=_NUM_STRATA)
        for place in np.argsort(number, kind="stable").tolist():
            for unit in self._order[place].tolist():
                if unit not in taken:
                    return int(self._names[unit])
        return None

    def _counted(self, drawn: Mapping[int, str]) -> list[int]:
        """Groups drawn from the strata as they are: other vectors have made others."""
        rows = [row for row, name in drawn.items() if name == self.stratum(row)]
        return np.unique(self._unit[rows]).tolist()

    def estimate(
        self,
        drawn: Mapping[int, str],
        of: np.ndarray,
        known: Constraints,
        wrong: np.ndarray,
        missed: np.ndarray,
    ) -> Quality | None:
        """Precision and recall of groups; None while too little is known.

        Args:
          drawn: Strata of the groups that were drawn and answered, by row.
          of: [n] int, groups, which were not made by the answers about these products.
          known: All that people have said.
          wrong: [n] float64, products of its group that are expected to be no variants
            of each product.
          missed: [n] float64, products outside that are expected to be variants.
        """
        units = np.array(self._counted(drawn), np.int64)
        number = np.bincount(self._stratum[units], minlength=_NUM_STRATA)
        if (number < np.minimum(_ENOUGH, self._size)).any():
            return None
        grouped = np.bincount(of, minlength=len(of))[of] - 1.0
        expected = self._sums(grouped - wrong, grouped - wrong + missed)
        found = np.array([self._found(unit, of, known, wrong) for unit in units]).T
        off = found - expected[:, units]
        weight = (self._size / np.maximum(number, 1))[self._stratum[units]]
        right, true = np.maximum(expected.sum(axis=1) + off @ weight, 1e-9)
        pairs = max(grouped.sum(), 1e-9)
        precision, recall = min(right / pairs, 1.0), min(right / true, 1.0)
        # What the model itself leaves open: where all groups drawn so far are as
        # expected, more of them need not be.
        wrong_of, missed_of = self._sums(wrong, missed)
        variance = self._variance(units, off[0], wrong_of**2)
        tell = off[0] - recall * off[1]
        open_of = ((1 - recall) * wrong_of) ** 2 + (recall * missed_of) ** 2
        of_recall = self._variance(units, tell, open_of)
        return Quality(
            _interval(precision, variance / pairs**2, len(units)),
            _interval(recall, of_recall / true**2, len(units)),
        )

    def _sums(self, *of_rows: np.ndarray) -> np.ndarray:
        """Sums over the products of each group, [k, groups] float64."""
        return np.stack([np.bincount(self._unit, of) for of in of_rows])

    def _found(
        self, unit: int, of: np.ndarray, known: Constraints, wrong: np.ndarray
    ) -> np.ndarray:
        """Pairs of a group's products that are grouped rightly, and all true ones.

        Pairs in a group that nobody knows count as far as is expected.
        """
        sums = np.zeros(2)
        for row in self.members(int(self._names[unit])):
            mates = np.flatnonzero(of == of[row])
            is_same = known.together[mates] == known.together[row]
            is_other = known.are_apart(np.full(len(mates), row), mates)
            unknown = len(mates) - is_same.sum() - is_other.sum()
            unknown *= 1 - wrong[row] / max(len(mates) - 1, 1)
            true = (known.together == known.together[row]).sum()
            sums += is_same.sum() - 1 + unknown, true - 1 + unknown
        return sums

    def _variance(
        self, units: np.ndarray, residual: np.ndarray, usual: np.ndarray
    ) -> float:
        """The variance of a total of which groups drawn tell [m] residuals.

        `usual`, [groups], is the square of a residual that is to be expected.
        """
        stratum, variance = self._stratum[units], 0.0
        for place, size in enumerate(self._size.tolist()):
            own = residual[stratum == place]
            if not len(own):
                continue
            expected = float(usual[self._stratum == place].mean())
            squares = ((own - own.mean()) ** 2).sum() + _PRIOR * expected
            of_one = squares / (len(own) - 1 + _PRIOR)
            variance += size**2 * (1 - len(own) / size) * of_one / len(own)
        return variance


def _interval(ratio: float, variance: float, num_drawn: int) -> Interval:
    """The interval of a ratio that so many groups tell with this variance."""
    # At the ends, where no trial fails, the number follows from the deviation alone.
    deviation = min(max(variance, 1e-9) ** 0.5, 0.5)
    inside = min(max(ratio, deviation), 1 - deviation)
    number = inside * (1 - inside) / deviation**2
    # Few groups know the variance but vaguely.
    degrees = max(num_drawn - _NUM_STRATA, 1)
    normal, student = stats.norm.ppf(_HIGH), stats.t.ppf(_HIGH, degrees)
    number *= (normal / student) ** 2
    right, wrong = ratio * number, (1 - ratio) * number
    low = stats.beta.ppf(1 - _HIGH, right, wrong + 1) if right > 0 else 0.0
    high = stats.beta.ppf(_HIGH, right + 1, wrong) if wrong > 0 else 1.0
    return Interval(ratio, min(float(low), ratio), max(float(high), ratio))
