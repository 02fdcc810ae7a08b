"""Checks of a table's columns and cells; each gathers what is wrong."""

from __future__ import annotations

import difflib
import posixpath
from collections.abc import Sequence

import numpy as np

from cv_tf.catalog.columns import Columns
from cv_tf.catalog.problems import CatalogError, Problem
from cv_tf.files import is_remote

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
