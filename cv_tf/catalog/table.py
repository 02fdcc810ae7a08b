"""The catalogue: one table of products, checked as a whole before anything starts."""

from __future__ import annotations

import difflib
import posixpath
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cv_tf.catalog.columns import Columns, read_columns
from cv_tf.catalog.storage import is_remote

BOX_COLUMNS = ("x", "y", "width", "height")
_SHOWN_PROBLEMS = 20


class CatalogError(ValueError):
    """A catalogue that cannot be used, with every reason found."""


@dataclass(frozen=True, eq=False)
class Catalog:
    """Products as parallel columns, n rows.

    Attributes:
      name: For messages and outputs.
      product_id: [n] object (str), unique.
      image: [n] object (str); absolute path, URI of object storage, or "" where
        the bytes come from `records`.
      style: [n] int32, dense; -1 where the style is unknown.
      block: [n] int32, dense.
      block_names: Name of each block, such as "Trousers / Men".
      split: [n] object (str), or None.
      color: [n] object (str) for reports, never an input; or None.
      box: [n, 4] float32, x, y, width, height of the product in pixels of the
        photo as it is displayed, NaN where unknown; or None.
      line: [n] int32; line of the CSV file (header = 1) or row of the Parquet
        file (from 1).
      records: Random access to encoded images, by a row's `record`; or None.
      record: [n] int64; or None.
      folder: Where the data lies; caches are kept beside it. "" if nowhere.
    """

    name: str
    product_id: np.ndarray
    image: np.ndarray
    style: np.ndarray
    block: np.ndarray
    block_names: tuple[str, ...]
    split: np.ndarray | None
    color: np.ndarray | None
    box: np.ndarray | None
    line: np.ndarray
    records: Callable[[int], bytes] | None = None
    record: np.ndarray | None = None
    folder: str = ""

    def __len__(self) -> int:
        return len(self.product_id)

    def select(self, rows: np.ndarray) -> Catalog:
        """The catalogue of some rows; style and block numbers stay as they are."""

        def of_rows(column: np.ndarray | None) -> np.ndarray | None:
            return None if column is None else column[rows]

        return replace(
            self,
            product_id=self.product_id[rows],
            image=self.image[rows],
            style=self.style[rows],
            block=self.block[rows],
            split=of_rows(self.split),
            color=of_rows(self.color),
            box=of_rows(self.box),
            line=self.line[rows],
            record=of_rows(self.record),
        )

    def where_split(self, split: str) -> Catalog:
        """The catalogue of one split.

        Raises:
          CatalogError: If there is no such split.
        """
        splits = [] if self.split is None else sorted(set(self.split))
        if split not in splits:
            there = f"has {splits}" if splits else "has no column 'split'"
            raise CatalogError(f"{self.name}: no split {split!r}; the table {there}.")
        return self.select(np.flatnonzero(self.split == split))


def read_catalog(
    path: str | Path, block_columns: Sequence[str] = ("category",)
) -> Catalog:
    """Reads and checks a table of products.

    Args:
      path: CSV (UTF-8, with or without byte order mark) or Parquet file, on
        disk or in object storage. Columns: `product_id`; `image`, relative to
        the table's folder, absolute, or a URI such as `gs://bucket/a.jpg`;
        optional `style_id`, `color`, `split`, and `x`, `y`, `width`, `height`.
      block_columns: Only products with the same values here are compared.
        Empty: all products are.

    Returns:
      The catalogue. Whether the images exist and can be read is found out by
      `cv_tf.pipeline.prepare`.

    Raises:
      CatalogError: With every problem of the table (the first 20 spelled out).
    """
    path = str(path)
    name = posixpath.basename(path.rstrip("/"))
    try:
        columns = read_columns(path)
    except FileNotFoundError as error:
        raise CatalogError(f"{path} does not exist.") from error
    except (OSError, ValueError) as error:
        raise CatalogError(f"{path}: {error}") from error
    _check_columns(name, columns, block_columns)

    folder = posixpath.dirname(path) if is_remote(path) else _absolute_folder(path)
    problems = list(columns.problems)
    product_id = columns.cells["product_id"]
    _check_ids(product_id, columns.lines, problems)
    image = _resolve_images(columns.cells["image"], folder, columns.lines, problems)
    box = _boxes(columns, problems)
    if not columns.lines and not problems:
        raise CatalogError(f"{name}: the table has a header but no products.")
    _raise_if_any(name, problems)

    block, block_names = _blocks(columns, block_columns)
    return Catalog(
        name=name,
        product_id=_objects(product_id),
        image=_objects(image),
        style=number_styles(columns.cells.get("style_id", [""] * len(image))),
        block=block,
        block_names=block_names,
        split=_optional(columns, "split"),
        color=_optional(columns, "color"),
        box=box,
        line=np.array(columns.lines, np.int32),
        folder=folder,
    )


