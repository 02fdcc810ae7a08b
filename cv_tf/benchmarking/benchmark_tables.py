"""The table of systems, for a terminal and for a page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from cv_tf.command import aligned


class _Column(NamedTuple):
    part: str  # "retrieval" or "groups".
    among: str
    name: str
    title: str


_RETRIEVAL_TITLES = {
    "recall_at_1_in_block": "R@1 in block",
    "map_at_r_in_block": "mAP@R in block",
    "recall_at_1": "R@1",
    "map_at_r": "mAP@R",
}
_GROUP_TITLES = {"fms": "FMS", "pairwise_f1": "F1"}
_PARTS = (
    ("retrieval", "validation", "among validation", _RETRIEVAL_TITLES),
    ("retrieval", "all", "among all", _RETRIEVAL_TITLES),
    ("groups", "without_labels", "threshold without labels", _GROUP_TITLES),
    ("groups", "train_labels", "threshold from train", _GROUP_TITLES),
)


def _columns() -> Iterator[_Column]:
    for part, among, about, titles in _PARTS:
        for name, title in titles.items():
            yield _Column(part, among, name, f"{title}, {about}")


def _value(system: Mapping[str, Any], column: _Column) -> float:
    """A figure; -1 if it was not measured."""
    figure = system[column.part].get(column.among, {}).get(column.name)
    return -1.0 if figure is None else figure["value"]


def _cell(system: Mapping[str, Any], column: _Column) -> str:
    """A figure, and half the width of its interval; "-" if it was not measured."""
    figure = system[column.part].get(column.among, {}).get(column.name)
    if figure is None:
        return "-"
    return f"{figure['value']:.3f} ± {(figure['high'] - figure['low']) / 2:.3f}"


def format_systems(systems: Sequence[Mapping[str, Any]]) -> str:
    """A table with a line a figure and a column a system, for a terminal."""
    rows = [["", *(system["name"] for system in systems)]]
    for column in _columns():
        rows.append([column.title, *(_cell(system, column) for system in systems)])
    return "\n".join(aligned(rows))


def markdown_table(systems: Sequence[Mapping[str, Any]]) -> str:
    """A table with a row a system, in Markdown, with a newline at the end.

    The first column of figures sorts it, the best system first.
    """
    columns = list(_columns())
    lines = [
        ["system", *(column.title for column in columns)],
        ["---", *("---:" for _ in columns)],
    ]
    for system in sorted(systems, key=lambda it: -_value(it, columns[0])):
        name = system["name"].replace("|", "\\|")
        lines.append([name, *(_cell(system, column) for column in columns)])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
