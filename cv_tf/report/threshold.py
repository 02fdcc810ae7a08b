"""How precision and recall depend on the threshold, as a picture and a table."""

from __future__ import annotations

import csv
from pathlib import Path

from cv_tf.catalog.whole_file import whole_file
from cv_tf.grouping import Calibration

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
    axes.set_xlabel("threshold: mean likeness at which products become one group")
    axes.set_ylabel("share of pairs")
    axes.set_xlim(curve["threshold"][-1], curve["threshold"][0])
    axes.set_ylim(0, 1)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    with whole_file(path) as unfinished:
        FigureCanvasAgg(figure).print_png(unfinished)
