"""What --catalog may name: a table, a folder of photos, or a data set."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from absl import logging

import cv_tf
from cv_tf.catalog.columns import (
    BOX_COLUMNS,
    CatalogError,
    Columns,
    UnknownDatasetError,
    catalog_error,
    check_columns,
    check_ids,
    raise_problems,
    read_boxes,
    read_columns,
)
from cv_tf.catalog.photo_folder import catalog_of_folder, check_names
from cv_tf.catalog.several_photos import (
    drop_shared,
    find_photos,
    merge_rows,
    say_placeholders,
)
from cv_tf.catalog.table import Catalog, number_blocks, number_styles, objects
from cv_tf.catalog.table_files import SUFFIXES
from cv_tf.config import CatalogSettings
from cv_tf.errors import UserError
from cv_tf.files import did_you_mean, expanded, is_file, is_remote
from cv_tf.spelling import clean, folded

_MOST_BLOCKS = 10_000  # Whose names are compared; more are no kinds of products.
_IDS = ("product_id", "style_id", "parent", "shop_id", "gtin", "mpn")
# What the rows of one product share.
_OF_PRODUCT = ("style_id", "color", "split", "title", "brand", "gender", "material")
# A name of TFDS: name, name/config, name:version.
_DATASET = re.compile(r"[a-z]\w*(/[\w.-]+)?(:[\w.*]+)?")


def read_products(settings: CatalogSettings, split: str = "") -> Catalog:
    """Reads the products that settings name: a user's table, or else a data set.

    With `split`, only the products with this value of the column `split`. Photos behind
    addresses are downloaded, unless they are there.

    Raises:
      CatalogError: If it cannot be used, or has no such split.
    """
    named, blocks = settings.catalog, settings.block_columns
    if named and not is_remote(named) and _is_folder(expanded(named)):
        named = str(Path(expanded(named)).absolute())
    is_table = named and not _is_dataset(named)
    if is_table and _is_folder(named):
        catalog = catalog_of_folder(named, blocks)
    elif is_table:
        catalog = _read_table(named, blocks, settings.columns, settings.image_base)
        catalog = catalog.where_split(split) if split else catalog
        return cv_tf.catalog.fetch_photos(catalog, settings)
    else:
        catalog = _load_dataset(named or settings.dataset, settings)
    return catalog.where_split(split) if split else catalog


def _load_dataset(name: str, settings: CatalogSettings) -> Catalog:
    try:
        return cv_tf.catalog.load_dataset(
            name,
            data_dir=settings.data_dir or None,
            block_columns=settings.block_columns,
        )
    except UnknownDatasetError as error:
        if not settings.catalog:
            raise
        raise CatalogError(f"There is no file or folder {name!r}. {error}") from error


def _is_folder(path: str) -> bool:
    return os.path.isdir(path)  # noqa: PTH112 (Path fails on names that are too long)


def _is_dataset(name: str) -> bool:
    """Whether the name of a catalogue is that of a data set of TFDS."""
    if is_remote(name) or is_file(name) or name.lower().endswith(SUFFIXES):
        return False
    if _is_folder(name):
        return is_file(f"{name}/dataset_info.json")
    return bool(_DATASET.fullmatch(name))


def read_catalog(
    path: str | Path,
    block_columns: Sequence[str] = ("category",),
    columns: Sequence[str] = (),
    image_base: str = "",
    *,
    fetch: bool = True,
) -> Catalog:
    """Reads and checks a table of products, and downloads photos behind addresses.

    Args:
      path: CSV (UTF-8, or another encoding, which is said), TSV, JSON lines, also
        compressed, Parquet file or spreadsheet, on disk or in object storage. Columns:
        `product_id`; `image`, relative to the table's folder, absolute, or an address
        such as `https://shop/a.jpg`, one photo or several; optional `style_id`,
        `color`, `split` (of these and blocks, "nan", "N/A" and the like are taken as
        empty), and `x`, `y`, `width`, `height`. Rows with one `product_id` are photos
        of one product.
      block_columns: Columns that make the blocks: only products with the same values
        are compared. Empty to compare all products, which is done as well where the
        table has no column `category`.
      columns: Names of the columns, where they are unusual: the layout of a shop's
        export ("shopify", "woocommerce", "merchant", "magento", "akeneo"), and
        "product_id:sku" for a column `sku` of ids.
      image_base: Folder or address in which relative paths of photos start; "" for the
        table's folder.
      fetch: Whether photos behind addresses are downloaded, by the default settings;
        without, their addresses stay in `image`.

    Returns:
      The catalogue. Whether the images exist and can be read is checked by
      `cv_tf.pipeline.load_photos`.

    Raises:
      CatalogError: With every problem of the table (the first 20 spelled out).
    """
    catalog = _read_table(str(path), block_columns, columns, image_base)
    return cv_tf.catalog.fetch_photos(catalog) if fetch else catalog


def _read_table(
    path: str, block_columns: Sequence[str], named: Sequence[str], image_base: str
) -> Catalog:
    path = path if is_remote(path) else str(Path(expanded(path)))
    _check_base(image_base)
    folder = _folder_of(path)
    name = posixpath.basename(path.rstrip("/"))
    block_columns = list(map(clean, block_columns))
    try:
        columns = catalog_columns(path, block_columns, named)
    except (OSError, UserError) as error:
        raise catalog_error(path, error) from error
    called = {it: columns.called[it] for it in block_columns if it in columns.called}
    block_columns = [called.get(it, it) for it in block_columns]
    is_one = block_columns == ["category"] and "category" not in columns.cells
    block_columns = [] if is_one else block_columns
    check_columns(name, columns, block_columns)
    if is_one:
        hint = did_you_mean("category", columns.cells)
        text = (
            f"{name} has no column 'category': all products are one block, in which "
            "each is compared with each. Name columns with --block_columns to split it."
        )
        logging.warning("%s", f"{text} {hint}".rstrip())

    known = (*_OF_PRODUCT, *block_columns)
    columns = merge_rows(name, columns, known)
    problems, cells, lines = list(columns.problems), columns.cells, columns.lines
    if "" in cells["product_id"]:  # What repeats an id is merged or a problem.
        check_ids(name, cells["product_id"], lines, problems)
    photos = (name, cells["image"], folder, lines, problems, image_base)
    image, more_images = find_photos(*photos)
    more_images = drop_shared(name, image, more_images)
    say_placeholders(name, image, cells)
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
        more_images=objects(more_images) if any(more_images) else None,
        extras=_extras(columns, called),
    )


def _check_base(image_base: str) -> None:
    is_local = image_base and not is_remote(image_base)
    if is_local and not _is_folder(expanded(image_base)):
        raise CatalogError(
            f"--image_base={image_base} is no folder. Name the folder or address in "
            "which relative paths of photos start."
        )


def _extras(columns: Columns, called: Mapping[str, str]) -> dict[str, np.ndarray]:
    """The columns that have no place of their own, but those without any value.

    Columns of blocks also have the names by which the user has `called` them.
    """
    own = {"product_id", "image", "style_id", "color", "split", *BOX_COLUMNS}
    others = ((name, of) for name, of in columns.cells.items() if name not in own)
    extras = {name: objects(cells) for name, cells in others if any(cells)}
    blocks = {name: extras[known] for name, known in called.items() if known in extras}
    return extras | blocks


def _folder_of(path: str) -> str:
    """The absolute folder of a table, spelled alike however the table was named."""
    if is_remote(path):
        return posixpath.dirname(path)
    folder = Path(path).absolute().parent
    folder = folder.resolve() if ".." in folder.parts else folder
    check_names([str(folder / path)])
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


def catalog_columns(
    path: str, block_columns: Sequence[str], named: Sequence[str] = ()
) -> Columns:
    """Reads the cells of a catalogue; raises as `read_columns`."""
    labels = {"style_id", "color", "split", *block_columns} - {"product_id"}
    return read_columns(path, _IDS, sorted(labels), named)


def _optional(columns: Columns, name: str) -> np.ndarray | None:
    return objects(columns.cells[name]) if name in columns.cells else None
