"""The names, labels and meanings of all figures, and their layout as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from cv_tf.command import aligned


class Figure(NamedTuple):
    """A figure, and how it is shown.

    Attributes:
      name: Key in `metrics.json`.
      label: Short label, for the head of a column.
      title: Full label, for a line of its own.
      meaning: What the figure says, in sentences.
      digits: Digits after the decimal point, in tables that compare runs.
      better: "higher" or "lower"; "" where neither is.
    """

    name: str
    label: str
    title: str
    meaning: str
    digits: int = 3
    better: str = "higher"


_QUERIES = "products that have a variant"

# In the order in which they are read.
_ALL = (
    Figure(
        "recall_at_1",
        "R@1",
        "recall@1",
        f"Share of the {_QUERIES} whose nearest neighbor, among all products, is one.",
    ),
    Figure(
        "recall_at_5",
        "R@5",
        "recall@5",
        "The same, with a variant among the five nearest.",
    ),
    Figure(
        "recall_at_10",
        "R@10",
        "recall@10",
        "The same, with a variant among the ten nearest.",
    ),
    Figure(
        "map_at_r",
        "mAP@R",
        "mAP@R",
        f"Mean over the {_QUERIES}. Of a product with R variants, the first R "
        "neighbors count: the mean of the precision at the places of variants, and of "
        "0 at the others (arXiv 2003.08505).",
    ),
    Figure(
        "recall_at_1_in_block",
        "R@1 in block",
        "recall@1 in block",
        "The same as recall@1, looking in the product's block.",
    ),
    Figure(
        "map_at_r_in_block",
        "mAP@R in block",
        "mAP@R in block",
        "The same as mAP@R, looking in the product's block.",
    ),
    Figure(
        "recall_at_1_in_block_with_color",
        "R@1 in block, with color",
        "recall@1 in block, with color",
        "The same as recall@1 in block, products of the query's own color ranked "
        "further behind, as cv_tf.search does.",
    ),
    Figure(
        "map_at_r_in_block_with_color",
        "mAP@R in block, with color",
        "mAP@R in block, with color",
        "The same as mAP@R in block, ranked in this way.",
    ),
    Figure(
        "cgacc",
        "CGacc",
        "CGacc",
        "Share of the true groups of two or more that a predicted group matches "
        "exactly, no product missing and none too many.",
    ),
    Figure(
        "ari",
        "ARI",
        "ARI",
        "Adjusted Rand index: agreement over all pairs of products, 0 for groups "
        "drawn at random and 1 for the true ones.",
    ),
    Figure(
        "fms",
        "FMS",
        "FMS",
        "Fowlkes-Mallows score: the geometric mean of pairwise precision and recall.",
    ),
    Figure(
        "nmi",
        "NMI",
        "NMI",
        "Normalized mutual information of predicted and true groups. High wherever "
        "most products are alone.",
    ),
    Figure(
        "pairwise_precision",
        "pairwise precision",
        "pairwise precision",
        "Share of the pairs grouped together that are variants.",
    ),
    Figure(
        "pairwise_recall",
        "pairwise recall",
        "pairwise recall",
        "Share of the pairs of variants that are grouped together.",
    ),
    Figure(
        "pairwise_f1",
        "pairwise F1",
        "pairwise F1",
        "The harmonic mean of pairwise precision and recall.",
    ),
    Figure(
        "threshold",
        "threshold",
        "threshold",
        "Mean similarity at which groups of products become one.",
        better="",
    ),
    Figure("num_products", "products", "products", "Reported on.", 0, ""),
    Figure(
        "num_rejects",
        "rejects",
        "rejects",
        "Left out, as their photos cannot be used.",
        0,
        "",
    ),
    Figure(
        "images_per_second",
        "images/s",
        "images per second",
        "Photos trained on per second, without the first step of each process.",
        1,
    ),
    Figure(
        "seconds",
        "training s",
        "seconds of training",
        "Time in training steps, without probes, checkpoints and evaluation.",
        1,
        "lower",
    ),
    Figure(
        "peak_memory_gigabytes",
        "peak GB",
        "peak memory in gigabytes",
        "Most memory of the process until the end of training.",
        2,
        "lower",
    ),
    Figure("images_seen", "images seen", "images seen", "Photos trained on.", 0, ""),
)
FIGURES = {figure.name: figure for figure in _ALL}

RECALL = FIGURES["recall_at_1_in_block"]
PRECISION = FIGURES["map_at_r_in_block"]
FMS = FIGURES["fms"]
# The columns of a table that compares runs: how good they are, and what they cost.
QUALITY = (
    RECALL,
    FIGURES["recall_at_1"],
    PRECISION,
    *(FIGURES[name] for name in ("map_at_r", "cgacc", "ari", "fms", "nmi")),
)
COST = tuple(
    FIGURES[name]
    for name in ("images_per_second", "seconds", "peak_memory_gigabytes", "images_seen")
)
COMPARED = QUALITY + COST

# The parts of a run's figures; the gain is that of "after" over "frozen_grey".
_RUN = ("frozen_rgb", "frozen_grey", "before", "after", "trained_on")


def defined(figures: Mapping[str, float]) -> list[tuple[Figure, float]]:
    """The figures that have a meaning, with it, in the order in which they are read."""
    return [
        (figure, figures[name]) for name, figure in FIGURES.items() if name in figures
    ]


def format_run(metrics: Mapping[str, Any]) -> str:
    """Lays the figures of a finished run out, with the gain over frozen features.

    The baselines may be missing (`--baselines=false`).

    Args:
      metrics: Content of `metrics.json`.
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
      columns: Figures by their names in `metrics.json`, under the title of each column.
      gain: Titles of two columns; a column with the second less the first is added.

    Returns:
      The table, without a newline at its end.
    """
    titles = [*columns, *(["gain"] if gain else [])]
    lines = [["", *titles]]
    for name, figure in FIGURES.items():
        if not any(name in figures for figures in columns.values()):
            continue
        cells = [_number(figures.get(name)) for figures in columns.values()]
        if gain:
            first, second = (columns[title].get(name) for title in gain)
            if first is None or second is None or not figure.better:
                cells.append("")
            else:
                cells.append(f"{second - first:+.3f}")
        lines.append([figure.title, *cells])
    return "\n".join(aligned(lines))


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:.3f}"
