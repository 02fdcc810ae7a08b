"""What figures are called, and what they mean, for people to read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from cv_tf.command import aligned


class Definition(NamedTuple):
    """How a reader calls a figure, and what it says."""

    label: str
    meaning: str


_QUERIES = "products that have a variant"

# By their names in `metrics.json`, in the order in which they are read.
FIGURES = {
    "recall_at_1": Definition(
        "recall@1",
        f"Share of the {_QUERIES} whose nearest neighbor, among all products, is one.",
    ),
    "recall_at_5": Definition(
        "recall@5", "The same, with a variant among the five nearest."
    ),
    "recall_at_10": Definition(
        "recall@10", "The same, with a variant among the ten nearest."
    ),
    "map_at_r": Definition(
        "mAP@R",
        f"Mean over the {_QUERIES}. Of a product with R variants, the first R "
        "neighbors count: the mean of the precision at the places of variants, and of "
        "0 at the others (arXiv 2003.08505).",
    ),
    "recall_at_1_in_block": Definition(
        "recall@1 in block", "The same as recall@1, looking in the product's block."
    ),
    "map_at_r_in_block": Definition(
        "mAP@R in block", "The same as mAP@R, looking in the product's block."
    ),
    "recall_at_1_in_block_with_color": Definition(
        "recall@1 in block, with color",
        "The same as recall@1 in block, products of the query's own color ranked "
        "further behind, as cv_tf.search does.",
    ),
    "map_at_r_in_block_with_color": Definition(
        "mAP@R in block, with color", "The same as mAP@R in block, ranked in this way."
    ),
    "cgacc": Definition(
        "CGacc",
        "Share of the true groups of two or more that a predicted group matches "
        "exactly, no product missing and none too many.",
    ),
    "ari": Definition(
        "ARI",
        "Adjusted Rand index: agreement over all pairs of products, 0 for groups "
        "drawn at random and 1 for the true ones.",
    ),
    "fms": Definition(
        "FMS",
        "Fowlkes-Mallows score: the geometric mean of pairwise precision and recall.",
    ),
    "nmi": Definition(
        "NMI",
        "Normalized mutual information of predicted and true groups. High wherever "
        "most products are alone.",
    ),
    "pairwise_precision": Definition(
        "pairwise precision", "Share of the pairs grouped together that are variants."
    ),
    "pairwise_recall": Definition(
        "pairwise recall", "Share of the pairs of variants that are grouped together."
    ),
    "pairwise_f1": Definition(
        "pairwise F1", "The harmonic mean of pairwise precision and recall."
    ),
    "threshold": Definition(
        "threshold", "Mean similarity at which groups of products become one."
    ),
    "num_products": Definition("products", "Reported on."),
    "num_rejects": Definition("rejects", "Left out, as their photos cannot be used."),
}


def defined(figures: Mapping[str, float]) -> list[tuple[Definition, float]]:
    """Figures that have a definition with it, in the order in which they are read."""
    return [(FIGURES[name], figures[name]) for name in FIGURES if name in figures]


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


class Figure(NamedTuple):
    """A column of the table.

    Attributes:
      name: As in `metrics.json`.
      label: As a reader calls it.
      digits: After the point.
      better: "higher" or "lower"; "" for what is given beforehand.
    """

    name: str
    label: str
    digits: int = 3
    better: str = "higher"


RECALL = Figure("recall_at_1_in_block", "R@1 in block")
PRECISION = Figure("map_at_r_in_block", "mAP@R in block")
FMS = Figure("fms", "FMS")

QUALITY = (
    RECALL,
    Figure("recall_at_1", "R@1"),
    PRECISION,
    Figure("map_at_r", "mAP@R"),
    Figure("cgacc", "CGacc"),
    Figure("ari", "ARI"),
    FMS,
    Figure("nmi", "NMI"),
)
COST = (
    Figure("images_per_second", "images/s", 1),
    Figure("seconds", "training s", 1, "lower"),
    Figure("peak_memory_gigabytes", "peak GB", 2, "lower"),
    Figure("images_seen", "images seen", 0, ""),
)
COMPARED = QUALITY + COST
