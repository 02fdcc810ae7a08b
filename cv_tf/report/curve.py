"""Precision and recall at every threshold, as a CSV file and as an SVG chart."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cv_tf.atomic import whole_file
from cv_tf.grouping import Calibration

_COLUMNS = ("threshold", "precision", "recall", "f1", "fms")
_NAMES = {"precision": "precision", "recall": "recall", "f1": "F1"}
# Size of the area of the curves and width of the margins around it, in pixels.
_WIDTH, _HEIGHT = 560, 240
_LEFT, _TOP, _RIGHT, _BOTTOM = 40, 36, 20, 44
_MOST_POINTS = 300
_NUM_ROWS = 11


class Line(NamedTuple):
    """A curve as SVG path data."""

    name: str
    path: str


class Curve(NamedTuple):
    """A chart of precision, recall and F1 over the threshold; all sizes in pixels."""

    width: int
    height: int
    left: int  # This and the next three are edges of the area of the curves.
    right: int
    top: int
    bottom: int
    lines: tuple[Line, ...]
    chosen: float  # `x` of the chosen threshold.
    threshold: float
    x_ticks: tuple[tuple[float, str], ...]  # Place and label.
    y_ticks: tuple[tuple[float, str], ...]
    # Threshold, precision, recall and F1, at even steps and at the chosen threshold.
    rows: tuple[tuple[float, ...], ...]
    at_threshold: tuple[float, ...]


def lay_out_curve(curve: Mapping[str, np.ndarray], threshold: float) -> Curve | None:
    """Lays the curves out, with the lowest threshold on the left.

    The threshold to mark may be off the curve. None if no threshold groups any
    variants.
    """
    # Precision is undefined where nothing is grouped.
    grouped = np.flatnonzero(curve["recall"] > 0)[::-1]
    if not len(grouped):
        return None
    at = curve["threshold"][grouped]
    values = [curve[name][grouped] for name in _NAMES]
    low, high = min(at[0], threshold), max(at[-1], threshold)
    span = (high - low) or 1.0
    right, bottom = _LEFT + _WIDTH, _TOP + _HEIGHT
    some = np.unique(np.linspace(0, len(at) - 1, _MOST_POINTS).round().astype(int))

    def to_x(value: float) -> float:
        return round(_LEFT + (value - low) / span * _WIDTH, 1)

    def to_y(value: float) -> float:
        return round(bottom - value * _HEIGHT, 1)

    def path(of: np.ndarray) -> str:
        points = zip(map(to_x, at[some]), map(to_y, of[some]), strict=True)
        return "M" + "L".join(f"{x:g} {y:g}" for x, y in points)

    def row(value: float) -> tuple[float, ...]:
        return (value, *(float(np.interp(value, at, of)) for of in values))

    return Curve(
        width=right + _RIGHT,
        height=bottom + _BOTTOM,
        left=_LEFT,
        right=right,
        top=_TOP,
        bottom=bottom,
        lines=tuple(map(Line, _NAMES.values(), map(path, values))),
        chosen=to_x(threshold),
        threshold=threshold,
        x_ticks=tuple((to_x(v), f"{v:.2f}") for v in np.linspace(low, high, 6)),
        y_ticks=tuple((to_y(v), f"{v:g}") for v in (0.0, 0.25, 0.5, 0.75, 1.0)),
        rows=tuple(map(row, np.linspace(low, high, _NUM_ROWS).tolist())),
        at_threshold=row(threshold),
    )


def write_curve(path: Path, calibration: Calibration) -> None:
    """Writes the curve as CSV, highest threshold first; the file appears whole."""
    table = np.column_stack([calibration.curve[name] for name in _COLUMNS])
    head = ",".join(_COLUMNS)
    with whole_file(path) as unfinished:
        np.savetxt(unfinished, table, "%.6f", ",", "\r\n", head, comments="")
