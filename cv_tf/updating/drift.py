"""Whether a catalogue drifts away from the products that its model is known to suit."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cv_tf.atomic import write_json
from cv_tf.embeddings import Embeddings
from cv_tf.errors import reading
from cv_tf.files import number_in, read_json
from cv_tf.retrieval import nearest

# Standard errors that chance exceeds in one comparison of 2,000: of five comparisons a
# night, one a year warns of nothing.
_STANDARD_ERRORS = 3.29
# The same for the distance of two distributions, sqrt(-ln(alpha / 2) / 2) with alpha of
# 0.0005 (Smirnov, 1948).
_OF_DISTANCE = math.sqrt(-math.log(0.0005 / 2) / 2)
# Products come with their variants, two or three at a time, whose photos are much the
# same: about every second one says something new.
_TOGETHER = 2
# What differs by less is of no consequence, however many products there are.
_LEAST_DISTANCE = 0.1
_LEAST_SHARES = {"no_frame": 0.1, "doubtful": 0.1, "rejected": 0.01}
# A share of last night's products that leaves at once where the table is whole.
_USUALLY_GONE = 0.1
_DECIMALS = 4
_REMEDY = "Remove it: the next run compares later products with those of that run."
_WHAT = "what a nightly run measures"


class Share(NamedTuple):
    """So many of a number of things."""

    number: int
    of: int

    @property
    def value(self) -> float:
        """The share, 0 to 1; 0 of nothing."""
        return self.number / self.of if self.of else 0.0


_NONE = Share(0, 0)


@dataclasses.dataclass(frozen=True)
class Measured:
    """What is measured of some products.

    Attributes:
      nearest: Similarity of each product to the nearest other one of its block, in
        ascending order; those that are alone in their blocks are left out.
      no_frame: Photos in which no plausible frame was found, of those looked at.
      doubtful: Products in doubtful groups.
      doubtful_others: The same of all other products.
      rejected: Products whose photos cannot be used.
    """

    nearest: tuple[float, ...] = ()
    no_frame: Share = _NONE
    doubtful: Share = _NONE
    doubtful_others: Share = _NONE
    rejected: Share = _NONE


@dataclasses.dataclass(frozen=True)
class Baseline:
    """What later products are compared with.

    Attributes:
      run: Number of the run whose products these are.
      made_by: What vectors and frames are made by; those of others are not compared.
      measured: What was measured of them.
    """

    run: int
    made_by: Mapping[str, Any]
    measured: Measured


_SHARES = ("no_frame", "doubtful", "doubtful_others", "rejected")


class Check(NamedTuple):
    """A comparison with the baseline.

    Attributes:
      name: "nearest", "no_frame", "doubtful", "rejected" or "gone".
      value: What was measured.
      limit: What it may be at most.
      number: Number of products, photos or groups it was measured on.
      warning: What is unusual, in a sentence; "" if nothing is.
    """

    name: str
    value: float
    limit: float
    number: int
    warning: str


@dataclasses.dataclass(frozen=True)
class Drift:
    """What a run measures: the baseline, this run, and how they compare."""

    baseline: Baseline
    measured: Measured
    checks: tuple[Check, ...] = ()

    @property
    def warnings(self) -> tuple[str, ...]:
        """The sentences of what is unusual."""
        return tuple(check.warning for check in self.checks if check.warning)


def similarities_to_nearest(
    embeddings: Embeddings, rows: np.ndarray
) -> tuple[float, ...]:
    """Similarity of some products to the nearest other photo of their blocks, sorted.

    Args:
      embeddings: All n products; those of one photo count once.
      rows: [m] int64, rows of the products to measure.
    """
    asked = np.unique(embeddings.copies.place[rows])
    if not len(asked):
        return ()
    all_photos = embeddings.distinct
    found = nearest(all_photos.vectors, 1, all_photos.block, "exact", asked)
    values = found.similarities[found.indices[:, 0] >= 0, 0].astype(np.float64)
    return tuple(np.sort(values.round(_DECIMALS)).tolist())


def ks_distance(first: Sequence[float], second: Sequence[float]) -> float:
    """The largest difference of two distributions (Kolmogorov-Smirnov), 0 to 1.

    Args:
      first: Values in ascending order.
      second: Others; without any of one of them, the distance is 0.

    Example:
      >>> ks_distance([1.0, 2.0, 3.0, 4.0], [3.0, 4.0])
      0.5
    """
    if not len(first) or not len(second):
        return 0.0
    both = np.concatenate([first, second])
    shares = [np.searchsorted(x, both, side="right") / len(x) for x in (first, second)]
    return float(np.abs(shares[0] - shares[1]).max())


def compare_with_baseline(
    baseline: Measured, measured: Measured, gone: Share
) -> tuple[Check, ...]:
    """Compares what is measured of new products with the baseline.

    A warning tells of what is neither chance nor too little to matter: more than the
    largest difference that matters and what chance adds to it, which is more for few
    products.

    Args:
      baseline: Of the products that the model is known to suit.
      measured: Of the new ones; `rejected` is of all products.
      gone: Products of the last run that are no longer there.
    """
    return (
        _check_nearest(baseline, measured),
        *(_check_share(name, baseline, measured) for name in _LEAST_SHARES),
        _check_gone(gone),
    )


def _check_nearest(baseline: Measured, measured: Measured) -> Check:
    value = ks_distance(baseline.nearest, measured.nearest)
    numbers = len(baseline.nearest), len(measured.nearest)
    limit = _LEAST_DISTANCE + _OF_DISTANCE * _chance(*numbers)
    warning = ""
    if value > limit:
        before, now = (np.median(it.nearest) for it in (baseline, measured))
        kind = "less" if now < before else "more"
        warning = (
            f"The {numbers[1]:,} newest products are {kind} similar to their nearest "
            f"neighbors than those of the first run: {now:.2f} in the median, and "
            f"{before:.2f} there. The model may not know products like these."
        )
    return Check("nearest", value, min(limit, 1.0), numbers[1], warning)


def _chance(first: int, second: int) -> float:
    """The standard error of a difference of means, in units of one value's."""
    if not first or not second:
        return math.inf
    return math.sqrt(_TOGETHER * (1 / first + 1 / second))


