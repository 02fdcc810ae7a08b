"""Reads a CSV or Parquet table into columns of text, with line numbers."""

from __future__ import annotations

import csv
import difflib
import io
import posixpath
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cv_tf.errors import UserError
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
        raise UserError("the file is empty")
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise UserError(f"the header names {', '.join(map(repr, twice))} twice")
    if len(header) == 1 and any(mark in header[0] for mark in ";\t|"):
        raise UserError(
            f"the header is one single column, {header[0]!r}. "
            "Separate the columns with commas."
        )


Problem = tuple[int, str]  # The line, and what is wrong there.

_SHOWN = 20


class CatalogError(UserError):
    """A catalogue that cannot be used, with every reason found."""


def raise_problems(name: str, problems: Sequence[Problem], advice: str = "") -> None:
    """Raises one error that lists the problems by line, if there are any.

    Args:
      name: Of the catalogue.
      problems: In any order; the first 20 lines are spelled out.
      advice: What to do about it.

    Raises:
      CatalogError: If there is a problem.
    """
    if not problems:
        return
    problems = sorted(problems)
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    text = [f"{name}: {count}."]
    unit = "line" if name.lower().endswith(".csv") else "row"
    text += [f"  {unit} {line}: {what}." for line, what in problems[:_SHOWN]]
    if len(problems) > _SHOWN:
        text.append(f"  ... and {len(problems) - _SHOWN} more.")
    raise CatalogError("\n".join([*text, advice] if advice else text))


BOX_COLUMNS = ("x", "y", "width", "height")


def check_columns(name: str, columns: Columns, block_columns: Sequence[str]) -> None:
    """Raises `CatalogError` if a column is missing, and says which are there."""
    there = list(columns.cells)
    missing = [
        column
        for column in ("product_id", "image", *block_columns)
        if column not in there
    ]
    if not missing:
        return
    hints = []
    for column in missing:
        near = _nearest(column, there)
        hints.append(f"no column {column!r}" + (f" (is it {near!r}?)" if near else ""))
    advice = "Rename the columns of the table."
    if set(missing) & set(block_columns):
        advice = (
            "Name the columns that split the catalogue into comparable products with "
            "--block_columns; leave it empty (--block_columns=) to compare all."
        )
    raise CatalogError(
        f"{name}: {', '.join(hints)}. The table has the columns {there}. {advice}"
    )


def _nearest(column: str, there: Sequence[str]) -> str | None:
    folded = {name.lower().replace(" ", "_"): name for name in there}
    near = difflib.get_close_matches(column.lower(), folded, n=1, cutoff=0.6)
    return folded[near[0]] if near else None


def check_frame(name: str, frame: str, boxes: np.ndarray | None) -> None:
    """Raises `CatalogError` if frames shall be of columns that are not there."""
    if frame == "columns" and boxes is None:
        raise CatalogError(
            f"{name}: --frame=columns needs the columns x, y, width, height. "
            "Add them, or pass --frame=auto."
        )


def check_ids(
    ids: Sequence[str], lines: Sequence[int], problems: list[Problem]
) -> None:
    """Adds to `problems` each id that is empty or was there before."""
    first_line: dict[str, int] = {}
    for product_id, line in zip(ids, lines, strict=True):
        if not product_id.strip():
            problems.append((line, "product_id is empty"))
        elif product_id in first_line:
            first = first_line[product_id]
            problems.append(
                (line, f"product_id {product_id!r} was already on line {first}")
            )
        else:
            first_line[product_id] = line


def resolve_images(
    images: Sequence[str],
    folder: str,
    lines: Sequence[int],
    problems: list[Problem],
) -> list[str]:
    """Makes paths absolute; adds to `problems` each that leaves the folder.

    A product without an image keeps "": like a missing file it is a bad image,
    which the user may choose to reject.
    """
    resolved = []
    for image, line in zip(images, lines, strict=True):
        if not image.strip():
            resolved.append("")
            continue
        if is_remote(image) or image.startswith("/"):
            resolved.append(image)
            continue
        if posixpath.normpath(image).split("/")[0] == "..":
            problems.append(
                (
                    line,
                    f"image {image!r} leaves the table's folder {folder}. Move the "
                    "photos below it, or give the absolute path",
                )
            )
        resolved.append(f"{folder}/{posixpath.normpath(image)}")
    return resolved


def read_boxes(columns: Columns, problems: list[Problem]) -> np.ndarray | None:
    """Reads the box columns; None unless all four are there and one row is filled."""
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
            problems.append(
                (
                    columns.lines[i],
                    f"x, y, width, height are {', '.join(map(repr, cells))}; expected "
                    "four numbers in pixels, width and height above 0, or four empty "
                    "cells",
                )
            )
    return None if np.isnan(boxes).all() else boxes
