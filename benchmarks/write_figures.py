"""Writes the stored figures into README, docs and recipes, where they are repeated.

    python benchmarks/write_figures.py            # puts them in
    python benchmarks/write_figures.py --check    # names what differs, and exits with 1

A table or paragraph that repeats figures of benchmarks/results says from where, in a
comment before it; it ends at the next blank line:

    <!-- figures from: ladder > {groups|triplet} > {fms|cgacc}; -; adaptation > ... -->

Each number with a point in it, in the order of the text, is one of these figures, as
`ladder > groups > fms` is that of `groups` in ladder.json. `{one|other}` stands for
both, `*` for all that there are, and a lone `-` for a number that is not stored. A
path may go on with `low`, `high`, `sd`, or with `±` for mean and standard deviation. A
number keeps its digits and its sign; numbers in code and in links are left alone.

The head of a recipe says the same below its score, further lines indented by three:

    # Score: recall@1 in block 0.610 ± 0.002.
    # Figures from: compare_hm > hm_whole > recall_at_1_in_block > ±
"""

from __future__ import annotations

import argparse
import functools
import json
import re
import statistics
import sys
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from cv_tf.atomic import write_text

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
# What tells the rows of a file apart, where they have no names.
KEYS = {"second_look": ("set", "size", "ranking"), "shops": ("vectors", "set")}
# Where the rows of a file are that has more.
ROWS = ("recipes", "rows", "systems", "tables")

_IN_PAGES = re.compile(
    r"<!--\s*figures from:(?P<names>.*?)-->\s*?\n?"
    r"(?P<text>.*?)(?=\n[ \t]*\n|\n[ \t]*(?:- )?<!--|\Z)",
    re.DOTALL,
)
_IN_RECIPES = re.compile(
    r"# Score:(?P<text>(?:.*\n)*?)# Figures from:(?P<names>.*(?:\n#   .*)*)"
)
# Code, links, flags and numbers of papers come first: what is in them is no figure.
_NUMBER = re.compile(
    r"`[^`]*`|\]\([^)]*\)|--[a-z]\S*|arXiv [\d., ]+\d"
    r"|(?<![\w.,])(?P<number>[-+]?\d[\d,]*\.\d+)(?![\w]|\.\d)"
    r"(?:(?P<between>[ \n#]*±[ \n#]*)(?P<deviation>\d+\.\d+))?"
)


class Figure(NamedTuple):
    """A stored figure."""

    value: float
    deviation: float | None = None

    def spelled(self, before: re.Match[str]) -> str:
        """The figure with the digits and the sign of what stood there before."""
        number = before["number"]
        digits = len(number.partition(".")[2])
        sign = "+" if number[0] in "+-" else ""
        text = f"{self.value:{sign},.{digits}f}"
        if not sign and not float(text.replace(",", "")):
            text = text.lstrip("-")  # Zero that was rounded from below.
        if self.deviation is None:
            return text
        return f"{text}{before['between'] or ' ± '}{self.deviation:.{digits}f}"


