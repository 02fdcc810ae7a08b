"""Precision and recall of a whole catalog, estimated from groups drawn at random."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from cv_tf.answers import Answer
from cv_tf.config import GroupingSettings
from cv_tf.embeddings import Embeddings
from cv_tf.grouping import Constraints, Interval, Members
from cv_tf.reviewing.answered_groups import AnsweredGroups

# Strata, which are drawn from equally often.
_NUM_STRATA = 5
# Share of all doubt that is spread evenly over all groups: a model may be wrong.
_EVENLY = 0.25
# Groups of each stratum that must be known before anything is said.
_ENOUGH = 2
# Groups that count beside those drawn from a stratum: off by as much as the model
# expects, or by this share of what it has expected before any answer. So where all
# groups drawn are right, it is the more likely that all others are, the more were
# drawn, and never certain.
_PRIOR, _LEAST_OFF = 1, 0.1
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
      has_beside: [n] bool, products with others that may be shown beside them; None
        for all. A product that is alone, and has none, is right as it is: it is not
        drawn.
      seed: Seed of the order in which groups are drawn.
    """

    def __init__(
        self,
        of: np.ndarray,
        doubt: np.ndarray,
        has_beside: np.ndarray | None = None,
        seed: int = 0,
    ):
        names, self._unit = np.unique(of, return_inverse=True)
        self._names, self._of = names, of
        total = np.bincount(self._unit, doubt)
        is_drawn = np.bincount(self._unit) > 1
        is_drawn |= has_beside is None or np.bincount(self._unit, has_beside) > 0
        root = np.sqrt(np.maximum(total, 0))
        root = (1 - _EVENLY) * root / max(root.sum(), 1e-9) + _EVENLY / len(root)
        order = np.argsort(-root, kind="stable")
        share = np.cumsum(root[order]) - root[order] / 2
        self._stratum = np.empty(len(names), np.int64)
        places = (share * _NUM_STRATA).astype(int)
        self._stratum[order] = np.minimum(places, _NUM_STRATA - 1)
        self._stratum[~is_drawn] = -1
        self._size = np.bincount(self._stratum[is_drawn], minlength=_NUM_STRATA)
        sizes = enumerate(self._size.tolist(), start=1)
        names_of = [f"{number} of {size}" for number, size in sizes]
        self._name_of_stratum = [*names_of, ""]  # The last one of those not drawn.
        in_stratum = [np.flatnonzero(self._stratum == it) for it in range(_NUM_STRATA)]
        self._doubt = [total[it].mean() if len(it) else 0.0 for it in in_stratum]
        drawn = np.random.default_rng(seed).permutation(len(names))
        drawn = drawn[is_drawn[drawn]]
        by_stratum = np.argsort(self._stratum[drawn], kind="stable")
        self._order = np.split(drawn[by_stratum], np.cumsum(self._size)[:-1])

    def members(self, name: int) -> np.ndarray:
        """The rows of a group that is drawn, [m] int64."""
        return np.flatnonzero(self._of == name)

    def stratum(self, row: int) -> str:
        """The name of the stratum of a product's group: its number and its size."""
        return self._name_of_stratum[self._stratum[self._unit[row]]]

    def next(self, drawn: Mapping[int, str], waiting: Collection[int]) -> int | None:
        """The name of the group that is drawn next; None if all are.

        Args:
          drawn: Strata of the groups that were drawn, by the first row shown of them.
          waiting: Such rows of groups that are drawn, but not answered.
        """
        taken = {*self._counted(drawn), *self._unit[list(waiting)].tolist()}
        number = np.bincount(self._stratum[list(taken)], minlength=_NUM_STRATA)
        for place in np.argsort(number, kind="stable").tolist():
            for unit in self._order[place]:
                if unit not in taken:
                    return int(self._names[unit])
        return None

    def _counted(self, drawn: Mapping[int, str]) -> list[int]:
        """Groups drawn from the strata as they are: other vectors have made others."""
        units = self._unit[list(drawn)]
        names, own = drawn.values(), self._stratum[units].tolist()
        as_is = [
            place >= 0 and name == self._name_of_stratum[place]
            for name, place in zip(names, own, strict=True)
        ]
        return np.unique(units[as_is]).tolist()

    def estimate(
        self,
        drawn: Mapping[int, str],
        of: np.ndarray,
        known: Constraints,
        wrong: np.ndarray,
        missed: np.ndarray,
        delivered: np.ndarray | None = None,
    ) -> Quality | None:
        """Precision and recall of groups; None while too little is known.

        Args:
          drawn: Strata of the groups that were drawn and answered, by row.
          of: [n] int, groups, which were not made by the answers about these products.
          known: All that people have said.
          wrong: [n] float64, products of its group that are expected to be no variants
            of each product.
          missed: [n] float64, products outside that are expected to be variants.
          delivered: [n] int, groups that were made by these answers, too, which are
            those to tell of; None for `of`.
        """
        units = np.array(self._counted(drawn), np.int64)
        number = np.bincount(self._stratum[units], minlength=_NUM_STRATA)
        if not len(units) or (number < np.minimum(_ENOUGH, self._size)).any():
            return None
        grouped = np.bincount(of, minlength=len(of))[of] - 1.0
        expected = self._sums(grouped - wrong, grouped - wrong + missed)
        off = self._found(units, of, known, wrong) - expected[:, units]
        weight = (self._size / np.maximum(number, 1))[self._stratum[units]]
        right, true = np.maximum(expected.sum(axis=1) + off @ weight, 1e-9)
        if delivered is not None:
            # What the answers about drawn groups have put right is known.
            right += _num_known(delivered, known) - _num_known(of, known)
            grouped = np.bincount(delivered)[delivered] - 1.0
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
        self, units: np.ndarray, of: np.ndarray, known: Constraints, wrong: np.ndarray
    ) -> np.ndarray:
        """Pairs of m groups that are grouped rightly, and all true ones, [2, m].

        A pair counts for both of its products. Pairs in a group that nobody knows count
        as far as is expected.
        """
        rows = np.flatnonzero(np.isin(self._unit, units))
        _, group, size = np.unique(of, return_inverse=True, return_counts=True)
        mates = Members(group, size, np.unique(group[rows]))
        place, mate = mates.of(group[rows])
        row = rows[place]
        is_same = known.together[mate] == known.together[row]
        is_open = ~(is_same | known.are_apart(row, mate))
        same, left = (np.bincount(place, it, len(rows)) for it in (is_same, is_open))
        unknown = left * (1 - wrong[rows] / np.maximum(size[group[rows]] - 1, 1))
        together = known.together[rows]
        true = np.bincount(known.together)[together]
        found = np.stack([same - 1 + unknown, true - 1 + unknown])
        unit = np.searchsorted(units, self._unit[rows])
        return np.stack([np.bincount(unit, it, len(units)) for it in found])

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
            expected = max(expected, _LEAST_OFF * self._doubt[place])
            squares = ((own - own.mean()) ** 2).sum() + _PRIOR * expected
            of_one = squares / (len(own) - 1 + _PRIOR)
            variance += size**2 * (1 - len(own) / size) * of_one / len(own)
        return variance


