"""Files of groups and of labels: groups are written and read, labels are read."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from absl import logging

import cv_tf
from cv_tf.catalog import CatalogError, is_missing, read_needed, write_table
from cv_tf.embeddings import Embeddings
from cv_tf.errors import UserError
from cv_tf.files import repeated
from cv_tf.grouping.groups import Grouped
from cv_tf.grouping.states import CONFIRMED
from cv_tf.spelling import clean

DECIMALS = 4  # Of confidence and similarity.
_LIKE = 0.8  # How similar a word is to the one that is meant, from 0 to 1.


class GroupsError(UserError):
    """A file of groups or labels that cannot be used."""


class EarlierGroups(NamedTuple):
    """The groups of an earlier run.

    Attributes:
      group_of: Name of each product's group.
      confirmed: Names of the groups that people have confirmed.
    """

    group_of: Mapping[str, str]
    confirmed: frozenset[str] = frozenset()


def to_table(
    grouped: Grouped,
    embeddings: Embeddings | None = None,
    keep_columns: Sequence[str] = (),
) -> pa.Table:
    """One row a product, in the order of the catalogue: its group, how sure that is.

    `group_confidence` is the mean confidence of the products of the group;
    `nearest_other` is the nearest product outside of it. `copy_of` names the first
    product with the same photo, where that is another one; it is in the same group,
    unless it is in another block. `representative` names the product that stands for
    the group, `state` is that of the group.

    Args:
      grouped: The groups of n products.
      embeddings: The same products, for the columns `color` and `color_source` (see
        `colors_of`), which are empty without it.
      keep_columns: Further columns to copy from `embeddings.extras`.

    Raises:
      GroupsError: If a column to copy has the name of one that is written anyway.
    """
    confidence = grouped.confidence
    has_other = confidence.nearest_other >= 0
    other = np.full(len(has_other), None, object)
    other[has_other] = grouped.product_id[confidence.nearest_other[has_other]]
    similarity = np.round(confidence.similarity.astype(np.float64), DECIMALS)
    copies = grouped.copies_across_blocks
    copy_of = np.where(copies.is_copy, grouped.product_id[copies.first], None)
    color, source = colors_of(embeddings, len(has_other))
    columns = {
        "product_id": pa.array(grouped.product_id, pa.string()),
        "group_id": pa.array(grouped.named.group_id, pa.string()),
        "group_size": pa.array(grouped.size, pa.int32()),
        "confidence": pa.array(np.round(confidence.probability, DECIMALS)),
        "group_confidence": pa.array(group_confidence(grouped)),
        "nearest_other": pa.array(other, pa.string()),
        "similarity": pa.array(similarity, mask=~has_other),
        "copy_of": pa.array(copy_of, pa.string()),
        "representative": pa.array(
            grouped.product_id[grouped.representative], pa.string()
        ),
        "state": pa.array(grouped.state, pa.string()),
        "color": _known(color),
        "color_source": _known(source),
    }
    if taken := sorted(set(keep_columns) & set(columns)):
        raise GroupsError(
            f"The column {taken[0]!r} cannot be copied: the table of groups has one of "
            "this name. Rename it in the catalogue and embed again, or leave it out."
        )
    for name in keep_columns:
        columns[name] = _known(embeddings.extras[name] if embeddings else [])
    return pa.table(columns)


def _known(cells: Iterable[str]) -> pa.Array:
    """Cells as text, null where they are empty."""
    return pa.array([cell or None for cell in cells], pa.string())


def group_confidence(grouped: Grouped) -> np.ndarray:
    """The mean confidence of the products of each product's group, [n] float64.

    It has as many decimals as the file of groups.
    """
    group = grouped.group_number
    total = np.bincount(group, grouped.confidence.probability)
    return np.round((total / np.bincount(group))[group], DECIMALS)


def order_rows(grouped: Grouped) -> np.ndarray:
    """The rows of products in the order of the file of groups, [n] int64.

    Groups of two or more are first and groups of one last, both by their confidence,
    the highest first. Within a group, its representative is first, and the others
    follow by their confidence. What is equal stays in the order of the catalogue.
    """
    rows = np.arange(len(grouped.product_id))
    group = grouped.group_number
    first = np.full(group.max(initial=-1) + 1, len(rows))
    np.minimum.at(first, group, rows)
    own = np.round(grouped.confidence.probability, DECIMALS)
    keys = (  # The last is the first to be sorted by.
        rows,
        -own,
        grouped.representative != rows,
        first[group],
        -group_confidence(grouped),
        grouped.size < 2,
    )
    return np.lexsort(keys)


def colors_of(
    embeddings: Embeddings | None, num_products: int
) -> tuple[np.ndarray, np.ndarray]:
    """The color of each product and where it comes from, [n] object (str) each.

    The color is that of the table (source "table"); where it has none, the name of the
    color that the product has in its photo, of a fixed palette (source "photo", see
    `cv_tf.vision.name_colors`); else both are "".
    """
    color = np.full(num_products, "", object)
    if embeddings is not None and embeddings.color is not None:
        color[:] = embeddings.color
    source = np.where(color != "", "table", "").astype(object)
    if embeddings is not None and embeddings.lab is not None:
        lacks = np.flatnonzero(color == "")
        color[lacks] = cv_tf.vision.name_colors(embeddings.lab[lacks])
        source[lacks] = np.where(color[lacks] != "", "photo", "")
    return color, source


def write_groups(
    path: Path,
    grouped: Grouped,
    embeddings: Embeddings | None = None,
    keep_columns: Sequence[str] = (),
    mark_formulas: bool = True,
) -> None:
    """Writes groups.csv or .parquet, by the suffix of the path; it appears whole.

    The rows are those of `to_table`, in the order of `order_rows`. In CSV, cells that a
    spreadsheet would run are marked by an apostrophe, unless `mark_formulas` is False.
    """
    table = to_table(grouped, embeddings, keep_columns)
    write_table(path, table.take(pa.array(order_rows(grouped))), mark_formulas)


def read_groups(path: str) -> Mapping[str, str]:
    """Reads names of groups by product, from the columns `product_id` and `group_id`.

    Raises:
      GroupsError: If the file, a table as for `cv_tf.catalog.read_catalog`, cannot be
        used.
    """
    return _read_groups(path)[0]


def read_earlier(path: str) -> EarlierGroups:
    """Reads groups, and by the column `state`, where it is, which are confirmed.

    Raises:
      GroupsError: As `read_groups`; also if only some rows of a group are confirmed.
    """
    groups, cells = _read_groups(path)
    return EarlierGroups(groups, _confirmed(path, cells))


def _read_groups(path: str) -> tuple[Mapping[str, str], Mapping[str, Sequence[str]]]:
    """Names of groups by product, and all columns of the file."""
    remedy = "python -m cv_tf.group writes such a file"
    cells = _read_cells(path, "group_id", remedy)
    groups = _pairs(path, cells, "group_id")
    words = {name for name in set(groups.values()) if is_missing(name, is_id=True)}
    # A group is named after a product, which may be called "NA".
    if words := words - set(groups):
        product, name = next(pair for pair in groups.items() if pair[1] in words)
        what = f"the group_id {name!r}, as good as none" if name else "no group_id"
        raise GroupsError(
            f"{path}: product {product!r} has {what}. Give it one of its own, or leave "
            "its row out."
        )
    return groups, cells


def _confirmed(path: str, cells: Mapping[str, Sequence[str]]) -> frozenset[str]:
    """The names of confirmed groups, from the columns `group_id` and `state`."""
    names, states = cells["group_id"], cells.get("state", ())
    # Tables of other tools have states of other kinds.
    words = sorted({state.lower() for state in states} - {CONFIRMED})
    if meant := difflib.get_close_matches(CONFIRMED, words, n=1, cutoff=_LIKE):
        logging.warning(
            "%s has the state %r, which is none. Did you mean '%s'? Groups with "
            "another state may be joined.",
            path,
            meant[0],
            CONFIRMED,
        )
    is_confirmed = [state.lower() == CONFIRMED for state in states]
    if not any(is_confirmed):
        return frozenset()
    rows = list(zip(names, is_confirmed, strict=True))
    confirmed = {name for name, is_one in rows if is_one}
    if unlike := confirmed & {name for name, is_one in rows if not is_one}:
        raise GroupsError(
            f"{path}: some rows of the group {min(unlike)!r} have the state "
            f"'{CONFIRMED}', and others have not. Write it in all of them, or in none."
        )
    return frozenset(confirmed)


def read_copies(path: str) -> Mapping[str, str]:
    """Reads the column `copy_of` of a file of groups: the first product of each photo.

    Products that are no copies are left out; all are where there is no such column.

    Raises:
      GroupsError: As `read_groups`.
    """
    cells = _read_table(path, {}, ids=("product_id", "copy_of"))
    if "copy_of" not in cells:
        return {}
    pairs = zip(cells["product_id"], cells["copy_of"], strict=True)
    return {product: first for product, first in pairs if first}


def read_labels(path: str, split: str = "") -> Mapping[str, str]:
    """Reads the styles of labelled products by product; "" where a style is unknown.

    Args:
      path: CSV, Parquet file or spreadsheet with the columns `product_id` and
        `style_id`; where that is "nan", "N/A" or the like, no style is known.
      split: Value of the column `split` of the products to read; "" for all.

    Raises:
      GroupsError: If the file cannot be used.
    """
    split, remedy = clean(split), "it says which products are variants"
    cells = _read_cells(path, "style_id", remedy, *["split"] if split else [])
    return _pairs(path, cells, "style_id", split)


def _read_cells(
    path: str, value: str, remedy: str, *more: str
) -> Mapping[str, Sequence[str]]:
    """The columns of a table that must have `product_id`, `value` and `more`."""
    needed = {"product_id": "every product needs one", value: remedy}
    needed |= dict.fromkeys(more, "every product needs one")
    return _read_table(path, needed, ids=("product_id", value))


def _pairs(
    path: str, cells: Mapping[str, Sequence[str]], value: str, split: str = ""
) -> Mapping[str, str]:
    """The cells of a column by product, of one split or of all ("")."""
    splits = cells["split"] if split else [split] * len(cells[value])
    rows = zip(cells["product_id"], cells[value], splits, strict=True)
    pairs = [(product, cell) for product, cell, its_split in rows if its_split == split]
    if not pairs:
        what = f" of {split!r}; the table has {sorted({*splits} - {''})}"
        raise GroupsError(f"{path} has no products{what if split else ''}.")
    known = dict(pairs)
    if "" in known:
        raise GroupsError(f"{path} has a row without a product_id. Remove it.")
    if twice := repeated(product for product, _ in pairs):
        raise GroupsError(f"{path}: product {twice[0]!r} is there twice.")
    return known


def _read_table(
    path: str, needed: Mapping[str, str], ids: Sequence[str]
) -> Mapping[str, Sequence[str]]:
    """The columns of a table as text, of which some hold ids."""
    try:
        return read_needed(path, needed, ids, labels=("style_id", "split")).cells
    except CatalogError as error:
        raise GroupsError(str(error)) from error
