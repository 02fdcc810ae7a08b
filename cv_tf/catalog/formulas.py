"""Cells of CSV files that a spreadsheet would run, marked as text, and read back."""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

from cv_tf.spelling import EDGES

# What spreadsheets pass over at the beginning of a cell, and how a formula begins, also
# in the wide form of East Asian keyboards.
_PASSED = "".join(sorted({*EDGES, "'", '"', "\u2018", "\u2019", "\u201c", "\u201d"}))
_SIGNS = "=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20\u2212"
_FORMULA = re.compile(f"[{re.escape(_PASSED)}]*[{_SIGNS}]")
_ANY_SIGN = f"[{_SIGNS}]"
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
MARK = "'"


def marked(cell: str) -> str:
    """A cell as it is written to a CSV file: with an apostrophe before a formula.

    Spreadsheets run what begins with `=`, `+`, `-` or `@`, and some after blanks,
    quotes or line breaks: `=HYPERLINK(...)` in the name of a product sends a table's
    content away. A number stays as it is. So that each cell can be read back, those
    that have an apostrophe before such a beginning get another: `unmarked` is the
    inverse.

    Example:
      >>> [marked(cell) for cell in ("=1+2", "'=1+2", "-5", "a-b", "'a")]
      ["'=1+2", "''=1+2", '-5', 'a-b', "'a"]
    """
    return MARK + cell if _needs_mark(cell) else cell


def unmarked(cell: str) -> str:
    """The cell from which `marked` has made this one; any other stays as it is."""
    return cell[1:] if cell[:1] == MARK and _needs_mark(cell[1:]) else cell


def _needs_mark(cell: str) -> bool:
    return bool(_FORMULA.match(cell)) and not _NUMBER.fullmatch(cell)


def marked_table(table: pa.Table) -> pa.Table:
    """A table of which each cell of text is `marked`."""
    columns = [_marked_column(column) for column in table.columns]
    return pa.table(columns, names=table.column_names)


def _marked_column(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        return column
    if not pc.any(pc.match_substring_regex(column, _ANY_SIGN)).as_py():
        return column
    cells = (cell if cell is None else marked(cell) for cell in column.to_pylist())
    return pa.chunked_array([pa.array(cells, kind)])


def unmarked_cells(cells: list[str]) -> list[str]:
    """The cells of a column of a CSV file without the marks of formulas."""
    if MARK not in "\n".join(cells):  # What is not in there is in no cell.
        return cells
    return list(map(unmarked, cells))
