"""The catalogue: a table of products, checked as a whole before anything starts."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from absl import logging

import cv_tf
from cv_tf.catalog.columns import (
    CatalogError,
    Columns,
    catalog_error,
    check_columns,
    check_ids,
    raise_problems,
    read_boxes,
    read_columns,
)
from cv_tf.catalog.photo_paths import PHOTO_SUFFIXES, resolve_images
from cv_tf.config import CatalogSettings
from cv_tf.errors import UserError
from cv_tf.files import expanded, is_remote, is_text
from cv_tf.spelling import clean, folded

_MOST_BLOCKS = 10_000  # Whose names are compared; more are no kinds of products.


@dataclass(frozen=True, eq=False)
class Catalog:
    """Products as parallel columns of n rows.

    Attributes:
      name: Name of the catalogue, for messages and outputs.
      product_id: Unique ids, `[n]` object (str).
      image: Absolute path or URI of each photo, `[n]` object (str); "" where `records`
        has it.
      style: Style numbers, `[n]` int32, dense; -1 where unknown.
      block: Block numbers, `[n]` int32, dense; only products of one block are compared.
      block_names: Name of each block, such as "Trousers / Men".
      split: Split of each product, `[n]` object (str); or None.
      color: Color names, `[n]` object (str), for reports only, never an input of a
        model; or None.
      box: x, y, width, height, `[n, 4]` float32, in pixels of the photo as it is
        displayed; NaN where unknown; or None.
      line: Line of the CSV file (the header is line 1), or row of the spreadsheet or
        Parquet file (from 1), of each product, `[n]` int32.
      records: Function from a record number to an encoded image; or None.
      record: Record number of each product, `[n]` int64; or None.
      folder: Folder of the data, where caches are kept; "" if there is none.
      style_id: Style names, `[n]` object (str), for reports; "" where unknown; or None.
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
    style_id: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.product_id)

    @property
    def is_remote(self) -> bool:
        """Whether the photos are in object storage."""
        if self.records is not None:
            return is_remote(self.folder)
        return len(self) > 0 and is_remote(self.image[0])

    def select(self, rows: np.ndarray) -> Catalog:
        """The catalogue of some rows, or of a mask `[n]`; styles and blocks stay."""
        arrays = {k: v for k, v in vars(self).items() if isinstance(v, np.ndarray)}
        taken: dict[str, Any] = {name: column[rows] for name, column in arrays.items()}
        return replace(self, **taken)

    def photo(self, row: int) -> str | bytes:
        """The path of a product's photo, or its bytes where `records` has them."""
        if self.image[row] or self.records is None or self.record is None:
            return self.image[row]
        return self.records(int(self.record[row]))

    def where_split(self, split: str) -> Catalog:
        """The products of one split.

        Raises:
          CatalogError: If there is no such split.
        """
        splits = [] if self.split is None else sorted(set(self.split))
        split = clean(split)
        if split not in splits:
            there = f"has {splits}" if splits else "has no column 'split'"
            raise CatalogError(f"{self.name}: no split {split!r}; the table {there}.")
        return self.select(np.flatnonzero(self.split == split))


def read_products(settings: CatalogSettings, split: str = "") -> Catalog:
    """Reads the products that settings name: a user's table, or else a data set.

    With `split`, only the products with this value of the column `split`.

    Raises:
      CatalogError: If it cannot be used, or has no such split.
    """
    if settings.catalog:
        catalog = read_catalog(settings.catalog, settings.block_columns)
    else:
        catalog = cv_tf.catalog.load_dataset(
            settings.dataset,
            data_dir=settings.data_dir or None,
            block_columns=settings.block_columns,
        )
    return catalog.where_split(split) if split else catalog


def read_catalog(
    path: str | Path, block_columns: Sequence[str] = ("category",)
) -> Catalog:
    """Reads and checks a table of products.

    Args:
      path: CSV (UTF-8 or UTF-16, also `.csv.gz`), Parquet file or spreadsheet, on disk
        or in object storage. Columns: `product_id`; `image`, relative to the table's
        folder, absolute, or a URI such as `gs://bucket/a.jpg`; optional `style_id`,
        `color`, `split` (of these and blocks, "nan", "N/A" and the like are taken as
        empty), and `x`, `y`, `width`, `height`.
      block_columns: Columns that make the blocks: only products with the same values
        are compared. Empty to compare all products.

    Returns:
      The catalogue. Whether the images exist and can be read is checked by
      `cv_tf.pipeline.load_photos`.

    Raises:
      CatalogError: With every problem of the table (the first 20 spelled out).
    """
    block_columns = list(map(clean, block_columns))
    path = str(path) if is_remote(str(path)) else str(Path(expanded(path)))
    folder = _folder_of(path)
    name = posixpath.basename(path.rstrip("/"))
    try:
        columns = catalog_columns(path, block_columns)
    except (OSError, UserError) as error:
        raise catalog_error(path, error) from error
    check_columns(name, columns, block_columns)

    problems, cells, lines = list(columns.problems), columns.cells, columns.lines
    check_ids(name, cells["product_id"], lines, problems)
    image = resolve_images(name, cells["image"], folder, lines, problems)
    box = read_boxes(columns, problems)
    if not lines and not problems:
        raise CatalogError(f"{name}: the table has a header but no products.")
    raise_problems(name, problems)

    block_values = [cells[name] for name in block_columns]
    block, block_names = number_blocks(block_values, len(image))
    _warn_of_blocks(name, block_names)
    return Catalog(
        name=name,
        product_id=objects(cells["product_id"]),
        image=objects(image),
        style=number_styles(cells.get("style_id", [""] * len(image))),
        block=block,
        block_names=block_names,
        split=_optional(columns, "split"),
        color=_optional(columns, "color"),
        box=box,
        line=np.array(lines, np.int32),
        folder=folder,
        style_id=_optional(columns, "style_id"),
    )