def main() -> None:
    """Runs the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing")
    arguments = parser.parse_args()
    differing = False
    for path in pages():
        text = path.read_text(encoding="utf-8")
        try:
            written = with_figures(text)
        except ValueError as error:
            sys.exit(f"{path.relative_to(ROOT)}: {error}")
        if arguments.check:
            for place in differences(text, written):
                print(f"{path.relative_to(ROOT)}:{place}")
        elif written != text:
            write_text(path, written)
            print(f"{path.relative_to(ROOT)} is written anew.")
        differing |= written != text
    if arguments.check and differing:
        sys.exit("Run: python benchmarks/write_figures.py")


def pages() -> list[Path]:
    """All files that may repeat stored figures."""
    docs = sorted((ROOT / "docs").rglob("*.md"))
    return [ROOT / "README.md", *docs, *sorted((ROOT / "configs").glob("*.cfg"))]


def differences(text: str, written: str) -> list[str]:
    """The lines that differ, as "number: line, and what it should be"."""
    lines = zip_longest(text.splitlines(), written.splitlines(), fillvalue="")
    return [
        f"{number}: {here}\n    should be: {there}"
        for number, (here, there) in enumerate(lines, 1)
        if here != there
    ]


def with_figures(text: str, results: Path = RESULTS) -> str:
    """The text of a page or recipe with the figures that are stored.

    Args:
      text: The page; it has as many figures as its comments name.
      results: The folder of the stored results.

    Raises:
      ValueError: If a comment names other than what is stored, or more or fewer figures
        than there are. It says the line.
    """
    for pattern in (_IN_PAGES, _IN_RECIPES):
        text = pattern.sub(functools.partial(_rewritten, results=results), text)
    return text


def _rewritten(block: re.Match[str], results: Path) -> str:
    where = f"line {block.string.count(chr(10), 0, block.start()) + 1}"
    try:
        figures = [
            figure
            for path in filter(None, map(_plain, block["names"].split(";")))
            for figure in stored(path, results)
        ]
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error
    found = [it for it in _NUMBER.finditer(block["text"]) if it["number"]]
    if len(found) != len(figures):
        raise ValueError(
            f"{where}: the comment names {len(figures)} figures, and the text has "
            f"{len(found)}: {', '.join(it['number'] for it in found)}. Name each one "
            "in the order of the text, and - for what is not stored."
        )
    left = iter(figures)

    def spelled(it: re.Match[str]) -> str:
        figure = next(left) if it["number"] else None
        return figure.spelled(it) if figure else it[0]

    whole, start = block[0], block.start()
    first, last = (place - start for place in block.span("text"))
    return whole[:first] + _NUMBER.sub(spelled, block["text"]) + whole[last:]


def _plain(text: str) -> str:
    """The text on one line, without the signs of a comment in a recipe."""
    return " ".join(text.replace("\n#", "\n").split())


def stored(path: str, results: Path = RESULTS) -> Iterator[Figure | None]:
    """The figures of a path such as `ladder > * > {fms|cgacc}`; None for `-`.

    Raises:
      ValueError: If there is no such figure. It says what there is.
    """
    if path == "-":
        yield None
        return
    name, *steps = _split(path)
    if not (results / f"{name}.json").is_file():
        raise ValueError(f"{path}: there is no benchmarks/results/{name}.json.")
    for found, rest in _follow(read(results / f"{name}.json"), steps, path):
        yield _figure(found, rest, path)


@functools.cache
def read(path: Path) -> Any:
    """A file of results, with rows by their names."""
    content = json.loads(path.read_text(encoding="utf-8"))
    if isinstance(content, dict):
        content = next((content[it] for it in ROWS if it in content), content)
    if not isinstance(content, list):
        return content
    rows: dict[str, Any] = {}
    for row in content:
        *others, last = (str(row[key]) for key in KEYS.get(path.stem, ("name",)))
        place = rows
        for key in others:
            place = place.setdefault(key, {})
        place[last] = row.get("figures", row)
    return rows


def _split(path: str) -> list[str]:
    """The steps of a path; ` > ` within braces belongs to a step."""
    return re.split(r" > (?![^{]*\})", path)


def _follow(node: Any, steps: list[str], path: str) -> Iterator[tuple[Any, str]]:
    """What the steps lead to, with the last one if it asks for a part of a figure."""
    if not steps:
        yield node, "value"
        return
    step, *rest = steps
    if step.startswith("{"):
        for one in step.strip("{}").split("|"):
            yield from _follow(node, [*_split(one.strip()), *rest], path)
    elif step == "*" and isinstance(node, dict):
        for one in node.values():
            yield from _follow(one, rest, path)
    elif isinstance(node, dict) and step in node:
        yield from _follow(node[step], rest, path)
    elif not rest and step in ("value", "low", "high", "sd", "±"):
        yield node, step
    else:
        known = ", ".join(node) if isinstance(node, dict) else repr(node)
        raise ValueError(f"{path}: there is no {step!r}. There are: {known}.")


def _figure(node: Any, part: str, path: str) -> Figure:
    """The figure that a node of a file of results is."""
    known: dict[str, float | None] = {}
    if isinstance(node, (int, float)):
        known["value"] = float(node)
    elif isinstance(node, list) and node:  # One number a seed.
        known["value"] = statistics.fmean(node)
        known["sd"] = statistics.stdev(node) if len(node) > 1 else None
    elif isinstance(node, dict):
        known["value"] = node.get("value", node.get("mean"))
        known["sd"] = node.get("standard_deviation")
        known["low"], known["high"] = node.get(
            "interval", (node.get("low"), node.get("high"))
        )
    value = known.get("value" if part == "±" else part)
    if value is None:
        raise ValueError(f"{path}: {part} of {node!r} is not a figure.")
    return Figure(value, known.get("sd") if part == "±" else None)


if __name__ == "__main__":
    main()
