"""Several photos of a product: in one cell, or in rows that repeat its id."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence

from absl import logging

from cv_tf.catalog.columns import BOX_COLUMNS, Columns, Problem
from cv_tf.catalog.json_tables import BETWEEN
from cv_tf.catalog.photo_paths import PHOTO_SUFFIXES, resolve_images
from cv_tf.catalog.raw_table import shown
from cv_tf.catalog.shop_rows import join_photos
from cv_tf.catalog.table_files import unit_of

# What may stand between two addresses, of bounded length, and between two paths.
_ADDRESSES = re.compile(r"[,;|\s]{1,16}(?=(?:[a-z][a-z0-9]{1,9}:)?//)", re.I)
_MARKS = "|;,"
_PLACEHOLDER = 5  # Different products of one photo, from which on it may be none.
# Columns of which a row tells something of its photo, not of the product.
_OF_PHOTO = {"image", *BOX_COLUMNS, "image_link"}


def merge_rows(name: str, columns: Columns, known: Sequence[str]) -> Columns:
    """Makes one row of those that repeat a `product_id`: they are its photos.

    Rows that differ in a known column are those of several products, which is a
    problem. Of what they differ in otherwise, the first row's is kept, which is said.

    Args:
      name: Name of the table, for messages.
      columns: Its cells; a cell of `image` has line breaks between photos.
      known: Names of the columns that rows of one product share.
    """
    ids = columns.cells["product_id"]
    if len({*ids}) == len(ids):
        return columns
    shared = [it for it in known if it in columns.cells and it not in _OF_PHOTO]
    cells = {column: list(of) for column, of in columns.cells.items()}
    others = [it for it in cells if it not in {"product_id", "image", *shared}]
    first: dict[str, int] = {}
    merged: dict[int, list[str]] = {}
    kept, lost = [], set()
    for row, product in enumerate(ids):
        at = first.setdefault(product, row)
        if at == row or not product:
            kept.append(row)
        elif unlike := _unlike(cells, shared, at, row):
            line, place = columns.lines[row], columns.lines[at]
            what = (
                f"product_id {product!r} was already on {unit_of(name)} {place}, with "
                f"another {unlike[0]}; rows of one id are photos of one product"
            )
            columns.problems.append((line, what))
        else:
            merged.setdefault(at, [cells["image"][at]]).append(cells["image"][row])
            lost |= {*_unlike(cells, others, at, row)}
            for column in cells.keys() - _OF_PHOTO:
                cells[column][at] = cells[column][at] or cells[column][row]
    for at, photos in merged.items():
        cells["image"][at] = join_photos(photos)
    _say_merged(name, merged, lost)
    columns.cells = {column: [of[i] for i in kept] for column, of in cells.items()}
    columns.lines = [columns.lines[i] for i in kept]
    return columns


def _say_merged(
    name: str, merged: Mapping[int, Sequence[str]], lost: Collection[str]
) -> None:
    if not merged:
        return
    logging.warning(
        "%s: %s rows repeat the product_id of an earlier one: their photos are "
        "taken as further ones of %s products.",
        name,
        f"{sum(map(len, merged.values())) - len(merged):,}",
        f"{len(merged):,}",
    )
    if lost:
        logging.warning(
            "%s: rows of one product differ in %s: what its first row says is kept. "
            "If they are several products, give each its own product_id.",
            name,
            shown(map(repr, sorted(lost))),
        )


def _unlike(
    cells: Mapping[str, Sequence[str]], names: Sequence[str], at: int, row: int
) -> list[str]:
    """The columns in which two rows differ; a cell of a box also from an empty one."""
    pairs = ((name, cells[name][at], cells[name][row]) for name in names)
    return [
        name
        for name, one, two in pairs
        if two and one != two and (one or name in BOX_COLUMNS)
    ]


def split_photos(cell: str) -> list[str]:
    """The photos that a cell names.

    Between them are line breaks; or commas, semicolons, bars or blanks, where an
    address comes next; or commas, semicolons or bars, where all end as photos do.

    Example:
      >>> split_photos("https://shop/a.jpg, https://shop/b,c.jpg")
      ['https://shop/a.jpg', 'https://shop/b,c.jpg']
      >>> split_photos("a.jpg|b.png"), split_photos("a,b.jpg")
      (['a.jpg', 'b.png'], ['a,b.jpg'])
    """
    if BETWEEN in cell:
        lines = filter(None, map(str.strip, cell.split(BETWEEN)))
        return [it for line in lines for it in split_photos(line)]
    if "://" in cell or cell.startswith("//"):
        pieces = [it.strip(f"{_MARKS} \t") for it in _ADDRESSES.split(cell)]
        return list(filter(None, pieces)) or [cell]
    for mark in _MARKS:
        pieces = list(filter(None, map(str.strip, cell.split(mark))))
        if mark in cell and all(it.lower().endswith(PHOTO_SUFFIXES) for it in pieces):
            return pieces or [cell]
    return [cell]


def find_photos(
    name: str,
    images: Sequence[str],
    folder: str,
    lines: Sequence[int],
    problems: list[Problem],
    base: str = "",
) -> tuple[list[str], list[tuple[str, ...]]]:
    """The path of each product's first photo, and those of its further ones.

    The arguments are those of `cv_tf.catalog.photo_paths.resolve_images`, of which a
    cell may name several photos.
    """
    text = "\r".join(images)
    if BETWEEN not in text and not any(mark in text for mark in (*_MARKS, " ")):
        first = resolve_images(name, images, folder, lines, problems, base)
        return first, [()] * len(first)
    photos = [split_photos(image) if image else [""] for image in images]
    each = [photo for some in photos for photo in some]
    their_lines = [n for n, some in zip(lines, photos, strict=True) for _ in some]
    resolved = resolve_images(name, each, folder, their_lines, problems, base)
    paths = iter(resolved)
    found = [list(dict.fromkeys(next(paths) for _ in some)) for some in photos]
    return [of[0] for of in found], [tuple(of[1:]) for of in found]


def drop_shared(
    name: str, image: Sequence[str], more: Sequence[tuple[str, ...]]
) -> list[tuple[str, ...]]:
    """Further photos of products, but those that several of them share.

    A size chart, or the picture of a brand, tells nothing of a product, and would make
    all that have it alike. It is the first photo of none, and a further one of products
    with different photos; the sizes of one color have all photos in common.

    Args:
      name: Name of the table, for messages.
      image: The first photo of each of n products.
      more: The further ones.

    Example:
      >>> drop_shared("c.csv", ["a", "b"], [("a2", "chart"), ("chart",)])
      [('a2',), ()]
    """
    if not any(more):
        return list(more)
    sets = {(first, *of) for first, of in zip(image, more, strict=True)}
    shown_in = Counter(photo for _, *of in sets for photo in of)
    first = {*image}
    shared = {it for it, number in shown_in.items() if number > 1 and it not in first}
    if shared:
        logging.warning(
            "%s: photos that several products have beside others tell nothing of any, "
            "and are left out: %s, such as %s.",
            name,
            f"{len(shared):,}",
            min(shared),
        )
    return [tuple(it for it in of if it not in shared) for of in more]


def say_placeholders(
    name: str, image: Sequence[str], cells: Mapping[str, Sequence[str]]
) -> None:
    """Warns of photos that many different products have for their first.

    They differ in the product of the shop that they belong to, or else in the title.
    """
    of: dict[str, set[str]] = defaultdict(set)
    known = [cells[it] for it in ("parent", "handle", "title") if it in cells]
    for row, photo in enumerate(image):
        if photo and (names := list(filter(None, (column[row] for column in known)))):
            of[photo].add(names[0])
    if (most := max(map(len, of.values()), default=0)) >= _PLACEHOLDER:
        photo = next(it for it, those in of.items() if len(those) == most)
        logging.warning(
            "%s: %s is the photo of %d different products. If it stands for photos "
            "that are not there yet, leave their cells empty: products of one photo "
            "are one group.",
            name,
            photo,
            most,
        )