def _folder_of(path: str) -> str:
    """The absolute folder of a table, spelled alike however the table was named."""
    if is_remote(path):
        return posixpath.dirname(path)
    folder = Path(path).absolute().parent
    folder = folder.resolve() if ".." in folder.parts else folder
    _check_names([str(folder / path)])
    return str(folder)


def _warn_of_blocks(name: str, block_names: Sequence[str]) -> None:
    """Warns of blocks that are two only because their names are spelled in two ways."""
    first: dict[str, str] = {}
    alike = []
    for block in block_names[:_MOST_BLOCKS]:
        other = first.setdefault(folded(block), block)
        alike += [(other, block)] if other != block else []
    if alike:
        logging.warning(
            "%s: the products of block %r are not compared with those of %r%s. If they "
            "are of one kind, spell it alike.",
            name,
            *alike[0],
            f", and so on for {len(alike) - 1} more" if len(alike) > 1 else "",
        )


def catalog_columns(path: str, block_columns: Sequence[str]) -> Columns:
    """Reads the cells of a catalogue; raises as `read_columns`."""
    labels = {"style_id", "color", "split", *block_columns} - {"product_id"}
    return read_columns(path, ids=("product_id", "style_id"), labels=sorted(labels))


def catalog_of_photos(photos: str | Path | Sequence[str | Path]) -> Catalog:
    """Makes a catalogue of photos alone: one product a photo, all in one block.

    A product is named by the path of its photo, within the folder or as it is listed,
    in Unicode's form NFC.

    Args:
      photos: A folder, which is searched with the folders in it, or a list of files.

    Raises:
      CatalogError: If there is no such folder, no photo, or a file is listed twice.
    """
    if isinstance(photos, (str, Path)):
        folder = Path(expanded(photos)).absolute()
        if not folder.is_dir():
            raise CatalogError(f"'{photos}' is not a folder of photos.")
        files = [path for path in sorted(folder.rglob("*")) if _is_photo(path, folder)]
        names = [path.relative_to(folder).as_posix() for path in files]
    else:
        folder = Path.cwd()
        names = [str(path) for path in photos]
        files = [Path(expanded(path)).absolute() for path in photos]
    if not files:
        raise CatalogError(
            f"'{folder}' has no photos: no name ends in {', '.join(PHOTO_SUFFIXES)}."
        )
    _check_names(list(map(str, files)))
    ids = list(map(clean, names))
    problems: list[tuple[int, str]] = []
    check_ids(folder.name, ids, range(1, len(ids) + 1), problems)
    raise_problems(folder.name, problems)
    return Catalog(
        name=folder.name,
        product_id=objects(ids),
        image=objects(list(map(str, files))),
        style=np.full(len(files), -1, np.int32),
        block=np.zeros(len(files), np.int32),
        block_names=("all",),
        split=None,
        color=None,
        box=None,
        line=np.arange(1, len(files) + 1, dtype=np.int32),
        folder=str(folder),
    )


def _check_names(paths: Sequence[str]) -> None:
    """Raises `CatalogError` if a name on disk is no text, as of some ZIP files."""
    wrong = [ascii(path) for path in paths if not is_text(path)]
    if wrong:
        files = f"{len(wrong)} files" if len(wrong) > 1 else "a file"
        raise CatalogError(
            f"The name of {files}, such as {wrong[0]}, is not UTF-8. Rename it, or "
            "unpack the photos by a program that asks for the encoding of names."
        )


def _is_photo(path: Path, folder: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    return path.suffix.lower() in PHOTO_SUFFIXES and not hidden and path.is_file()


def number_styles(styles: Sequence[str]) -> np.ndarray:
    """Numbers the distinct styles from 0 in sorted order; "" becomes -1."""
    number = {name: i for i, name in enumerate(["", *sorted(set(styles) - {""})], -1)}
    return np.array([number[name] for name in styles], np.int32)


def number_blocks(
    columns: Sequence[Sequence[str]], num_rows: int
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Numbers the distinct combinations of values in columns from 0 in sorted order.

    Returns the block numbers, `[num_rows]` int32, and the name of each block: its
    values, joined. Without columns, there is one block.
    """
    if not columns:
        return np.zeros(num_rows, np.int32), ("all",)
    rows = list(zip(*columns, strict=True))
    names = {row: " / ".join(value or "(none)" for value in row) for row in set(rows)}
    distinct = tuple(sorted(set(names.values())))
    place = {name: i for i, name in enumerate(distinct)}
    number = {row: place[name] for row, name in names.items()}
    return np.array([number[row] for row in rows], np.int32), distinct


def objects(cells: Sequence[str]) -> np.ndarray:
    """An array of Python strings, `[n]` object."""
    array = np.empty(len(cells), object)
    array[:] = cells
    return array


def _optional(columns: Columns, name: str) -> np.ndarray | None:
    return objects(columns.cells[name]) if name in columns.cells else None
