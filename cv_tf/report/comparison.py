"""A comparison as a page: bars, the table, settings, and neighbors side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from cv_tf import command
from cv_tf.comparison.figures import COST, FMS, PRECISION, QUALITY, RECALL, Figure
from cv_tf.comparison.galleries import NUM_NEIGHBORS, Query
from cv_tf.comparison.results import Row
from cv_tf.report.comparison_page import Chart, Value, lay_out
from cv_tf.report.page import write_page
from cv_tf.report.thumbnails import thumbnails

# Small: a page of twelve recipes shows hundreds.
_SIDE = 96


def write_comparison_page(
    path: Path,
    rows: Sequence[Row],
    queries: Sequence[Query],
    notes: Sequence[str],
    about: Mapping[str, str],
    num_searched: int,
) -> None:
    """Writes the page; it appears whole or not at all.

    Args:
      path: Of the file.
      rows: The recipes in the order of the table.
      queries: Products, and what each recipe finds nearest to them.
      notes: How to read the table.
      about: How it came about, as titles and texts.
      num_searched: Among how many products the neighbors were looked for.
    """
    found = [found for query in queries for of in query.found.values() for found in of]
    products = [query.product for query in queries] + [of.product for of in found]
    write_page(
        path,
        "comparison.html.j2",
        rows=rows,
        charts=[draw(rows, figure) for figure in (RECALL, PRECISION, FMS)],
        tables=(("What is found", QUALITY), ("What it costs", COST)),
        settings={
            row.recipe.name: command.to_flags(row.recipe.changed_settings)
            for row in rows
        },
        queries=queries,
        recipes=[row.recipe.name for row in rows if _is_in(row, queries)],
        photos=thumbnails((product.image for product in products), _SIDE),
        notes=notes,
        about=about,
        num_searched=num_searched,
        num_neighbors=NUM_NEIGHBORS,
    )


def draw(rows: Sequence[Row], figure: Figure) -> Chart:
    """A figure of all recipes as bars, in the order of the table."""
    return lay_out(figure.label, [_value(row, figure) for row in rows])


def _value(row: Row, figure: Figure) -> Value:
    summary, cell = row.summaries.get(figure.name), row.cell(figure)
    return Value(
        name=row.recipe.name,
        mean=summary.mean if summary else None,
        deviation=summary.deviation if summary else None,
        text=f"{cell.mean} ± {cell.deviation}" if cell.deviation else cell.mean,
        is_best=cell.is_best,
    )


def _is_in(row: Row, queries: Sequence[Query]) -> bool:
    return any(row.recipe.name in query.found for query in queries)
