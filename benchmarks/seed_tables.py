"""Means over seeds of what products add to figures, with intervals, as a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cv_tf.metrics import FIGURES, ProductResults, Resampling, Score, mean_of

TOLD = (
    "recall_at_1_in_block",
    "map_at_r_in_block",
    "recall_at_1_in_block_as_searched",
    "map_at_r_in_block_as_searched",
    "pairwise_precision",
    "pairwise_recall",
    "pairwise_f1",
    "fms",
    "cgacc",
)

Scores = Mapping[str, Score]


def mean_over_seeds(results: Iterable[ProductResults]) -> dict[str, Score]:
    """Figures of the same products, as means over the seeds of several runs."""
    found = [of.scores(Resampling(of.style)) for of in results]
    return {name: mean_of([of[name] for of in found]) for name in TOLD}


def difference(first: Scores, second: Scores) -> dict[str, Score]:
    """The figures of one side less those of the other, paired over styles."""
    return {name: first[name] - second[name] for name in TOLD}


def as_row(name: str, scores: Mapping[str, Score | float]) -> dict[str, Any]:
    """A row as results are stored; what is no `Score` has no interval."""
    figures = {}
    for figure, of in scores.items():
        known = isinstance(of, Score)
        figures[figure] = (
            {"value": of.value, "interval": list(of.interval)} if known else of
        )
    return {"name": name, "figures": figures}


def as_table(rows: Sequence[Mapping[str, Any]], titles: Mapping[str, str]) -> str:
    """A Markdown table with a line a figure and a column a row.

    Args:
      rows: From `as_row`; those that no title is known of are differences.
      titles: Heads of the columns, by the names of rows.
    """
    heads = [titles.get(row["name"], row["name"]) for row in rows]
    lines = ["| | " + " | ".join(heads) + " |", "| --- |" + " ---: |" * len(rows)]
    for name in TOLD:
        cells = [_cell(row["figures"][name], row["name"] in titles) for row in rows]
        lines.append(f"| {FIGURES[name].title} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(figure: float | Mapping[str, Any], is_level: bool) -> str:
    if not isinstance(figure, Mapping):
        return f"{figure:.3f}"
    sign = "" if is_level else "+"
    low, high = figure["interval"]
    return f"{figure['value']:{sign}.3f} ({low:{sign}.3f} to {high:{sign}.3f})"
