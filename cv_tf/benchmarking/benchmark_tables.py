"""The tables of systems, for a terminal and for a page."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from cv_tf.command import aligned


class _Column(NamedTuple):
    part: str  # "retrieval" or "groups".
    among: str
    name: str
    title: str


def _columns(
    part: str, among: str, about: str, titles: Mapping[str, str]
) -> list[_Column]:
    return [
        _Column(part, among, name, f"{title}, {about}")
        for name, title in titles.items()
    ]


_BY_VECTORS = {
    "recall_at_1_in_block": "R@1 in block",
    "map_at_r_in_block": "mAP@R in block",
    "recall_at_1": "R@1",
    "map_at_r": "mAP@R",
}
_AS_SEARCHED = {
    "recall_at_1_in_block_as_searched": "R@1 in block as searched",
    "map_at_r_in_block_as_searched": "mAP@R in block as searched",
}
_OF_GROUPS = {"fms": "FMS", "pairwise_f1": "F1"}
_RETRIEVAL = [
    *_columns("retrieval", "validation", "among validation", _BY_VECTORS),
    *_columns("retrieval", "all", "among all", _BY_VECTORS),
]
_IN_USE = [
    *_columns("retrieval", "validation", "among validation", _AS_SEARCHED),
    *_columns("retrieval", "all", "among all", _AS_SEARCHED),
    *_columns("groups", "without_labels", "threshold without labels", _OF_GROUPS),
    *_columns("groups", "train_labels", "threshold from train", _OF_GROUPS),
]


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
    for column in [*_RETRIEVAL, *_IN_USE]:
        rows.append([column.title, *(_cell(system, column) for system in systems)])
    return "\n".join(aligned(rows))


def markdown_tables(systems: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """Two tables with a row a system, in Markdown, each with a newline at the end.

    The first is of retrieval by the vectors alone, and its first column of figures
    sorts both, the best system first. The second is of what people get: neighbors as
    `cv_tf.search` ranks them, and groups.
    """
    best_first = sorted(systems, key=lambda it: -_value(it, _RETRIEVAL[0]))
    return _markdown(best_first, _RETRIEVAL), _markdown(best_first, _IN_USE)


def _markdown(systems: Sequence[Mapping[str, Any]], columns: Sequence[_Column]) -> str:
    lines = [
        ["system", *(column.title for column in columns)],
        ["---", *("---:" for _ in columns)],
    ]
    for system in systems:
        name = re.sub(r"[\\`*<>&|\[\]]", r"\\\g<0>", system["name"])  # As plain text.
        lines.append([name, *(_cell(system, column) for column in columns)])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
