"""What to expect of groups: precision and recall, and how well they are known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from cv_tf.errors import UserError
from cv_tf.grouping.dendrograms import Dendrograms, Evidence
from cv_tf.grouping.pair_model import PairModel

# Variants that no merge brings together are those of products that are no neighbors, or
# less alike than all merges tried. Where few of the right pairs are probable ones, the
# vectors see little, and there are more such variants: of how many times as many pairs
# of variants there are as among merges that are not quite improbable, the logarithm
# falls with the share of those above even odds. Measured on catalogs of two retailers,
# whole ones and parts of them.
_IMPROBABLE = 0.05
_MISSED, _MISSED_FALL, _MISSED_DEVIATION = 1.0, 1.2, 0.2
_NUM_BINS = 500
# Share of the cases in which the truth is to be within an interval.
_COVERED = 0.9


class Interval(NamedTuple):
    """A figure, 0 to 1, and the interval that it is in with a probability of 0.9."""

    estimate: float
    low: float
    high: float

    @classmethod
    def of(cls, values: np.ndarray, estimate: float | None = None) -> Interval:
        """The interval of [d] draws; their mean is the estimate, if none is given.

        It reaches to the estimate, which a few draws that are far off may move out.
        """
        tail = (1 - _COVERED) / 2
        low, high = np.quantile(values, [tail, 1 - tail])
        if estimate is None:
            estimate = float(values.mean())
        return cls(estimate, min(float(low), estimate), max(float(high), estimate))


class Expected(NamedTuple):
    """Figures to expect of pairs of products that are grouped."""

    precision: Interval
    recall: Interval
    f1: Interval

    def summary(self) -> dict[str, dict[str, float]]:
        """The intervals by names."""
        return {name: of._asdict() for name, of in self._asdict().items()}


def expect(
    model: PairModel, dendrograms: Dendrograms, threshold: float
) -> Expected | None:
    """The figures of groups at a threshold; None if nothing merges there.

    Args:
      model: Model of the catalog's pairs.
      dendrograms: Its merges with their evidence, down to unlikely ones.
      threshold: Mean similarity at which groups join, not below the floor.
    """
    evidence = dendrograms.known_evidence
    kept = np.searchsorted(-dendrograms.similarities, -threshold, side="right")
    if not kept:
        return None
    grouped = evidence.num_pairs[:kept].sum()
    certain = dendrograms.num_certain
    right, chance = _right(model, evidence[:kept], certain)
    other, _ = _right(model, evidence[kept:])
    total = _total(right + other, right.expected)
    random = np.random.default_rng(0)
    # Which of the merges are right is a matter of chance, too.
    right_pairs = right.expected + chance * random.standard_normal(len(chance))
    right_pairs = np.clip(right_pairs, 0, np.minimum(grouped, total))
    return Expected(
        Interval.of(right_pairs / grouped),
        Interval.of(right_pairs / total),
        Interval.of(2 * right_pairs / (grouped + total)),
    )


def best_threshold(
    model: PairModel,
    dendrograms: Dendrograms,
    criterion: str = "f1",
    min_precision: float | None = None,
) -> float:
    """The threshold that is expected to group best, whatever the parameters are.

    For each draw of the parameters there is a best threshold. The one that is chosen
    has the highest mean share of the figure at the best: so it is not far off in a
    catalog where hardly any product has variants, nor where most have. To group nothing
    is perfect where no two products are variants, which is likely where few are alike.

    Args:
      model: Model of the catalog's pairs.
      dendrograms: Its merges with their evidence, down to unlikely ones.
      criterion: "f1" or "fms", of pairs of products.
      min_precision: Pairwise precision to expect at least, 0 to 1, at the highest
        recall, whatever the criterion. None goes by the criterion alone.

    Raises:
      UserError: If no threshold is expected to reach `min_precision`.
    """
    evidence = dendrograms.known_evidence
    if not len(evidence):
        return 1.0
    levels = dendrograms.similarities
    # Merges to former groups come first, at any threshold.
    num_fixed = int(np.isinf(levels).sum())
    ends = _ends(len(evidence), dendrograms.num_certain, num_fixed)
    binned = _binned(evidence, ends)
    probability = model.drawn(binned)
    probability[:, ends <= dendrograms.num_certain] = 1
    right = np.cumsum(probability * binned.num_pairs, axis=1)
    grouped = np.cumsum(binned.num_pairs)
    numbers = np.append(0, ends)
    possible = numbers >= num_fixed
    if min_precision is not None:
        precision = np.append(0.0, (right / grouped).mean(axis=0))[possible]
        chosen = _last_of_precision(precision, min_precision)
    else:
        total = _total(_Right.of(probability, binned.num_pairs))[:, None]
        if criterion == "f1":
            figure = 2 * right / (grouped + total)
        else:
            figure = right / np.sqrt(grouped * total)
        wrong = np.log1p(-np.minimum(probability, 1 - 1e-12))
        nothing = np.exp(wrong @ np.diff(ends, prepend=0))
        figure = np.column_stack([nothing, figure])[:, possible]
        share = (figure / figure.max(axis=1, keepdims=True)).mean(axis=0)
        chosen = int(share.argmax())
    return _between(dendrograms, int(numbers[possible][chosen]))


def _last_of_precision(precision: np.ndarray, least: float) -> int:
    """The place of the last of the expected precisions that is high enough."""
    reached = np.flatnonzero(precision >= least)
    if not len(reached):
        raise UserError(
            f"No threshold is expected to group with a precision of {least}: the "
            f"highest is {precision.max():.3f}. Ask for less, or answer questions "
            "(--ask), so that more is known."
        )
    return int(reached[-1])


def _between(dendrograms: Dendrograms, last: int) -> float:
    """A threshold between so many merges and the next."""
    levels = dendrograms.similarities
    below = levels[last] if last < len(levels) else dendrograms.floor
    above = min(levels[last - 1], 1.0) if last else 1.0
    return float((above + max(min(below, above), dendrograms.floor)) / 2)


@dataclass(frozen=True)
class _Right:
    """Expected numbers of right pairs by each draw of the parameters, [d] float64.

    They are all, those that are not improbable, and those above even odds.
    """

    expected: np.ndarray
    possible: np.ndarray
    probable: np.ndarray

    @classmethod
    def of(cls, probability: np.ndarray, num_pairs: np.ndarray) -> _Right:
        """Those of merges of [m] pairs with [d, m] probabilities."""
        sums = (
            np.where(probability > least, probability, 0) @ num_pairs
            for least in (-1.0, _IMPROBABLE, 0.5)
        )
        return cls(*sums)

    def __add__(self, other: _Right) -> _Right:
        return _Right(
            self.expected + other.expected,
            self.possible + other.possible,
            self.probable + other.probable,
        )


def _right(
    model: PairModel, evidence: Evidence, num_certain: int = 0
) -> tuple[_Right, np.ndarray]:
    """Right pairs of merges, and the standard deviation that chance adds, [d].

    So many of the first merges are known to be right.
    """
    if not len(evidence):
        zero = np.zeros(len(model.middle))
        return _Right(zero, zero, zero), zero
    ends = _ends(len(evidence), num_certain)
    binned = _binned(evidence, ends)
    probability = model.drawn(binned)
    probability[:, ends <= num_certain] = 1
    squares = np.add.reduceat(evidence.num_pairs**2, np.r_[0, ends[:-1]])
    chance = np.sqrt((probability * (1 - probability)) @ squares)
    return _Right.of(probability, binned.num_pairs), chance


def _total(right: _Right, least: np.ndarray | float = 0.0) -> np.ndarray:
    """Numbers of pairs of variants, [d], those that no merge shows among them."""
    random = np.random.default_rng(1)
    share = right.probable / np.maximum(right.possible, 1e-9)
    missed = np.maximum(_MISSED - _MISSED_FALL * share, 0)
    missed += _MISSED_DEVIATION * random.standard_normal(len(share))
    total = right.possible * np.exp(np.maximum(missed, 0))
    return np.maximum(np.maximum(total, least), 1e-9)


def _ends(num_merges: int, *others: int) -> np.ndarray:
    """Ends of bins of merges, [bins] int64, ascending; `others` above 0 are, too."""
    bins = min(_NUM_BINS, num_merges)
    ends = np.arange(1, bins + 1) * num_merges // bins
    return np.union1d(ends, [end for end in others if end > 0]).astype(np.int64)


def _binned(evidence: Evidence, ends: np.ndarray) -> Evidence:
    """The means of bins of merges, weighted by pairs, and their numbers of pairs."""
    starts = np.r_[0, ends[:-1]]
    weight = evidence.num_pairs
    pairs = np.add.reduceat(weight, starts)
    cosine, color = (
        np.add.reduceat(weight * of, starts) / pairs
        for of in (evidence.cosine, evidence.color)
    )
    return Evidence(cosine, color, pairs)