_SAID = {
    "no_frame": "of {of:,} new photos, {share:.1%} have no plausible frame",
    "doubtful": "of the {of:,} newest products, {share:.1%} are in doubtful groups",
    "rejected": "of all {of:,} products, {share:.1%} have a photo that cannot be used",
}


def _check_share(name: str, baseline: Measured, measured: Measured) -> Check:
    before, now = getattr(baseline, name), getattr(measured, name)
    where = "in the first run"
    if name == "doubtful" and measured.doubtful_others.value > before.value:
        # Doubts grow with the catalogue, whatever is new.
        before, where = measured.doubtful_others, "of all others"
    both = Share(before.number + now.number, before.of + now.of).value
    error = math.sqrt(both * (1 - both))
    limit = before.value + _LEAST_SHARES[name]
    limit += _STANDARD_ERRORS * error * _chance(before.of, now.of) if error else 0.0
    warning = ""
    if now.value > limit:
        said = _SAID[name].format(of=now.of, share=now.value)
        warning = f"{said[0].upper()}{said[1:]}; {where} {before.value:.1%}."
    return Check(name, now.value, min(limit, 1.0), now.of, warning)


def _check_gone(gone: Share) -> Check:
    error = math.sqrt(_USUALLY_GONE * (1 - _USUALLY_GONE))
    chance = math.sqrt(_TOGETHER / gone.of) if gone.of else math.inf
    limit = _USUALLY_GONE + _STANDARD_ERRORS * error * chance
    warning = ""
    if gone.value > limit:
        warning = (
            f"Of the {gone.of:,} products of the last run, {gone.value:.1%} are gone. "
            "The table may have been cut short."
        )
    return Check("gone", gone.value, min(limit, 1.0), gone.of, warning)


def write_drift(path: Path, drift: Drift) -> None:
    """Writes `drift.json`."""
    baseline = drift.baseline
    write_json(
        path,
        {
            "baseline": {
                "run": baseline.run,
                "made_by": dict(baseline.made_by),
                "measured": _as_json(baseline.measured),
            },
            "measured": _as_json(drift.measured),
            "checks": [check._asdict() for check in drift.checks],
        },
    )


def _as_json(measured: Measured) -> dict[str, Any]:
    shares = {name: getattr(measured, name)._asdict() for name in _SHARES}
    return {"nearest": list(measured.nearest), **shares}


def read_drift(path: Path) -> Drift:
    """Reads what `write_drift` has written.

    Raises:
      UserError: If it is damaged.
      OSError: If it cannot be opened.
    """
    content = read_json(path, _WHAT, _REMEDY)
    with reading(path, _WHAT, _REMEDY):
        baseline = content["baseline"]
        checks = [
            Check(
                str(it["name"]),
                number_in(it, "value", 0, 1),
                number_in(it, "limit", 0, 1),
                int(number_in(it, "number", 0, 2**63)),
                str(it["warning"]),
            )
            for it in content["checks"]
        ]
        return Drift(
            Baseline(
                int(number_in(baseline, "run", 1, 2**31)),
                dict(baseline["made_by"]),
                _of_json(baseline["measured"]),
            ),
            _of_json(content["measured"]),
            tuple(checks),
        )


def _of_json(measured: Mapping[str, Any]) -> Measured:
    shares = {
        name: Share(
            *(int(number_in(measured[name], n, 0, 2**63)) for n in Share._fields)
        )
        for name in _SHARES
    }
    values = [float(value) for value in measured["nearest"]]
    if not np.isfinite(values).all() or values != sorted(values):
        raise ValueError("its similarities are no sorted numbers")
    return Measured(tuple(values), **shares)
