"""Reads a CSV or Parquet table into columns of text, with line numbers."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.parquet as pq

from cv_tf.files import is_remote, open_binary


@dataclass
class Columns:
    """The cells of a table as text, column by column.

    Attributes:
      cells: Column name to its cells, top to bottom; an empty cell is "".
      lines: Where each row starts: the line of a CSV file (the header is line
        1), or the row of a Parquet file (from 1).
      problems: What is wrong with single rows, as (line, message).
    """

    cells: dict[str, list[str]]
    lines: list[int]
    problems: list[tuple[int, str]] = field(default_factory=list)


def read_columns(path: str) -> Columns:
    """Reads every cell of a table as text, so that `0108775015` stays as it is.

    Raises:
      ValueError: If the file is not a table that can be read at all.
      OSError: If it cannot be opened.
    """
    if path.rstrip("/").lower().endswith((".parquet", ".pq")):
        return _read_parquet(path)
    return _read_csv(path)


def _read_csv(path: str) -> Columns:
    problems, rows, lines = [], [], []
    with open_binary(path) as file:
        content = io.BytesIO(file.read())
    with io.TextIOWrapper(content, "utf-8-sig", newline="") as text:
        reader = csv.reader(text, strict=True)
        try:
            header = [name.strip() for name in next(reader, [])]
            _check_header(header)
            end_of_last_row = reader.line_num
            for row in reader:
                line, end_of_last_row = end_of_last_row + 1, reader.line_num
                if not row:
                    continue
                if len(row) == len(header):
                    rows.append(row)
                    lines.append(line)
                    continue
                problems.append((line, _wrong_width(len(row), len(header))))
        except csv.Error as error:
            raise ValueError(
                f"line {reader.line_num} is not valid CSV: {error}. "
                "Look for a quote that is not closed, or not doubled."
            ) from error
        except UnicodeDecodeError as error:
            raise ValueError(
                f"the text is not UTF-8 (after line {reader.line_num}: {error}). "
                "Save the table as UTF-8."
            ) from error
    columns = zip(*rows, strict=True) if rows else ((),) * len(header)
    cells = {name: list(column) for name, column in zip(header, columns, strict=True)}
    return Columns(cells, lines, problems)


def _wrong_width(found: int, expected: int) -> str:
    why = "a comma inside a cell needs quotes" if found > expected else "cells missing"
    return f"{found} cells, but the header has {expected} ({why})"


def _read_parquet(path: str) -> Columns:
    try:
        table = _parquet_table(path)
    except pa.ArrowInvalid as error:
        raise ValueError(f"not a Parquet file that can be read: {error}") from error
    _check_header(table.column_names)
    cells = {}
    for name in table.column_names:
        column = _as_text(table.column(name))
        if column is not None:
            cells[name] = column
    return Columns(cells, list(range(1, table.num_rows + 1)))


def _parquet_table(path: str) -> pa.Table:
    if not is_remote(path):
        return pq.read_table(path)
    with open_binary(path) as file:
        return pq.read_table(pa.BufferReader(file.read()))


def _as_text(column: pa.ChunkedArray) -> list[str] | None:
    """Cells as text, or None for a column of lists, structs or bytes."""
    try:
        text = column.cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None
    return ["" if cell is None else cell for cell in text.to_pylist()]


def _check_header(header: list[str]) -> None:
    if not header:
        raise ValueError("the file is empty")
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise ValueError(f"the header names {', '.join(map(repr, twice))} twice")
    if len(header) == 1 and any(mark in header[0] for mark in ";\t|"):
        raise ValueError(
            f"the header is one single column, {header[0]!r}. "
            "Separate the columns with commas."
        )
