"""Results of the runs of a comparison, and which recipes are really better."""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from cv_tf.comparison.plan import ComparisonPlan, Recipe, Run
from cv_tf.metrics import (
    COMPARED,
    RECALL,
    Figure,
    ProductResults,
    Resampling,
    Score,
    mean_of,
)

_CONFIDENCE = 0.95

BEST, EQUAL, OTHER = "best", "equal", ""


class Summary(NamedTuple):
    """A figure of a recipe: its value in each run, of which there is at least one."""

    values: tuple[float, ...]
    is_constant: bool = False  # It does not depend on the seed: a frozen network.

    @property
    def mean(self) -> float:
        """Mean of the values."""
        return statistics.fmean(self.values)

    @property
    def deviation(self) -> float | None:
        """Standard deviation of the sample; None for one value."""
        return statistics.stdev(self.values) if len(self.values) > 1 else None


class Difference(NamedTuple):
    """A mean over seeds less that of the best recipe, on the same styles.

    Attributes:
      value: The difference.
      low: Lower end of its 95% interval over styles.
      high: Upper end.
    """

    value: float
    low: float
    high: float

    @property
    def has_zero(self) -> bool:
        """Whether the products that were reported on cannot tell the two apart."""
        return self.low <= 0 <= self.high


def find_best(summaries: Mapping[str, Summary], better: str) -> str:
    """The name of the recipe with the best mean; "" if neither way is better."""
    if not better or not summaries:
        return ""
    sign = 1 if better == "higher" else -1
    return max(summaries, key=lambda name: sign * summaries[name].mean)


def mark(
    summaries: Mapping[str, Summary],
    better: str,
    differences: Mapping[str, Difference] | None = None,
) -> dict[str, str]:
    """Marks the best mean, and those that cannot be told from it.

    A recipe is told from the best if neither the luck of seeds nor that of which
    products were reported on explains the difference: the intervals over seeds
    (`can_be_told_apart`) and over styles both exclude 0.

    Args:
      summaries: A figure of each recipe.
      better: "higher", "lower", or "" to mark nothing.
      differences: Differences to the best recipe, of the recipes where they are known.

    Returns:
      BEST (all that tie are), EQUAL or OTHER for each recipe.
    """
    best = find_best(summaries, better)
    if not best:
        return dict.fromkeys(summaries, OTHER)
    winner, differences = summaries[best], differences or {}
    marks = {}
    for name, summary in summaries.items():
        is_level = name in differences and differences[name].has_zero
        if _ties(summary.mean, winner.mean):
            marks[name] = BEST
        elif is_level or can_be_told_apart(winner, summary) is False:
            marks[name] = EQUAL
        else:
            marks[name] = OTHER
    return marks