def number_styles(styles: Sequence[str]) -> np.ndarray:
    """Numbers the distinct styles from 0 in sorted order; "" becomes -1."""
    number = {name: i for i, name in enumerate(sorted(set(styles) - {""}))}
    number[""] = -1
    return np.array([number[name] for name in styles], np.int32)


def number_blocks(names: Sequence[str]) -> tuple[np.ndarray, tuple[str, ...]]:
    """Numbers the distinct blocks from 0 in sorted order; returns their names too."""
    distinct = tuple(sorted(set(names)))
    number = {name: i for i, name in enumerate(distinct)}
    return np.array([number[name] for name in names], np.int32), distinct


def _blocks(
    columns: Columns, block_columns: Sequence[str]
) -> tuple[np.ndarray, tuple[str, ...]]:
    if not block_columns:
        return np.zeros(len(columns.lines), np.int32), ("all",)
    values = zip(*(columns.cells[name] for name in block_columns), strict=True)
    return number_blocks(
        [" / ".join(value or "(none)" for value in row) for row in values]
    )


def _check_columns(name: str, columns: Columns, block_columns: Sequence[str]) -> None:
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


def _check_ids(
    ids: Sequence[str], lines: Sequence[int], problems: list[tuple[int, str]]
) -> None:
    first_line: dict[str, int] = {}
    for product_id, line in zip(ids, lines, strict=True):
        if not product_id.strip():
            problems.append((line, "product_id is empty"))
        elif product_id in first_line:
            first = first_line[product_id]
            problems.append(
                (line, f"product_id {product_id!r} is already on line {first}")
            )
        else:
            first_line[product_id] = line


def _resolve_images(
    images: Sequence[str],
    folder: str,
    lines: Sequence[int],
    problems: list[tuple[int, str]],
) -> list[str]:
    resolved = []
    for image, line in zip(images, lines, strict=True):
        if not image.strip():
            problems.append((line, "image is empty"))
        elif is_remote(image) or image.startswith("/"):
            resolved.append(image)
            continue
        elif posixpath.normpath(image).split("/")[0] == "..":
            problems.append(
                (
                    line,
                    f"image {image!r} leaves the table's folder {folder}. Move the "
                    "photos below it, or give the absolute path",
                )
            )
        resolved.append(f"{folder}/{posixpath.normpath(image)}")
    return resolved


def _boxes(columns: Columns, problems: list[tuple[int, str]]) -> np.ndarray | None:
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


def _raise_if_any(name: str, problems: list[tuple[int, str]]) -> None:
    if not problems:
        return
    problems.sort()
    shown = [f"  line {line}: {text}." for line, text in problems[:_SHOWN_PROBLEMS]]
    more = len(problems) - len(shown)
    count = f"{len(problems)} problem{'s' * (len(problems) > 1)}"
    rest = [f"  ... and {more} more."] if more else []
    raise CatalogError("\n".join([f"{name}: {count}.", *shown, *rest]))


def _absolute_folder(path: str) -> str:
    return str(Path(path).absolute().parent)


def _optional(columns: Columns, name: str) -> np.ndarray | None:
    return _objects(columns.cells[name]) if name in columns.cells else None


def _objects(cells: Sequence[str]) -> np.ndarray:
    array = np.empty(len(cells), object)
    array[:] = cells
    return array
