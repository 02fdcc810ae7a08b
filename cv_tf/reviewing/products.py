"""The products as people see them: their photos, and what the catalog says of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from absl import logging

from cv_tf.catalog import CatalogError, is_missing, objects, read_catalog, read_needed
from cv_tf.embeddings import Embeddings
from cv_tf.files import expanded, is_remote
from cv_tf.spelling import Unmatched, find_unmatched, folded

# What is no help to people: where the photo is, the product in it, and its use.
_HIDDEN = ("product_id", "image", "image_link", "split", "x", "y", "width", "height")
# What people look at before anything else; other columns follow in their order.
_FIRST = ("title", "name", "product_name", "color", "category", "price")
_MOST_COLUMNS = 24
_MOST_CHARACTERS = 300  # Of a value that is shown.


class Products:
    """Photos and facts of n products by id.

    Args:
      product_id: [n] str, unique.
      image: [n] str, path or URI of each photo; "" where it is not known.
      columns: What is known of the products, [n] str by name; "" where it is not.

    Attributes:
      columns: Names of the columns.

    Example:
      >>> from cv_tf.reviewing import Products
      >>> products = Products(["A", "B"], ["a.jpg", ""], {"color": ["red", ""]})
      >>> products.columns, products.facts("A"), "C" in products
      (('color',), ['red'], False)
    """

    def __init__(
        self,
        product_id: Sequence[str],
        image: Sequence[str] | np.ndarray,
        columns: Mapping[str, Sequence[str] | np.ndarray],
    ):
        self._row = dict(zip(product_id, range(len(product_id)), strict=True))
        self._image = image
        self._cells = list(columns.values())
        self.columns = tuple(columns)

    def __len__(self) -> int:
        return len(self._row)

    def __contains__(self, product_id: object) -> bool:
        return product_id in self._row

    def image(self, product_id: str) -> str:
        """The path or URI of a product's photo, "" if there is none."""
        return str(self._image[self._row[product_id]] or "")

    def facts(self, product_id: str) -> list[str]:
        """The values of a product in the order of `columns`, "" where unknown."""
        row = self._row[product_id]
        return [_shown(column[row]) for column in self._cells]


def _shown(cell: str) -> str:
    if is_missing(cell):
        return ""
    return cell if len(cell) <= _MOST_CHARACTERS else f"{cell[: _MOST_CHARACTERS - 1]}…"


def find_products(embeddings: Embeddings, catalog: str = "") -> Products:
    """Collects what is shown of embedded products; warns of those the catalog lacks.

    The arguments and errors are those of `match_products`.
    """
    products, missing = match_products(embeddings, catalog)
    if missing.number:
        text = (
            f"{missing.number:,} of {len(products):,} products are not in {catalog}, "
            f"such as {missing.example!r}; little is known of them."
        )
        logging.warning("%s", missing.with_hint(text))
    return products


def match_products(
    embeddings: Embeddings, catalog: str = ""
) -> tuple[Products, Unmatched]:
    """Collects what is shown of embedded products.

    Args:
      embeddings: The products; their photos, colors, blocks and further columns are
        shown.
      catalog: CSV, Parquet file or spreadsheet with the column `product_id`, whose
        other columns are shown, too; "" for none. Its photos, where it has the column
        `image`, take the place of those of the embeddings.

    Returns:
      The products, and which of them the catalog lacks.

    Raises:
      CatalogError: If the catalog cannot be used, or has none of the products.
    """
    image = embeddings.image
    columns: dict[str, np.ndarray] = {}
    if embeddings.color is not None:
        columns["color"] = embeddings.color
    if len(embeddings.block_names) > 1:
        columns["block"] = objects(embeddings.block_names)[embeddings.block]
    columns |= {
        name: of for name, of in embeddings.extras.items() if name not in _HIDDEN
    }
    if "category" in columns:
        columns.pop("block", None)
    unmatched = Unmatched(0, "", "")
    if catalog:
        cells, photos = _read(catalog)
        unmatched = _check(embeddings, cells["product_id"], catalog)
        place = {name: row for row, name in enumerate(cells["product_id"])}
        rows = np.array([place.get(name, -1) for name in embeddings.product_id])
        if photos is not None:
            photos = objects([*photos, ""])[rows]
            image = np.where(photos == "", image, photos)
        given = {name: objects([*of, ""])[rows] for name, of in cells.items()}
        if {"color", "category"} & set(given):
            columns = {name: of for name, of in columns.items() if name not in given}
        if "category" in given:
            columns.pop("block", None)
        columns |= {name: of for name, of in given.items() if name not in _HIDDEN}
    names = sorted(columns, key=_rank)[:_MOST_COLUMNS]
    shown = {name: columns[name] for name in names}
    return Products(embeddings.product_id.tolist(), image, shown), unmatched


def _rank(name: str) -> int:
    plain = folded(name)
    return _FIRST.index(plain) if plain in _FIRST else len(_FIRST)


def _read(path: str) -> tuple[dict[str, list[str]], np.ndarray | None]:
    """The cells of a table by column, and the photos if it has them."""
    path = path if is_remote(path) else str(Path(expanded(path)))
    needed = {"product_id": "it says whose row it is"}
    columns = read_needed(path, needed, ids=("product_id",))
    if "image" not in columns.cells:
        return columns.cells, None
    catalog = read_catalog(path, block_columns=(), fetch=False)
    cells = {"product_id": catalog.product_id.tolist()}
    known = {name: getattr(catalog, name) for name in ("color", "split", "style_id")}
    for name, column in [*catalog.extras.items(), *known.items()]:
        if column is not None:
            cells[name] = column.tolist()
    # Photos behind addresses have been downloaded to be embedded.
    photos = objects(["" if is_remote(it) else it for it in catalog.image])
    return cells, photos


def _check(embeddings: Embeddings, ids: Sequence[str], path: str) -> Unmatched:
    known = embeddings.product_id.tolist()
    unmatched = find_unmatched(known, ids)
    if unmatched.number == len(known):
        example = ids[0] if ids else ""
        text = (
            f"{path} has none of the {len(known):,} products of {embeddings.name}: its "
            f"ids are such as {example!r}, and those such as {unmatched.example!r}."
        )
        advice = unmatched.hint or "Name the table that was embedded."
        raise CatalogError(f"{text} {advice}")
    return unmatched
