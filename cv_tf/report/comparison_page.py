"""The page of a comparison: bar charts, tables, and neighbors under each recipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from cv_tf import command
from cv_tf.comparison import NUM_NEIGHBORS, Query, Row, compared_over_styles
from cv_tf.metrics import COST, FMS, PRECISION, QUALITY, RECALL, Figure
from cv_tf.report.page import write_page
from cv_tf.report.thumbnails import thumbnails

_LONGEST_NAME = 32
# Sizes in pixels: width of a letter of 13 px, height of a row and of a bar.
_LETTER, _ROW, _BAR = 7.5, 26, 14
# Gap, length of the axis, width of the numbers beside it, height of its labels.
_GAP, _SCALE, _NUMBERS, _AXIS = 8, 200, 110, 24
_TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)

_PHOTO_SIDE = 96  # Small, because a page of twelve recipes shows hundreds of photos.


class Value(NamedTuple):
    """A bar of length `mean` (0 to 1), with an error bar and a text, bold if best."""

    name: str
    mean: float | None
    deviation: float | None  # Half the length of the error bar.
    text: str
    is_best: bool


class Bar(NamedTuple):
    """A bar; all positions in pixels of the chart."""

    value: Value
    label: str  # Its name, shortened if it is too long.
    top: float
    middle: float  # Also of the texts beside it.
    end: float
    spread: tuple[float, float] | None  # Both ends of the error bar.
    text: float  # Left end of the text of the value.


class Chart(NamedTuple):
    """A bar chart; all sizes in pixels."""

    title: str
    width: float
    height: float
    start: float  # `x` of the left end of all bars.
    bar_height: float
    axis: float  # `y` of the axis, whose labels are below it.
    bars: tuple[Bar, ...]
    ticks: tuple[tuple[float, str], ...]  # `x` and label.


def lay_out(title: str, values: Sequence[Value]) -> Chart:
    """Lays out horizontal bars on a scale from 0 to 1, from top to bottom."""
    labels = [
        name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
        for name, *_ in values
    ]
    start = round(max(map(len, labels), default=0) * _LETTER) + 2 * _GAP
    axis = len(values) * _ROW + _GAP
    bars = tuple(
        _bar(value, label, start, place)
        for place, (value, label) in enumerate(zip(values, labels, strict=True))
    )
    return Chart(
        title=title,
        width=start + _SCALE + _NUMBERS,
        height=axis + _AXIS,
        start=start,
        bar_height=_BAR,
        axis=axis,
        bars=bars,
        ticks=tuple((_place(tick, start), f"{tick:g}") for tick in _TICKS),
    )


def _bar(value: Value, label: str, start: float, place: int) -> Bar:
    middle = place * _ROW + _ROW / 2
    mean = value.mean or 0.0
    reach = value.deviation or 0.0
    spread = (_place(mean - reach, start), _place(mean + reach, start))
    return Bar(
        value=value,
        label=label,
        top=middle - _BAR / 2,
        middle=middle,
        end=_place(mean, start),
        spread=spread if reach else None,
        text=max(_place(mean, start), spread[1]) + _GAP,
    )


def _place(value: float, start: float) -> float:
    """`x` of a value, which is clipped to the scale."""
    return round(start + min(max(value, 0.0), 1.0) * _SCALE, 1)


def write_comparison_page(
    path: Path,
    rows: Sequence[Row],
    queries: Sequence[Query],
    notes: Sequence[str],
    about: Mapping[str, str],
    num_searched: int,
) -> None:
    """Writes the page of a comparison, which appears whole or not at all.

    Args:
      path: Path of the file.
      rows: Recipes in the order of the table.
      queries: Products with their neighbors under each recipe.
      notes: Sentences that explain the table.
      about: Titles and texts about the origin of the figures.
      num_searched: Number of products among which the neighbors were searched.
    """
    found = [found for query in queries for of in query.found.values() for found in of]
    products = [query.product for query in queries] + [of.product for of in found]
    with_neighbors = {name for query in queries for name in query.found}
    names = [row.recipe.name for row in rows]
    write_page(
        path,
        "comparison.html.j2",
        rows=rows,
        charts=[draw(rows, figure) for figure in (RECALL, PRECISION, FMS)],
        tables=(("What is found", QUALITY), ("What it costs", COST)),
        apart=compared_over_styles(rows),
        settings={
            row.recipe.name: command.to_flags(row.recipe.changed_settings)
            for row in rows
        },
        queries=queries,
        recipes=[name for name in names if name in with_neighbors],
        photos=thumbnails((product.image for product in products), _PHOTO_SIDE),
        notes=notes,
        about=about,
        num_searched=num_searched,
        num_neighbors=NUM_NEIGHBORS,
    )


def draw(rows: Sequence[Row], figure: Figure) -> Chart:
    """Draws one figure of all recipes as bars, in the order of the table."""
    values = []
    for row in rows:
        summary, cell = row.summaries.get(figure.name), row.cell(figure)
        mean, spread = (summary.mean, summary.deviation) if summary else (None, None)
        text = f"{cell.mean} ± {cell.deviation}" if cell.deviation else cell.mean
        values.append(Value(row.recipe.name, mean, spread, text, cell.is_best))
    return lay_out(figure.label, values)