def can_be_told_apart(first: Summary, second: Summary) -> bool | None:
    """Whether two means differ by more than their seeds explain; None if it is unknown.

    They do if Welch's two-sided 95% interval of their difference excludes 0 (Biometrika
    34, 1947); it is unknown where one has a single seed. A value that does not depend
    on the seed counts as known exactly. A fixed multiple of the standard deviation
    would be blind with many seeds or rash with few: with three each, t is 2.8 to 4.3.
    Recipes spread differently, which Student's own test does not allow for. The
    interval is of one pair: of several equals the luckiest is the best, so a few will
    seem worse than they are.
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
    """Whether two means are equal up to rounding."""
    return math.isclose(first, second, rel_tol=1e-9, abs_tol=1e-12)


@dataclasses.dataclass(frozen=True)
class Result:
    """The figures that a run wrote; if there are none, `failure` says why."""

    run: Run
    figures: dict[str, float]
    failure: str = ""


@dataclasses.dataclass(frozen=True)
class Row:
    """A recipe over its seeds: its results in their order, and each figure by name."""

    recipe: Recipe
    results: tuple[Result, ...]
    summaries: dict[str, Summary]  # Over the runs that have the figure.
    marks: dict[str, str]  # BEST, EQUAL or OTHER for each of `summaries`.
    # To the best recipe of each figure, where both have results of each product.
    differences: dict[str, Difference] = dataclasses.field(default_factory=dict)

    @property
    def num_runs(self) -> int:
        """Number of its runs that have finished."""
        return sum(not result.failure for result in self.results)

    def spell_difference(self, figure: Figure) -> str:
        """The difference to the best recipe with its interval; "-" if unknown."""
        if self.marks.get(figure.name) == BEST:
            return "best"
        if figure.name not in self.differences:
            return "-"
        value, low, high = self.differences[figure.name]
        return f"{value:+.3f} ({low:+.3f} to {high:+.3f})"

    def cell(self, figure: Figure) -> Cell:
        """The cell of a figure in the table."""
        summary = self.summaries.get(figure.name)
        if summary is None:
            return Cell("-")
        mark_of = self.marks[figure.name]
        spread = summary.deviation if figure.better else None
        return Cell(
            spell(summary.mean, figure),
            "" if spread is None else spell(spread, figure),
            mark_of == BEST,
            mark_of == EQUAL,
        )


@dataclasses.dataclass(frozen=True)
class Cell:
    """A figure as text: mean ("-" if unknown), and standard deviation over the seeds.

    It is the best of all recipes, equal if it cannot be told from the best, or neither.
    """

    mean: str
    deviation: str = ""
    is_best: bool = False
    is_equal: bool = False


def spell(value: float, figure: Figure) -> str:
    """Spells a value with the number of digits of its figure."""
    return f"{value:,.{figure.digits}f}"


def read_rows(plan: ComparisonPlan, failures: Mapping[str, str]) -> tuple[Row, ...]:
    """Reads the figures of all runs.

    Args:
      plan: Plan of the comparison.
      failures: Names of runs that failed to the reasons.

    Returns:
      A row for each recipe, by falling R@1 within the block; recipes without figures
      are last.
    """
    results: dict[str, list[Result]] = {recipe.name: [] for recipe in plan.recipes}
    for run in plan.runs:
        failure = failures.get(run.name, "")
        figures = {} if failure else run.read_figures()
        failure = failure or ("" if figures else "it has not been made yet.")
        results[run.recipe.name].append(Result(run, figures, failure))
    summaries = {
        recipe.name: _summaries(recipe, results[recipe.name]) for recipe in plan.recipes
    }
    scores = _scores(results)
    marks, differences = {}, {}
    for figure in COMPARED:
        known = {name: of for name, of in summaries.items() if figure.name in of}
        of_figure = {name: of[figure.name] for name, of in known.items()}
        best = find_best(of_figure, figure.better)
        apart = _differences(scores, figure.name, best)
        differences[figure.name] = apart
        marks[figure.name] = mark(of_figure, figure.better, apart)
    rows = [
        Row(
            recipe,
            tuple(results[recipe.name]),
            summaries[recipe.name],
            {name: marks[name][recipe.name] for name in summaries[recipe.name]},
            {k: of[recipe.name] for k, of in differences.items() if recipe.name in of},
        )
        for recipe in plan.recipes
    ]
    return tuple(sorted(rows, key=_place))


def _scores(results: Mapping[str, Sequence[Result]]) -> dict[str, dict[str, Score]]:
    """Means over seeds of each figure, by recipe, with their values on drawn styles.

    A recipe of which a run has left no results of its products is left out.
    """
    found: dict[str, list[ProductResults]] = {}
    for name, of_recipe in results.items():
        made = [result.run for result in of_recipe if not result.failure]
        read = [run.read_queries() for run in made]
        known = [of for of in read if of is not None]
        if known and len(known) == len(read):
            found[name] = known
    if not found:
        return {}
    styles = [of.style for known in found.values() for of in known]
    resampling = Resampling(np.concatenate(styles))
    means = {}
    for name, known in found.items():
        runs = [of.scores(resampling) for of in known]
        shared = [k for k in runs[0] if all(k in of for of in runs)]
        means[name] = {k: mean_of([of[k] for of in runs]) for k in shared}
    return means


def _differences(
    scores: Mapping[str, Mapping[str, Score]], figure: str, best: str
) -> dict[str, Difference]:
    """The differences of a figure to the best recipe, where both are known."""
    if figure not in scores.get(best, {}):
        return {}
    differences = {}
    for name, of in scores.items():
        if name != best and figure in of:
            apart = of[figure] - scores[best][figure]
            if apart.is_known:
                differences[name] = Difference(**apart.summary())
    return differences


def _summaries(recipe: Recipe, results: list[Result]) -> dict[str, Summary]:
    figures = [result.figures for result in results]
    return {
        figure.name: Summary(values, is_constant=recipe.is_frozen)
        for figure in COMPARED
        if (values := tuple(of[figure.name] for of in figures if figure.name in of))
    }


def _place(row: Row) -> tuple[float, str]:
    recall = row.summaries.get(RECALL.name)
    return (-recall.mean if recall else 1.0, row.recipe.name)
