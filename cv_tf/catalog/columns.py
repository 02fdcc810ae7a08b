"""Reads a CSV or Parquet table into columns of text, and checks its rows."""

from __future__ import annotations

import csv
import io
import posixpath
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cv_tf.errors import UserError
from cv_tf.files import is_remote, open_binary, repeated, similar_names

BOX_COLUMNS = ("x", "y", "width", "height")
Problem = tuple[int, str]  # The line, and what is wrong there.

_MAX_PROBLEMS = 20  # Problems that a message spells out.


class CatalogError(UserError):
    """A catalogue that cannot be used; the message lists every reason found."""


@dataclass
class Columns:
    """The cells of a table as text, column by column."""

    cells: dict[str, list[str]]  # From top to bottom; an empty cell is "".
    # Line of a CSV file where each row starts (the header is line 1), or row number in
    # a Parquet file (from 1).
    lines: list[int]
    problems: list[Problem] = field(default_factory=list)  # Rows that cannot be read.


def read_columns(path: str) -> Columns:
    """Reads every cell of a table as text, so that `0108775015` stays as it is.

    Raises:
      UserError: If the file is not a table that can be read at all.
      OSError: If it cannot be opened.
    """
    is_parquet = path.rstrip("/").lower().endswith((".parquet", ".pq"))
    return _read_parquet(path) if is_parquet else _read_csv(path)


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
                if len(row) != len(header):
                    problems.append((line, _wrong_width(len(row), len(header))))
                    continue
                rows.append(row)
                lines.append(line)
        except csv.Error as error:
            raise UserError(
                f"line {reader.line_num} is not valid CSV: {error}. "
                "Look for a quote that is not closed, or not doubled."
            ) from error
        except UnicodeDecodeError as error:
            raise UserError(
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
        raise UserError(f"not a Parquet file that can be read: {error}") from error
    _check_header(table.column_names)
    text = {name: _as_text(table.column(name)) for name in table.column_names}
    cells = {name: column for name, column in text.items() if column is not None}
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
        raise UserError("the file is empty")
    twice = sorted(repeated(header))
    if twice:
        raise UserError(f"the header names {', '.join(map(repr, twice))} twice")
    if len(header) == 1 and any(mark in header[0] for mark in ";\t|"):
        raise UserError(
            f"the header is one single column, {header[0]!r}. "
            "Separate the columns with commas."
        )


def raise_problems(name: str, problems: Sequence[Problem], advice: str = "") -> None:
    """Raises one error that lists the first 20 problems by line, then says what to do.

    Raises:
      CatalogError: If there is a problem.
    """
    if not problems:
        return
    text = [f"{name}: {len(problems)} problem{'s' if len(problems) > 1 else ''}."]
    unit = "line" if name.lower().endswith(".csv") else "row"
    first = sorted(problems)[:_MAX_PROBLEMS]
    text += [f"  {unit} {line}: {what}." for line, what in first]
    if len(problems) > _MAX_PROBLEMS:
        text.append(f"  ... and {len(problems) - _MAX_PROBLEMS} more.")
    raise CatalogError("\n".join([*text, advice] if advice else text))


def check_columns(name: str, columns: Columns, block_columns: Sequence[str]) -> None:
    """Checks that a table has the columns it needs.

    Raises:
      CatalogError: If a column is missing; the message says which ones exist.
    """
    there = list(columns.cells)
    needed = ("product_id", "image", *block_columns)
    missing = [column for column in needed if column not in there]
    if not missing:
        return
    similar = similar_names(missing, there).items()
    hint = {name: f" (is it {near[0]!r}?)" if near else "" for name, near in similar}
    hints = [f"no column {column!r}{hint[column]}" for column in missing]
    advice = "Rename the columns of the table."
    if set(missing) & set(block_columns):
        advice = (
            "Name the columns that split the catalogue into comparable products with "
            "--block_columns; leave it empty (--block_columns=) to compare all."
        )
    raise CatalogError(
        f"{name}: {', '.join(hints)}. The table has the columns {there}. {advice}"
    )


def check_frame(name: str, frame: str, boxes: np.ndarray | None) -> None:
    """Checks that a catalogue has boxes, if photos are framed by them ("columns").

    Raises:
      CatalogError: If there are none.
    """
    if frame == "columns" and boxes is None:
        raise CatalogError(
            f"{name}: --frame=columns needs the columns x, y, width, height. "
            "Add them, or pass --frame=auto."
        )


def check_ids(
    ids: Sequence[str], lines: Sequence[int], problems: list[Problem]
) -> None:
    """Adds a problem for each id that is empty or repeats an earlier one."""
    first_line: dict[str, int] = {}
    for product_id, line in zip(ids, lines, strict=True):
        if not product_id.strip():
            problems.append((line, "product_id is empty"))
        elif product_id in first_line:
            first = first_line[product_id]
            what = f"product_id {product_id!r} was already on line {first}"
            problems.append((line, what))
        else:
            first_line[product_id] = line


def resolve_images(
    images: Sequence[str], folder: str, lines: Sequence[int], problems: list[Problem]
) -> list[str]:
    """Makes paths of images absolute: relative ones start at the table's folder.

    A path that leaves the folder is a problem. A product without an image keeps "".
    Like a missing file, it is a bad image, which the user may choose to reject.
    """
    resolved = []
    for image, line in zip(images, lines, strict=True):
        if not image.strip() or is_remote(image) or image.startswith("/"):
            resolved.append(image if image.strip() else "")
            continue
        path = posixpath.normpath(image)
        if path.split("/")[0] == "..":
            what = (
                f"image {image!r} leaves the table's folder {folder}. Move the photos "
                "below it, or give the absolute path"
            )
            problems.append((line, what))
        resolved.append(f"{folder}/{path}")
    return resolved


def read_boxes(columns: Columns, problems: list[Problem]) -> np.ndarray | None:
    """Reads the box columns; each box that is not four numbers is a problem.

    Returns:
      x, y, width, height of each product in pixels, `[n, 4]` float32, NaN where
      unknown; None unless all four columns exist and a row is filled.
    """
    if not set(BOX_COLUMNS) <= set(columns.cells):
        return None
    boxes = np.full((len(columns.lines), 4), np.nan, np.float32)
    rows = zip(*(columns.cells[name] for name in BOX_COLUMNS), strict=True)
    for i, cells in enumerate(rows):
        if not any(cell.strip() for cell in cells):
            continue
        try:
            boxes[i] = [float(cell) for cell in cells]
        except ValueError:
            boxes[i] = np.nan
        x, y, width, height = boxes[i]
        if not (np.isfinite(x) and np.isfinite(y) and 0 < width < 1e9 > height > 0):
            what = (
                f"x, y, width, height are {', '.join(map(repr, cells))}; expected four "
                "numbers in pixels, width and height above 0, or four empty cells"
            )
            problems.append((columns.lines[i], what))
    return None if np.isnan(boxes).all() else boxes