def _num_known(of: np.ndarray, known: Constraints) -> int:
    """Pairs in groups, [n] int, that are known to be right, twice each."""
    cell = np.stack(
        [np.unique(it, return_inverse=True)[1] for it in (of, known.together)]
    )
    _, size = np.unique(cell[0] * len(of) + cell[1], return_counts=True)
    return int((size.astype(np.int64) * (size - 1)).sum())


def _interval(ratio: float, variance: float, num_drawn: int) -> Interval:
    """The interval of a ratio that so many groups tell with this variance."""
    # At the ends, where no trial fails, the number follows from the deviation alone.
    deviation = min(max(variance, 1e-12) ** 0.5, 0.5)
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


def catalog_quality(
    embeddings: Embeddings,
    answers: Sequence[Answer],
    settings: GroupingSettings | None = None,
) -> Quality | None:
    """Estimates precision and recall of the groups that answers lead to.

    They are told by the groups that `Review` has drawn at random among its questions.
    Recall is that of variants in the same block.

    Args:
      embeddings: Embeddings of the catalog.
      answers: Answers in the order of time, as `AnswerStore.answers` returns them.
      settings: Settings of the grouping, as in the review; None for the defaults.

    Returns:
      Both with intervals that hold 95%; None while too few groups were drawn.
    """
    now = AnsweredGroups(embeddings, answers, settings or GroupingSettings())
    return quality_of(now, share_of(now))


def share_of(now: AnsweredGroups, seed: int = 0) -> RandomShare:
    """The sample that is drawn of a catalog; the seed is that of its order."""
    # Beside a product without neighbors there is nothing to show.
    has_beside = np.any(now.neighbors.indices >= 0, axis=1)
    return RandomShare(now.before, now.doubt_before, has_beside, seed)


def quality_of(now: AnsweredGroups, share: RandomShare) -> Quality | None:
    """The same of groups as they are now; `share` is the sample that is drawn."""
    choice = now.choice
    known, of = now.all.words.known, now.chosen.live.of
    return share.estimate(
        now.drawn, of, known, choice.wrong, choice.missed, now.all.live.of
    )
