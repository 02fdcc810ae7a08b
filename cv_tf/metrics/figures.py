"""The names, labels and meanings of all figures, and their layout as a table."""

from __future__ import annotations

import textwrap
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

# What a run is measured at, by the names in `metrics.json`: each step has its gain over
# the one before it.
_STEPS = {
    "frozen_grey": "pretrained network",
    "before": "as this recipe makes vectors, untrained",
    "after": "+ training",
}
_OF_PARTS = "+ vectors of parts"
# The figures that say most, in the order in which they are told.
_TOLD = (
    "recall_at_1_in_block",
    "map_at_r_in_block",
    "recall_at_1_in_block_as_searched",
    "map_at_r_in_block_as_searched",
    "pairwise_f1",
    "cgacc",
)
# Of these, the verdict on training is told.
_JUDGED = ("recall_at_1_in_block", "pairwise_f1", "cgacc")
BETTER, WORSE, LEVEL = "better", "worse", "level"


def defined(figures: Mapping[str, float]) -> list[tuple[Figure, float]]:
    """The figures that have a meaning, with it, in the order in which they are read."""
    return [
        (figure, figures[name]) for name, figure in FIGURES.items() if name in figures
    ]


def format_run(metrics: Mapping[str, Any]) -> str:
    """Lays out the main figures of `metrics.json`, step by step, with a verdict.

    Each step of a run has its gain over the step before it. The untrained network may
    be missing (`--baselines=false`), and the intervals in what an earlier version has
    written.
    """
    after = metrics["after"]
    if "recall_at_1" not in after:
        return (
            f"{format_figures({'figures': after})}\n\nNo figures: among the products "
            "to report on, no two are known to be variants of each other (column "
            "style_id)."
        )
    titles = _STEPS | ({"before": _OF_PARTS} if metrics.get("parts") else {})
    steps = {name: title for name, title in titles.items() if name in metrics}
    if len(steps) == 1:
        steps = {"after": "after training"}  # There is nothing to add it to.
    lines = [f"Of {after['num_products']:,} products that were held out:"]
    for name in _TOLD:
        if name in after:
            rows = _step_rows(metrics, name, steps)
            lines += ["", FIGURES[name].title, *aligned(rows)]
    return "\n".join([*lines, *_verdict(metrics)])


def _step_rows(
    metrics: Mapping[str, Any], figure: str, steps: Mapping[str, str]
) -> list[list[str]]:
    """A row a step: its title, the figure, and its gain over the step before it."""
    rows: list[list[str]] = []
    last: float | None = None
    for step, title in steps.items():
        value = metrics[step].get(figure)
        gain = metrics.get("gains", {}).get(step, {}).get(figure)
        told = ""
        if gain:
            told = f"{gain['value']:+.3f} ({format_difference(gain)})"
        elif last is not None and value is not None:
            told = f"{value - last:+.3f}"
        elif interval := metrics.get("intervals", {}).get(step, {}).get(figure):
            told = f"({format_interval(interval)})"
        rows.append([f"  {title}", format_value(value), told])
        last = value
    return rows


def _verdict(metrics: Mapping[str, Any]) -> list[str]:
    """Lines on what training has changed; none if that was not measured."""
    gains = metrics.get("gains", {}).get("after", {})
    lines = []
    for name in _JUDGED:
        if of := gains.get(name):
            how = judge(of)
            by = "" if how == LEVEL else f" by {abs(of['value']):.3f}"
            title = FIGURES[name].title
            lines.append(f"  {title}: {how}{by} ({format_difference(of)})")
    if not lines:
        return []
    head = "Training changed, beside the same vectors untrained (95% intervals):"
    return ["", head, *lines]


def judge(difference: Mapping[str, float]) -> str:
    """Whether a difference is BETTER, WORSE or LEVEL: its interval has 0 in it."""
    if difference["low"] > 0:
        return BETTER
    return WORSE if difference["high"] < 0 else LEVEL


def format_figures(
    columns: Mapping[str, Mapping[str, float]],
    intervals: Mapping[str, Mapping[str, Mapping[str, float]]] | None = None,
) -> str:
    """Lays figures out with one line a figure, without a newline at the end.

    Args:
      columns: Figures by their names in `metrics.json`, under the title of each column.
      intervals: 95% intervals of figures (`low`, `high`) by their names, under the
        titles of columns: each makes a column behind its own.
    """
    intervals = intervals or {}
    lines: list[list[str]] = [[""]]
    for title in columns:
        lines[0] += [title, "95% interval"] if title in intervals else [title]
    for name, figure in FIGURES.items():
        if not any(name in figures for figures in columns.values()):
            continue
        cells = []
        for title, figures in columns.items():
            cells.append(format_value(figures.get(name)))
            if title in intervals:
                cells.append(format_interval(intervals[title].get(name)))
        lines.append([figure.title, *cells])
    return "\n".join(aligned(lines))


def groups_in_words(
    figures: Mapping[str, float], intervals: Mapping[str, Mapping[str, float]]
) -> str:
    """What figures of groups say, in words; "" where they are not known.

    Args:
      figures: Figures by their names in `metrics.json`.
      intervals: 95% intervals (`low`, `high`) of some of them.

    Example:
      >>> figures = {"cgacc": 0.5, "pairwise_precision": 0.8, "pairwise_recall": 0.75}
      >>> print(groups_in_words(figures, {"cgacc": {"low": 0.45, "high": 0.56}}))
      Of 100 designs in several colors, 50 (45 to 56) are found exactly: no product is
      missing, and none too many. Of 100 pairs of products in one group, 80 are right;
      of 100 pairs of color variants, 75 are found.
    """
    told = {}
    for name in ("cgacc", "pairwise_precision", "pairwise_recall"):
        if name not in figures:
            return ""
        of = intervals.get(name)
        told[name] = f"{100 * figures[name]:.0f}"
        if of:
            told[name] += f" ({100 * of['low']:.0f} to {100 * of['high']:.0f})"
    exact, right, found = told.values()
    return textwrap.fill(
        f"Of 100 designs in several colors, {exact} are found exactly: no product is "
        f"missing, and none too many. Of 100 pairs of products in one group, {right} "
        f"are right; of 100 pairs of color variants, {found} are found.",
        width=80,
    )


def format_interval(interval: Mapping[str, float] | None) -> str:
    """An interval as text, such as "0.807 to 0.862"; "" for None.

    Example:
      >>> format_interval({"low": 0.807, "high": 0.8621})
      '0.807 to 0.862'
    """
    return "" if not interval else "{low:.3f} to {high:.3f}".format(**interval)


def format_difference(interval: Mapping[str, float]) -> str:
    """The interval of a difference as text, such as "-0.007 to +0.062"."""
    return "{low:+.3f} to {high:+.3f}".format(**interval)


def format_value(value: float | None) -> str:
    """A figure as text: three digits of a share, all of a count; "-" for None."""
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:.3f}"
