"""Horizontal bars with their spread, laid out for an inline SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from cv_tf import command
from cv_tf.comparison import NUM_NEIGHBORS, Query, Row
from cv_tf.metrics import COST, FMS, PRECISION, QUALITY, RECALL, Figure
from cv_tf.report.page import write_page
from cv_tf.report.thumbnails import thumbnails

_LONGEST_NAME = 32
# Pixels. A letter of 13 px is about 7 wide, a wide one 9.
_LETTER, _ROW, _BAR = 7.5, 26, 14
_GAP, _SCALE, _NUMBERS, _AXIS = 8, 200, 110, 24
_TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)


class Value(NamedTuple):
    """What one bar shows.

    Attributes:
      name: Of the bar.
      mean: From 0 to 1; None if unknown.
      deviation: None if unknown.
      text: The value as it is written beside the bar.
      is_best: Whether to stress it.
    """

    name: str
    mean: float | None
    deviation: float | None
    text: str
    is_best: bool


class Bar(NamedTuple):
    """A bar, in pixels of the chart.

    Attributes:
      value: What it shows.
      label: Its name, cut where it is too long.
      top: Of the bar.
      middle: Of the bar, and of the texts beside it.
      end: Where it ends.
      spread: Where its error bar begins and ends; None without one.
      text: Where the value is written.
    """

    value: Value
    label: str
    top: float
    middle: float
    end: float
    spread: tuple[float, float] | None
    text: float


class Chart(NamedTuple):
    """A chart, in pixels.

    Attributes:
      title: What is shown.
      width: Of all.
      height: Of all.
      start: Where bars begin; names end left of it.
      bar_height: Of each.
      axis: Where bars end, from the top; numbers of the axis are below.
      bars: From the top.
      ticks: Places on the axis, and what is written there.
    """

    title: str
    width: float
    height: float
    start: float
    bar_height: float
    axis: float
    bars: tuple[Bar, ...]
    ticks: tuple[tuple[float, str], ...]


def lay_out(title: str, values: Sequence[Value]) -> Chart:
    """Lays bars out one below the other, on a scale from 0 to 1.

    Args:
      title: What is shown.
      values: From the top.
    """
    labels = [_cut(value.name) for value in values]
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
    """Where a value is on the scale; what is off it is at its end."""
    return round(start + min(max(value, 0.0), 1.0) * _SCALE, 1)


def _cut(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


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
