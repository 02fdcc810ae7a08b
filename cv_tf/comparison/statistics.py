"""Means over seeds, and which of them can be told apart."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from typing import NamedTuple

_CONFIDENCE = 0.95

BEST, EQUAL, OTHER = "best", "equal", ""


class Summary(NamedTuple):
    """A figure of a recipe over its runs.

    Attributes:
      values: One a run, at least one.
      is_constant: Whether it does not depend on the seed, as that of a frozen network.
    """

    values: tuple[float, ...]
    is_constant: bool = False

    @property
    def mean(self) -> float:
        """Of the values."""
        return statistics.fmean(self.values)

    @property
    def deviation(self) -> float | None:
        """Standard deviation of the sample; None for one value."""
        return statistics.stdev(self.values) if len(self.values) > 1 else None


def mark(summaries: Mapping[str, Summary], better: str) -> dict[str, str]:
    """Marks the best mean, and those that cannot be told from it.

    Args:
      summaries: One figure of several recipes.
      better: "higher" or "lower"; "" where neither is, and nothing is marked.

    Returns:
      For each recipe BEST, EQUAL or OTHER; all that tie are the best.
    """
    if not better or not summaries:
        return dict.fromkeys(summaries, OTHER)
    means = [summary.mean for summary in summaries.values()]
    best = max(means) if better == "higher" else min(means)
    winner = next(s for s in summaries.values() if s.mean == best)
    return {
        name: BEST
        if _ties(summary.mean, best)
        else EQUAL
        if can_be_told_apart(winner, summary) is False
        else OTHER
        for name, summary in summaries.items()
    }


def can_be_told_apart(first: Summary, second: Summary) -> bool | None:
    """Whether two means differ by more than their seeds explain.

    They do if Welch's two-sided 95% interval of their difference leaves 0 out:
    `|difference| > t * sqrt(s1**2 / n1 + s2**2 / n2)`, with Student's t at the degrees
    of freedom of Welch and Satterthwaite. A fixed multiple of the standard deviation
    would be either blind with many seeds or rash with few: with three each, t is 2.8 to
    4.3, so differences below some three standard deviations stay unclear. Recipes
    spread differently, which Student's own test does not allow for. A value that does
    not depend on the seed counts as known exactly.

    The interval is of one pair. Among many recipes, the luckiest of several equals is
    the best one, so a few will seem worse than they are: take a difference that
    matters from more seeds.

    Source: B. L. Welch, "The generalization of Student's problem when several different
    population variances are involved", Biometrika 34 (1947).

    Returns:
      None where there is no telling: one of them has a single seed.
    """
    if _ties(first.mean, second.mean):
        return False
    squares = []
    for summary in (first, second):
        if summary.is_constant:
            continue
        if summary.deviation is None:
            return None
        num_values = len(summary.values)
        squares.append((summary.deviation**2 / num_values, num_values - 1))
    difference = abs(first.mean - second.mean)
    total = sum(square for square, _ in squares)
    if not total:
        return True
    from scipy import stats  # noqa: PLC0415 (takes a second to load)

    freedom = total**2 / sum(square**2 / degrees for square, degrees in squares)
    reach = stats.t.ppf((1 + _CONFIDENCE) / 2, freedom)
    return bool(difference > reach * math.sqrt(total))


def _ties(first: float, second: float) -> bool:
    """Whether two means are the same but for how they were rounded."""
    return math.isclose(first, second, rel_tol=1e-9, abs_tol=1e-12)
