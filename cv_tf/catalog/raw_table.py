"""A table as its file holds it: named columns of values, and where each row stands."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from absl import logging

from cv_tf.catalog.cells import Values
from cv_tf.errors import UserError
from cv_tf.files import repeated
from cv_tf.spelling import clean

MOST_COLUMNS = 16_384  # As many as a spreadsheet has.
# Bytes that a table may take in memory, of which a cell takes as many before its first
# letter, with its place in a list, and the line of a row takes some.
_MOST_MEMORY, _CELL, _LINE = 15 * 2**27, 64, 36
_MOST_ROWS = 2**24  # Also of empty ones, of which nothing is kept.
_SHOWN, _MOST_LETTERS = 20, 300  # Names in a message, and letters of what it quotes.

# Some rows of cells, and the line of each.
Rows = tuple[Sequence[Sequence[Any]], Sequence[int]]
Problem = tuple[int, str]  # The line, and what is wrong there.


@dataclass
class RawTable:
    """Columns by name, none of them empty or there twice, and the line of each row."""

    columns: dict[str, Values]
    # Line of a CSV file where each row starts (the header is line 1), row number of a
    # spreadsheet, as it shows them, or of a Parquet file (from 1).
    lines: list[int]
    problems: list[Problem] = field(default_factory=list)  # Rows that cannot be read.
    # Whether what a spreadsheet would run is marked, see `cv_tf.catalog.formulas`.
    is_marked: bool = True


def check_cells(num_rows: int, num_columns: int, num_bytes: int) -> None:
    """Raises `UserError` if a table would fill the memory.

    Args:
      num_rows: Number of rows so far.
      num_columns: Number of columns.
      num_bytes: Size of the text of all cells, in bytes; the text of the file, of which
        the cells are copies, is in memory as well.
    """
    cost = num_rows * (num_columns * _CELL + _LINE) + 2 * num_bytes
    if cost > _MOST_MEMORY or num_rows > _MOST_ROWS:
        raise UserError(
            f"the table is too large: more than {num_rows:,} rows of {num_columns:,} "
            "columns. Save only the columns that are needed, or write several tables."
        )


def shown(names: Iterable[str]) -> str:
    """Names as a list in a message, of bounded length."""
    some = [cut(name) for name in itertools.islice(names, _SHOWN + 1)]
    return ", ".join(some[:_SHOWN] + ["..."] * (len(some) > _SHOWN))


def cut(text: str) -> str:
    """A text as a message may quote it, of bounded length."""
    return text if len(text) <= _MOST_LETTERS else f"{text[:_MOST_LETTERS]}..."


def to_names(header: Sequence[Any]) -> list[str]:
    """The names of columns, stripped; "" for a column without one.

    Raises:
      UserError: If there is none, or a name is there twice.
    """
    if len(header) > MOST_COLUMNS:
        raise UserError(
            f"the header has {len(header):,} columns; at most {MOST_COLUMNS:,} are "
            "read. Save only the columns that are needed."
        )
    names = [clean("" if name is None else str(name)) for name in header]
    known = [name for name in names if name]
    if not known:
        raise UserError("the file is empty")
    if len(known) == 1 and any(mark in known[0] for mark in ",;\t|"):
        raise UserError(
            f"the header is one single column, {cut(known[0])!r}. Quote cells, not "
            "whole lines."
        )
    if twice := sorted(repeated(known)):
        raise UserError(f"the header names {shown(map(repr, twice))} twice")
    return names


def of_records(
    records: Iterable[tuple[int, Mapping[str, Any]]], num_bytes: int
) -> tuple[dict[str, list[Any]], list[int]]:
    """Makes columns of records that name their values, such as objects of JSON.

    Args:
      records: The line of each record, and its values by the names of their columns;
        what a record does not name is "".
      num_bytes: Size of the text of all values.

    Returns:
      The columns by their names, as they are written, and the line of each row.

    Raises:
      UserError: If there are too many columns, or the table is too large.
    """
    columns: dict[str, list[Any]] = {}
    lines: list[int] = []
    for line, values in records:
        for name, value in values.items():
            if name not in columns:
                columns[name] = [""] * len(lines)
                if len(columns) > MOST_COLUMNS:
                    to_names(list(columns))  # Raises.
            columns[name].append(value)
        lines.append(line)
        check_cells(len(lines), len(columns), num_bytes)
        for cells in columns.values():
            if len(cells) < len(lines):
                cells.append("")
    return columns, lines


def of_rows(source: str, batches: Iterable[Rows], num_bytes: int = 0) -> RawTable:
    """Makes a table of rows of cells; the first that is not empty is the header.

    Leaves out what spreadsheets leave behind: rows without any filled cell, empty cells
    after the last column, and columns without a name, which is said if they are filled.

    Args:
      source: Name of the file, for messages.
      batches: Some rows at a time, and the line of each; cells are text or other
        values, "" where empty.
      num_bytes: Size of the text of all cells, if it is known.

    Raises:
      UserError: If there is no header that can be used, or the table is too large.
    """
    names: list[str] = []
    columns: list[list[Any]] = []
    table = RawTable({}, [])
    num_cut = num_rows = 0
    for some, their_lines in batches:
        start = 0
        num_rows += len(some)
        if num_rows > _MOST_ROWS:
            check_cells(num_rows, len(names), num_bytes)
        if not names:
            filled = (place for place, row in enumerate(some) if not is_blank(row))
            start = next(filled, len(some)) + 1
            if start > len(some):
                continue
            names = to_names(some[start - 1])
            columns = [[] for _ in names]
        rows, lines, cut = _mend_rows(names, some[start:], their_lines[start:], table)
        table.lines += lines
        check_cells(len(table.lines) + len(table.problems), len(names), num_bytes)
        num_cut += cut
        for column, cells in zip(columns, zip(*rows, strict=True), strict=bool(rows)):
            column.extend(cells)
    named = zip(names or to_names(()), columns, strict=True)
    table.columns.update((name, column) for name, column in named if name)
    unnamed = [c for name, c in zip(names, columns, strict=True) if not name]
    if num := sum(not is_blank(column) for column in unnamed):
        what = "column without a name is left out, with its cells"
        if num > 1:
            what = "columns without a name are left out, with their cells"
        logging.warning("%s: %d %s.", source, num, what)
    if num_cut:
        what = "empty cells after the last column are cut off"
        logging.warning("%s: %s, in %s rows.", source, what, f"{num_cut:,}")
    return table


def _mend_rows(
    names: list[str],
    rows: Sequence[Sequence[Any]],
    lines: Sequence[int],
    table: RawTable,
) -> tuple[Sequence[Sequence[Any]], Sequence[int], int]:
    """Leaves out blank rows, and gives the others as many cells as there are names.

    Only cells without a name are cut or filled; all else becomes a problem of `table`.
    Returns rows, lines, and how many rows were cut.
    """
    width = len(names)
    is_filled = [
        bool(row) and (str(row[0])[:1].isalnum() or not is_blank(row)) for row in rows
    ]
    if not all(is_filled):
        rows = list(itertools.compress(rows, is_filled))
        lines = list(itertools.compress(lines, is_filled))
    widths = set(map(len, rows))
    if not widths - {width}:
        return rows, lines, 0
    named = max(place for place, name in enumerate(names) if name) + 1
    mended, kept, num_cut = [], [], 0
    for row, line in zip(rows, lines, strict=True):
        # A comma inside of a cell, too, moves empty cells beyond the last column. It
        # has not where the last column is filled, or where all rows end alike.
        is_cut = len(row) > width and is_blank(row[width:])
        if is_cut and min(widths) <= width and _is_empty(row[named - 1]):
            is_cut = False
        if len(row) < named or (len(row) > width and not is_cut):
            why = "a separator inside a cell needs quotes"
            if len(row) < named:
                why = "cells missing"
            what = f"{len(row)} cells, but the header has {named} ({why})"
            table.problems.append((line, what))
            continue
        num_cut += is_cut
        mended.append([*row[:width], *[""] * (width - len(row))])
        kept.append(line)
    return mended, kept, num_cut


def is_blank(row: Sequence[Any]) -> bool:
    """Whether none of the cells holds more than blanks."""
    return all(map(_is_empty, row))


def _is_empty(cell: Any) -> bool:
    return cell is None or (isinstance(cell, str) and not clean(cell))
