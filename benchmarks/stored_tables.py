"""Results as Markdown for people, and the same tables as JSON beside it.

`write_figures.py` takes the figures of README, docs and recipes from the JSON.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cv_tf.atomic import write_text

_NUMBER = re.compile(r"(?<![\w.])[-+]?\d[\d,]*(?:\.\d+)?(?![\w.])")


def write_results(path: Path, text: str) -> None:
    """Writes a Markdown file, and its tables to a JSON file beside it.

    Args:
      path: The Markdown file; `.json` takes the place of its ending.
      text: What it holds. Its first code span that begins with "python" is the command
        that makes it, or else the one of the benchmark of this name.
    """
    write_text(path, text)
    told = re.search(r"`(python benchmarks/[^`]+)`", text)
    command = told[1] if told else f"python benchmarks/{path.stem}.py"
    content = {"command": command, "tables": tables_of(text)}
    as_json = json.dumps(content, indent=1, ensure_ascii=False)
    write_text(path.with_suffix(".json"), f"{as_json}\n")


def tables_of(markdown: str) -> dict[str, dict[str, dict[str, Any]]]:
    r"""The tables of a Markdown text: heading, row, column, and what is in the cell.

    A table is called like the heading above it, or "" without one; a row by its first
    cell, or as many as tell all rows apart, joined with ", "; names that occur again
    get a number. A cell is a number, a dictionary of its numbers by their place from 0
    where it has several, or its text where it has none.

    Example:
      >>> tables_of("| way | s |\n| --- | ---: |\n| one | 0.5 (0.4 to 0.6) |")
      {'': {'one': {'s': {'0': 0.5, '1': 0.4, '2': 0.6}}}}
    """
    heading, tables = "", []
    for part in re.split(r"\n\s*\n", markdown):
        lines = part.strip().splitlines()
        if lines and lines[0].startswith("#"):
            heading = lines[0].lstrip("# ")
        elif len(lines) > 1 and re.fullmatch(r"\|[-:| ]+\|", lines[1]):
            tables.append((heading, _table_of(lines)))
    names = _numbered(heading for heading, _ in tables)
    return {name: table for name, (_, table) in zip(names, tables, strict=True)}


def _table_of(lines: list[str]) -> dict[str, dict[str, Any]]:
    cells = [[it.strip() for it in line.strip()[1:-1].split("|")] for line in lines]
    header, _, *rows = cells
    columns = _numbered(header)
    for num_named in range(1, len(columns) + 1):
        names = [", ".join(filter(None, row[:num_named])) for row in rows]
        names = [name.replace("*", "") for name in names]
        if len(set(names)) == len(names):
            break
    return {
        name: dict(
            zip(columns[num_named:], map(_cell_of, row[num_named:]), strict=False)
        )
        for name, row in zip(names, rows, strict=True)
    }


def _cell_of(text: str) -> Any:
    numbers = [float(it.replace(",", "")) for it in _NUMBER.findall(text)]
    if len(numbers) > 1:
        return {str(place): number for place, number in enumerate(numbers)}
    return numbers[0] if numbers else text


def _numbered(names: Iterable[str]) -> list[str]:
    """The names, those that occurred before with a number: "gain", "gain 2"."""
    seen: Counter[str] = Counter()
    numbered = []
    for name in names:
        seen[name] += 1
        numbered.append(f"{name} {seen[name]}" if seen[name] > 1 else name)
    return numbered
