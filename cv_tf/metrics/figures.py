"""The names, labels and meanings of all figures, and their layout as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from cv_tf.command import aligned


class Figure(NamedTuple):
    """A figure, and how it is shown.

    Attributes:
      name: Key in `metrics.json`.
      title: Full label, for a line of its own.
      meaning: What the figure says, in sentences.
      short: Short label for the head of a column; "" for the title.
      digits: Digits after the decimal point, in tables that compare runs.
      better: "higher" or "lower"; "" where neither is.
    """

    name: str
    title: str
    meaning: str
    short: str = ""
    digits: int = 3
    better: str = "higher"

    @property
    def label(self) -> str:
        """The label for the head of a column."""
        return self.short or self.title


_QUERIES = "products that have a variant"
_RECALL = f"Share of the {_QUERIES} whose nearest neighbor, among all products, is one."
_MAP = (
    f"Mean over the {_QUERIES}, looking in all blocks. Of a product with R variants, "
    "the first R neighbors count: the mean of the precision at the places of variants, "
    "and of 0 at the others (arXiv 2003.08505)."
)
_RECALL_WITH_COLOR = (
    "The same as recall@1 in block, products of the query's own color ranked further "
    "behind."
)
_SEARCHED = (
    "The same as {}, ranked as cv_tf.search does: with color, where it is known, and "
    "after a second look, which puts those that share neighbors with the query first."
)
_AMONG_ALL = (
    "The same as {}, looking for the same products among all of the catalogue, those "
    "that were learned from included, as a shop does."
)
_CGACC = (
    "Share of the true groups of two or more that a predicted group matches exactly, "
    "no product missing and none too many."
)
_ARI = (
    "Adjusted Rand index: agreement over all pairs of products, 0 for groups drawn at "
    "random and 1 for the true ones."
)
_FMS = "Fowlkes-Mallows score: the geometric mean of pairwise precision and recall."
_NMI = (
    "Normalized mutual information of predicted and true groups. High wherever most "
    "products are alone."
)
_SAME = "The same, with a variant among the {} nearest."
_IN_BLOCK = "The same as {}, looking in the product's block."
_PRECISION = "Share of the pairs grouped together that are variants."
_PAIR_RECALL = "Share of the pairs of variants that are grouped together."
_F1 = "The harmonic mean of pairwise precision and recall."
_THRESHOLD = "Mean similarity at which groups of products become one."
_SPEED = "Photos trained on per second, without the first step of each process."
_SECONDS = "Time in training steps, without probes, checkpoints and evaluation."
_MEMORY = "Most memory of the process until the end of training."

# In the order in which they are read.
_ALL = (
    Figure("recall_at_1", "recall@1", _RECALL, "R@1"),
    Figure("recall_at_5", "recall@5", _SAME.format("five"), "R@5"),
    Figure("recall_at_10", "recall@10", _SAME.format("ten"), "R@10"),
    Figure("map_at_r", "mAP@R over all blocks", _MAP, "mAP@R, all blocks"),
    Figure(
        "recall_at_1_in_block",
        "recall@1 in block",
        _IN_BLOCK.format("recall@1"),
        "R@1 in block",
    ),
    Figure(
        "map_at_r_in_block", "mAP@R in block", _IN_BLOCK.format("mAP@R over all blocks")
    ),
    Figure(
        "recall_at_1_in_block_with_color",
        "recall@1 in block, with color",
        _RECALL_WITH_COLOR,
        "R@1 in block, with color",
    ),
    Figure(
        "map_at_r_in_block_with_color",
        "mAP@R in block, with color",
        "The same as mAP@R in block, ranked in this way.",
    ),
    Figure(
        "recall_at_1_in_block_as_searched",
        "recall@1 in block, as searched",
        _SEARCHED.format("recall@1 in block"),
        "R@1 in block, as searched",
    ),
    Figure(
        "map_at_r_in_block_as_searched",
        "mAP@R in block, as searched",
        _SEARCHED.format("mAP@R in block"),
    ),
    *(
        Figure(f"{name}_among_all", f"{title}, among all", _AMONG_ALL.format(title))
        for name, title in (
            ("recall_at_1_in_block", "recall@1 in block"),
            ("map_at_r_in_block", "mAP@R in block"),
            ("recall_at_1_in_block_with_color", "recall@1 in block, with color"),
            ("map_at_r_in_block_with_color", "mAP@R in block, with color"),
            ("recall_at_1_in_block_as_searched", "recall@1 in block, as searched"),
            ("map_at_r_in_block_as_searched", "mAP@R in block, as searched"),
        )
    ),
    Figure("cgacc", "CGacc", _CGACC),
    Figure("ari", "ARI", _ARI),
    Figure("fms", "FMS", _FMS),
    Figure("nmi", "NMI", _NMI),
    Figure("pairwise_precision", "pairwise precision", _PRECISION),
    Figure("pairwise_recall", "pairwise recall", _PAIR_RECALL),
    Figure("pairwise_f1", "pairwise F1", _F1),
    Figure("threshold", "threshold", _THRESHOLD, better=""),
    Figure("num_products", "products", "Reported on.", "", 0, ""),
    Figure(
        "num_copies",
        "copies",
        "Products that count once with another one, as they share photo and style.",
        "",
        0,
        "",
    ),
    Figure(
        "num_rejects", "rejects", "Left out, as their photos cannot be used.", "", 0, ""
    ),
    Figure("images_per_second", "images per second", _SPEED, "images/s", 1),
    Figure("seconds", "seconds of training", _SECONDS, "training s", 1, "lower"),
    Figure(
        "peak_memory_gigabytes", "peak memory in GB", _MEMORY, "peak GB", 2, "lower"
    ),
    Figure("images_seen", "images seen", "Photos trained on.", "", 0, ""),
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
    """Lays the figures of `metrics.json` out, with the gain over frozen features.

    The baselines may be missing (`--baselines=false`), and the intervals in what an
    earlier version has written.
    """
    columns = {
        name.replace("_", " "): metrics[name] for name in _RUN if name in metrics
    }
    gain = ("frozen grey", "after") if "frozen grey" in columns else None
    known = metrics.get("intervals", {}).get("after")
    table = format_figures(columns, gain, {"after": known} if known else {})
    if "recall_at_1" in metrics["after"]:
        return table
    return (
        f"{table}\n\nNo figures: among the products to report on, no two are known to "
        "be variants of each other (column style_id)."
    )


def format_figures(
    columns: Mapping[str, Mapping[str, float]],
    gain: tuple[str, str] | None = None,
    intervals: Mapping[str, Mapping[str, Mapping[str, float]]] | None = None,
) -> str:
    """Lays figures out with one line a figure, without a newline at the end.

    Args:
      columns: Figures by their names in `metrics.json`, under the title of each column.
      gain: Titles of two columns; a column with the second less the first is added.
      intervals: 95% intervals of figures (`low`, `high`) by their names, under the
        titles of columns: each makes a column behind its own.
    """
    intervals = intervals or {}
    lines: list[list[str]] = [[""]]
    for title in columns:
        lines[0] += [title, "95% interval"] if title in intervals else [title]
    lines[0] += ["gain"] if gain else []
    for name, figure in FIGURES.items():
        if not any(name in figures for figures in columns.values()):
            continue
        cells = []
        for title, figures in columns.items():
            cells.append(format_value(figures.get(name)))
            if title in intervals:
                cells.append(format_interval(intervals[title].get(name)))
        if gain:
            first, second = (columns[title].get(name) for title in gain)
            if first is None or second is None or not figure.better:
                cells.append("")
            else:
                cells.append(f"{second - first:+.3f}")
        lines.append([figure.title, *cells])
    return "\n".join(aligned(lines))


def format_interval(interval: Mapping[str, float] | None) -> str:
    """An interval as text, such as "0.807 to 0.862"; "" for None.

    Example:
      >>> format_interval({"low": 0.807, "high": 0.8621})
      '0.807 to 0.862'
    """
    return "" if not interval else "{low:.3f} to {high:.3f}".format(**interval)


def format_value(value: float | None) -> str:
    """A figure as text: three digits of a share, all of a count; "-" for None."""
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:.3f}"
