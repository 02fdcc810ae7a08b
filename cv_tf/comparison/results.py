"""What the runs of a comparison have come to."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from cv_tf.comparison.figures import FIGURES, RECALL, Figure
from cv_tf.comparison.plan import Plan, Recipe, Run
from cv_tf.comparison.statistics import BEST, EQUAL, Summary, mark


@dataclasses.dataclass(frozen=True)
class Result:
    """What a run has come to.

    Attributes:
      run: The run.
      figures: As it wrote them; empty if there are none.
      failure: Why there are none; "" if there are.
    """

    run: Run
    figures: dict[str, float]
    failure: str = ""


@dataclasses.dataclass(frozen=True)
class Row:
    """A recipe over its seeds.

    Attributes:
      recipe: The recipe.
      results: Of its runs, in the order of the seeds.
      summaries: Each figure by its name, over the runs that have it.
      marks: BEST, EQUAL or OTHER for each of `summaries`.
    """

    recipe: Recipe
    results: tuple[Result, ...]
    summaries: dict[str, Summary]
    marks: dict[str, str]

    @property
    def num_runs(self) -> int:
        """How many of its runs have finished."""
        return sum(not result.failure for result in self.results)

    def cell(self, figure: Figure) -> Cell:
        """A figure as it stands in the table."""
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
    """A figure as text.

    Attributes:
      mean: Over the seeds; "-" if there is none.
      deviation: Over the seeds; "" if there is none.
      is_best: Of all recipes.
      is_equal: Whether it cannot be told from the best.
    """

    mean: str
    deviation: str = ""
    is_best: bool = False
    is_equal: bool = False


def spell(value: float, figure: Figure) -> str:
    """A value with as many digits as its figure shows."""
    return f"{value:,.{figure.digits}f}"


def read_rows(plan: Plan, failures: Mapping[str, str]) -> tuple[Row, ...]:
    """Reads the figures of all runs, the best recipe first.

    Args:
      plan: Of the comparison.
      failures: Why runs failed, by their names.

    Returns:
      A row a recipe, by falling R@1 within the block; those without figures last.
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
    marks = {figure.name: _marks(figure, summaries) for figure in FIGURES}
    rows = [
        Row(
            recipe,
            tuple(results[recipe.name]),
            summaries[recipe.name],
            {name: marks[name][recipe.name] for name in summaries[recipe.name]},
        )
        for recipe in plan.recipes
    ]
    return tuple(sorted(rows, key=_place))


def _summaries(recipe: Recipe, results: list[Result]) -> dict[str, Summary]:
    values = {
        figure.name: tuple(
            result.figures[figure.name]
            for result in results
            if figure.name in result.figures
        )
        for figure in FIGURES
    }
    return {
        name: Summary(of_runs, is_constant=recipe.is_frozen)
        for name, of_runs in values.items()
        if of_runs
    }


def _marks(
    figure: Figure, summaries: Mapping[str, Mapping[str, Summary]]
) -> dict[str, str]:
    known = {
        name: of_recipe[figure.name]
        for name, of_recipe in summaries.items()
        if figure.name in of_recipe
    }
    return mark(known, figure.better)


def _place(row: Row) -> tuple[float, str]:
    recall = row.summaries.get(RECALL.name)
    return (-recall.mean if recall else 1.0, row.recipe.name)
