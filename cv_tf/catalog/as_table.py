"""A data set as a table with photos, which all commands and people can read."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cv_tf.atomic import whole_folder
from cv_tf.catalog.table import Catalog
from cv_tf.catalog.table_files import write_rows

_TABLE = "catalog.csv"
_COLUMNS = ("product_id", "image", "style_id", "category", "color", "split")
_BOX = ("x", "y", "width", "height")


def write_as_table(catalog: Catalog, folder: Path) -> Path:
    """Writes the products of a data set into a folder, as a catalogue of yours.

    The folder then holds `catalog.csv` and a file for each photo, as it is encoded in
    the data set, numbered by their rows. It appears whole, in place of a former one.

    Args:
      catalog: A catalogue whose photos are in `records`, from `load_dataset`.
      folder: The folder to write; its parent is made.

    Returns:
      The path of the table.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with whole_folder(folder) as made:
        rows = []
        for row, product in enumerate(catalog.product_id.tolist()):
            content = catalog.photo(row)
            assert isinstance(content, bytes)  # noqa: S101 (as a data set has them)
            # TFDS encodes images as either.
            kind = "png" if content.startswith(b"\x89PNG") else "jpg"
            photo = f"{row:06d}.{kind}"
            (made / photo).write_bytes(content)
            values = (catalog.style_id, catalog.color, catalog.split)
            style, color, split = ("" if of is None else of[row] for of in values)
            block = catalog.block_names[catalog.block[row]]
            box = () if catalog.box is None else _cells(catalog.box[row])
            rows.append((product, photo, style, block, color, split, *box))
        columns = (*_COLUMNS, *(() if catalog.box is None else _BOX))
        write_rows(made / _TABLE, columns, rows)
    return folder / _TABLE


def _cells(box: np.ndarray) -> list[float | None]:
    """The cells of a product's box; empty where it is unknown."""
    return [None if np.isnan(value) else float(value) for value in box]
