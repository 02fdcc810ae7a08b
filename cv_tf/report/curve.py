"""Precision and recall at every threshold, laid out for an inline SVG."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cv_tf.files import whole_file
from cv_tf.grouping import Calibration

_NAMES = {"precision": "precision", "recall": "recall", "f1": "F1"}
# Pixels: the area of the curves, and what is around it.
_WIDTH, _HEIGHT = 560, 240
_LEFT, _TOP, _RIGHT, _BOTTOM = 40, 36, 20, 44
_MOST_POINTS = 300
_NUM_ROWS = 11


class Line(NamedTuple):
    """A curve: its name and its path."""

    name: str
    path: str


class Curve(NamedTuple):
    """Curves over the threshold, in pixels of the chart.

    Attributes:
      width: Of all.
      height: Of all.
      left: Where the area of the curves begins; `right`, `top` and `bottom` are its
        other sides.
      right: As above.
      top: As above.
      bottom: As above.
      lines: Precision, recall and F1.
      chosen: Where the threshold is.
      threshold: What it is.
      x_ticks: Places on the axis of thresholds, and what is written there.
      y_ticks: The same for shares.
      rows: For a table: threshold, precision, recall and F1 at even steps.
      at_threshold: The row of the threshold.
    """

    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int
    lines: tuple[Line, ...]
    chosen: float
    threshold: float
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    rows: tuple[tuple[float, ...], ...]
    at_threshold: tuple[float, ...]


def lay_out_curve(curve: Mapping[str, np.ndarray], threshold: float) -> Curve | None:
    """Lays the curves out, the lowest threshold on the left.

    Args:
      curve: As of a `cv_tf.grouping.Calibration`.
      threshold: To mark, whether or not it is on the curve.

    Returns:
      The chart; None where no threshold groups anything rightly.
    """
    # Where nothing is grouped yet, there is no precision to speak of.
    grouped = np.flatnonzero(curve["recall"] > 0)[::-1]
    if not len(grouped):
        return None
    at = curve["threshold"][grouped]
    values = [curve[name][grouped] for name in _NAMES]
    low, high = min(at[0], threshold), max(at[-1], threshold)
    span = (high - low) or 1.0
    right, bottom = _LEFT + _WIDTH, _TOP + _HEIGHT
    some = np.unique(np.linspace(0, len(at) - 1, _MOST_POINTS).round().astype(int))

    def across(value: float) -> float:
        return round(_LEFT + (value - low) / span * _WIDTH, 1)

    def down(value: float) -> float:
        return round(bottom - value * _HEIGHT, 1)

    def row(value: float) -> tuple[float, ...]:
        return (value, *(float(np.interp(value, at, of)) for of in values))

    return Curve(
        width=right + _RIGHT,
        height=bottom + _BOTTOM,
        left=_LEFT,
        right=right,
        top=_TOP,
        bottom=bottom,
        lines=tuple(
            Line(name, _path(map(across, at[some]), map(down, of[some])))
            for name, of in zip(_NAMES.values(), values, strict=True)
        ),
        chosen=across(threshold),
        threshold=threshold,
        x_ticks=tuple((across(v), f"{v:.2f}") for v in np.linspace(low, high, 6)),
        y_ticks=tuple((down(v), f"{v:g}") for v in (0.0, 0.25, 0.5, 0.75, 1.0)),
        rows=tuple(map(row, np.linspace(low, high, _NUM_ROWS).tolist())),
        at_threshold=row(threshold),
    )


def _path(across, down) -> str:
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in zip(across, down, strict=True))


_COLUMNS = ("threshold", "precision", "recall", "f1", "fms")


def write_curve(path: Path, calibration: Calibration) -> None:
    """Writes the curve as CSV, the highest threshold first; the file appears whole."""
    columns = [calibration.curve[name] for name in _COLUMNS]
    with (
        whole_file(path) as unfinished,
        unfinished.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(_COLUMNS)
        for row in zip(*columns, strict=True):
            writer.writerow([f"{value:.6f}" for value in row])


def draw_curve(path: Path, calibration: Calibration) -> None:
    """Draws the curve, with the threshold that was chosen; the PNG appears whole."""
    # Late, and without a window: importing pyplot takes a second.
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    expected = calibration.expected
    # Where nothing is grouped yet, there is no precision to speak of.
    grouped = calibration.curve["recall"] > 0
    curve = {name: values[grouped] for name, values in calibration.curve.items()}
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.add_subplot()
    for name, label in (("precision", "precision"), ("recall", "recall"), ("f1", "F1")):
        axes.plot(curve["threshold"], curve[name], label=label)
    axes.axvline(expected["threshold"], color="grey", linestyle="--", linewidth=1)
    axes.set_title(
        f"threshold {expected['threshold']:.3f}: precision "
        f"{expected['precision']:.2f}, recall {expected['recall']:.2f} to expect"
    )
    axes.set_xlabel("threshold: mean similarity at which products become one group")
    axes.set_ylabel("share of pairs")
    axes.set_xlim(curve["threshold"][-1], curve["threshold"][0])
    axes.set_ylim(0, 1)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    with whole_file(path) as unfinished:
        FigureCanvasAgg(figure).print_png(unfinished)
