"""The catalogue: products as parallel columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from cv_tf.catalog.columns import CatalogError
from cv_tf.files import is_remote
from cv_tf.spelling import clean


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
      more_images: Further photos of each product, `[n]` object (tuple of str), paths as
        in `image`; or None if no product has any.
      address: Where `image` was downloaded from, `[n]` object (str), "" if it was not;
        or None.
      unusable: Why the photo cannot be used, as far as is known before it is read, such
        as that it could not be downloaded, `[n]` object (str), "" if nothing is; None.
      extras: Further columns of the table by name, such as `title`, `[n]` object (str).
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
    more_images: np.ndarray | None = None
    address: np.ndarray | None = None
    unusable: np.ndarray | None = None
    extras: Mapping[str, np.ndarray] = field(default_factory=dict)

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
        taken["extras"] = {name: column[rows] for name, column in self.extras.items()}
        return replace(self, **taken)

    def by_photo(self) -> tuple[Catalog, np.ndarray]:
        """The catalogue with a row for each photo, and the product of each row.

        Further photos have no box, as the table tells that of the first one only.
        """
        more: Sequence[tuple[str, ...]] = ((),) * len(self)
        if self.more_images is not None:
            more = self.more_images.tolist()
        product = np.repeat(np.arange(len(self)), [1 + len(of) for of in more])
        catalog = replace(self.select(product), more_images=None)
        is_first = np.diff(product, prepend=-1) > 0
        catalog.image[~is_first] = [photo for of in more for photo in of]
        if catalog.box is not None:
            catalog.box[~is_first] = np.nan
        if catalog.unusable is not None:
            catalog.unusable[~is_first] = ""
        return catalog, product

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


def objects(cells: Sequence[Any]) -> np.ndarray:
    """An array of Python strings, or of tuples of them, `[n]` object."""
    array = np.empty(len(cells), object)
    # NumPy would make several columns of tuples of one length.
    array[:] = (
        cells
        if not cells or isinstance(cells[0], str)
        else np.fromiter(cells, object, len(cells))
    )
    return array
