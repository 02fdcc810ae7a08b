"""Figures as aligned text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cv_tf.aligned import aligned
from cv_tf.metrics.figures import FIGURES

_WITHOUT_GAIN = ("threshold", "num_products", "num_rejects")
# The parts of a run's figures; what was gained is seen against the second.
_RUN = ("frozen_rgb", "frozen_grey", "before", "after", "trained_on")


def format_run(metrics: Mapping[str, Any]) -> str:
    """Lays the figures of a finished run out, with the gain over frozen features.

    The baselines may be missing (`--baselines=false`).

    Args:
      metrics: As in `metrics.json`.
    """
    columns = {
        name.replace("_", " "): metrics[name] for name in _RUN if name in metrics
    }
    gain = ("frozen grey", "after") if "frozen grey" in columns else None
    table = format_figures(columns, gain=gain)
    if "recall_at_1" in metrics["after"]:
        return table
    return (
        f"{table}\n\nNo figures: among the products to report on, no two are known to "
        "be variants of each other (column style_id)."
    )


def format_figures(
    columns: Mapping[str, Mapping[str, float]], gain: tuple[str, str] | None = None
) -> str:
    """Lays figures out with one line a figure.

    Args:
      columns: Titles to figures, as in `metrics.json`.
      gain: Titles of two columns; how much the second is above the first is added.

    Returns:
      The table, without a newline at its end.
    """
    titles = [*columns, *(["gain"] if gain else [])]
    lines = [["", *titles]]
    for key, (label, _) in FIGURES.items():
        if not any(key in figures for figures in columns.values()):
            continue
        cells = [_number(figures.get(key)) for figures in columns.values()]
        if gain:
            first, second = (columns[title].get(key) for title in gain)
            known = None not in (first, second) and key not in _WITHOUT_GAIN
            cells.append(f"{second - first:+.3f}" if known else "")
        lines.append([label, *cells])
    return "\n".join(aligned(lines))


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:.3f}"
