"""From the rows of a shop's export to products: one a variant, with its photos."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from absl import logging

from cv_tf.catalog.json_tables import BETWEEN
from cv_tf.catalog.shop_layouts import is_called, plain

Cells = dict[str, list[str]]
# Columns of a layout that are of no use beyond the rows.
_OF_ROWS = ("product_images", "attributes", "variations", "more_images")
# Values of an option that a shop writes where there is none.
_NO_OPTION = ("default title", "default")
_NO_PHOTO = ("no_selection",)  # Of Magento.
_NUM_OPTIONS = 20  # That are looked for, of a product.
_MARKED_DIGITS = re.compile(r"'[0-9]+")  # As Shopify keeps a spreadsheet from numbers.
_COMMA = re.compile(r"(?<!\\),\s+")  # Of WooCommerce, which writes others as "\,".


def to_products(
    source: str, layout: str, cells: Cells, lines: Sequence[int]
) -> tuple[Cells, list[int]]:
    """Makes products of the rows of an export.

    A product is what a shopper can choose: a variant, in one color (and size). Rows
    that only group variants, that hold further photos or a translation are no products.
    What a row leaves to the product that it belongs to is taken from there. `style_id`
    is that product, where it has several colors: then the shop has grouped its color
    variants. Where it has one, nobody knows whether there are others.

    Args:
      source: Name of the table, for messages.
      layout: Key of `LAYOUTS`; "" for a table of no known layout.
      cells: Its columns, by the names of cv_tf where they have one.
      lines: The line of each row.

    Returns:
      The columns of the products, and the line of each. The photos of one are in one
      cell of `image`, with line breaks between.
    """
    cells = dict(cells)
    rows = _READERS.get(layout, _read_plain)(source, cells, list(range(len(lines))))
    if "more_images" in cells:
        first, others = _of(cells, "image"), cells["more_images"]
        cells["image"] = [join_photos(pair) for pair in zip(first, others, strict=True)]
    left_out = _OF_ROWS if layout else _OF_ROWS[-1:]
    kept = {name: column for name, column in cells.items() if name not in left_out}
    if len(rows) < len(lines):
        kept = {name: [column[i] for i in rows] for name, column in kept.items()}
        logging.warning(
            "%s: %s products are in %s rows.",
            source,
            f"{len(rows):,}",
            f"{len(lines):,}",
        )
    return kept, [lines[i] for i in rows]


def join_photos(photos: Iterable[str]) -> str:
    """The photos of several cells as one, each once."""
    each = (it.strip() for cell in photos for it in cell.split(BETWEEN))
    return BETWEEN.join(dict.fromkeys(filter(None, each)))


def _read_plain(_source: str, _cells: Cells, rows: list[int]) -> list[int]:
    return rows


def _read_shopify(source: str, cells: Cells, rows: list[int]) -> list[int]:
    """A variant a row; the first row of a handle has what all of its variants share."""
    handle = cells["handle"]
    of_handle: dict[tuple[str, int], list[int]] = defaultdict(list)
    for i in rows:  # One without a handle is a product of its own.
        of_handle[handle[i], -1 if handle[i] else i].append(i)
    for name in {"product_id", "gtin"} & {*cells}:
        marked = map(_MARKED_DIGITS.fullmatch, cells[name])
        pairs = zip(cells[name], marked, strict=True)
        cells[name] = [cell[1:] if found else cell for cell, found in pairs]
    ids, photos = _of(cells, "product_id"), _of(cells, "image")
    options = _options(cells, "option{}name", "option{}value")
    marks = [ids, _of(cells, "price"), photos, *(values for _, values in options)]
    shared = ("title", "description", "brand", "category", "status")
    inherited = [cells[name] for name in shared if name in cells]
    of_product = _of(cells, "product_images")
    color, size = _of(cells, "color"), _of(cells, "size")
    variants = []
    for (name, _), its_rows in of_handle.items():
        first = its_rows[0]
        chosen, sizes = (_option(options, first, it) for it in ("color", "size"))
        own = [i for i in its_rows if i == first or any(column[i] for column in marks)]
        all_photos = join_photos(of_product[i] for i in its_rows)
        if chosen is not None:
            for i in own:
                color[i] = color[i] or _value(chosen[i])
        if sizes is not None:
            for i in own:
                size[i] = size[i] or _value(sizes[i])
        several = len({color[i] for i in own if color[i]}) > 1
        for i in own:
            for column in inherited:
                column[i] = column[i] or column[first]
            values = [_value(of[i]) for _, of in options if _value(of[i])]
            named = [name, *values] if len(own) > 1 and name else [name]
            ids[i] = ids[i] or "-".join(named)
            if not photos[i]:
                photos[i] = all_photos.split(BETWEEN)[0] if several else all_photos
        variants += own
    cells |= {"product_id": ids, "image": photos, "color": color, "size": size}
    cells["style_id"] = _styles(cells, handle, variants)
    _say_shared(source, cells, variants)
    return sorted(variants)


def _read_woocommerce(source: str, cells: Cells, rows: list[int]) -> list[int]:
    """A variation is a product, and so is what has no variations."""
    kinds = [set(map(str.strip, kind.lower().split(","))) for kind in cells["kind"]]
    number = _of(cells, "shop_id")
    skus, parent = cells["product_id"], _of(cells, "parent")
    row_of = {f"id:{it}": i for i, it in enumerate(number) if it}
    row_of |= {sku: i for i, sku in enumerate(skus) if sku}
    options = _options(cells, "attribute{}name", "attribute{}values")
    options += _options(cells, "attribut{}name", "attribut{}werte")  # In German.
    color, size, photos = _of(cells, "color"), _of(cells, "size"), cells["image"]
    has_variations = {parent[i] for i in rows if "variation" in kinds[i]}
    products, styles = [], [""] * len(rows)
    for i in rows:
        above = row_of.get(parent[i]) if "variation" in kinds[i] else None
        if "variable" in kinds[i] and has_variations & {skus[i], f"id:{number[i]}"}:
            continue
        if "grouped" in kinds[i]:  # A set of products that have rows of their own.
            continue
        for name, column in (("color", color), ("size", size)):
            chosen = _option(options, i, name)
            if chosen is None and above is not None:
                chosen = _option(options, above, name)
            if chosen is not None and len(values := _pieces(chosen[i])) == 1:
                column[i] = column[i] or _value(values[0])
        if "variation" in kinds[i]:
            styles[i] = parent[i]
        if above is not None:
            styles[i] = skus[above] or parent[i]
            for name in ("category", "title", "description", "brand", "image"):
                if name in cells:
                    cells[name][i] = cells[name][i] or cells[name][above]
        skus[i] = skus[i] or (f"id:{number[i]}" if number[i] else "")
        # A comma separates photos, and categories; a category has its parents before.
        photos[i] = join_photos(_pieces(photos[i]))
        products.append(i)
    if "category" in cells:
        paths = map(_pieces, cells["category"])  # The longest one says most.
        cells["category"] = [max(of, key=lambda it: it.count(">")) for of in paths]
    cells |= {"color": color, "size": size}
    cells["style_id"] = _styles(cells, styles, products)
    _say_shared(source, cells, products)
    return products


def _read_merchant(_source: str, cells: Cells, rows: list[int]) -> list[int]:
    """A variant a row."""
    if "parent" in cells:
        cells["style_id"] = _styles(cells, cells["parent"], rows)
    return rows


def _read_magento(_source: str, cells: Cells, rows: list[int]) -> list[int]:
    """What is simple is a product; what is configurable names its variants."""
    skus, kinds = cells["product_id"], cells["kind"]
    rows, row_of = _untranslated(skus, _of(cells, "store_view"), rows)
    parent, variants = {}, _of(cells, "variations")
    for i in rows:
        for variant in filter(None, variants[i].split("|")):
            parent[_pairs(variant).get("sku", "")] = skus[i]
    color, size = _of(cells, "color"), _of(cells, "size")
    for i, attributes in enumerate(_of(cells, "attributes")):
        named = {plain(name): it for name, it in _pairs(attributes).items()}
        for name, column in (("color", color), ("size", size)):
            said = (it for of, it in named.items() if is_called(of, name))
            column[i] = column[i] or next(said, "")
    there = {*skus}
    groups = {parent[sku] for sku in there & set(parent)}
    products = [i for i in rows if skus[i] not in groups and kinds[i] != "grouped"]
    for name in ("image", "more_images"):
        if name in cells:
            cells[name] = [
                join_photos(it for it in map(_media_path, cell.split(",")) if it)
                for cell in cells[name]
            ]
    for i in products:
        above = row_of.get(parent.get(skus[i], ""))
        for name in ("image", "category"):
            if above is not None and name in cells and not cells[name][i]:
                cells[name][i] = cells[name][above]
    if "category" in cells:  # The longest path says most.
        paths = (cell.replace("|", ",").split(",") for cell in cells["category"])
        cells["category"] = [max(of, key=lambda it: it.count("/")) for of in paths]
    cells |= {"color": color, "size": size}
    cells["style_id"] = _styles(cells, [parent.get(it, "") for it in skus], products)
    return products


def _untranslated(
    skus: Sequence[str], views: Sequence[str], rows: Sequence[int]
) -> tuple[list[int], dict[str, int]]:
    """The rows that are no translation for a store view, and the first of each product.

    Of a product that has rows for store views alone, the first is none.
    """
    plain_rows = [i for i in rows if not views[i]]
    row_of: dict[str, int] = {}
    for i in (*plain_rows, *rows):
        row_of.setdefault(skus[i], i)
    return sorted({*plain_rows, *row_of.values()}), row_of


def _read_akeneo(_source: str, cells: Cells, rows: list[int]) -> list[int]:
    """A variant a row; its product model is its parent."""
    if "category" in cells:
        cells["category"] = [cell.split(",")[0] for cell in cells["category"]]
    if "parent" in cells:
        cells["style_id"] = _styles(cells, cells["parent"], rows)
    return rows


_READERS: dict[str, Callable[[str, Cells, list[int]], list[int]]] = {
    "shopify": _read_shopify,
    "woocommerce": _read_woocommerce,
    "merchant": _read_merchant,
    "magento": _read_magento,
    "akeneo": _read_akeneo,
}


def _of(cells: Cells, name: str) -> list[str]:
    """A column, or an empty one of as many cells."""
    return list(cells[name]) if name in cells else [""] * len(cells["product_id"])


def _styles(cells: Cells, groups: Sequence[str], rows: Sequence[int]) -> list[str]:
    """The style of each row: its group in the shop, if that has several colors.

    Where no color is known, groups of several photos count as such.
    """
    looks: dict[str, set[str]] = defaultdict(set)
    color = _of(cells, "color")
    for i in rows:
        looks[groups[i]].add(color[i].casefold() or cells["image"][i])
    return [group if len(looks[group]) > 1 else "" for group in groups]


def _options(cells: Cells, name: str, value: str) -> list[tuple[list[str], list[str]]]:
    """The columns of names and values of options, which are numbered from 1."""
    spelled = {plain(column): column for column in cells}
    numbers = range(1, _NUM_OPTIONS + 1)
    pairs = [(name.format(number), value.format(number)) for number in numbers]
    return [
        (cells[spelled[first]], cells[spelled[second]])
        for first, second in pairs
        if first in spelled and second in spelled
    ]


def _option(
    options: Sequence[tuple[list[str], list[str]]], row: int, name: str
) -> list[str] | None:
    """The values of the option that a row calls color, or size."""
    found = (of for names, of in options if is_called(plain(names[row]), name))
    return next(found, None)


def _value(cell: str) -> str:
    return "" if cell.lower() in _NO_OPTION else cell


def _pairs(text: str) -> Mapping[str, str]:
    """The values of `name=value,name=value`; a value may have commas in it."""
    values: dict[str, str] = {}
    last = ""
    for piece in text.split(","):
        name, equals, value = piece.partition("=")
        if equals:
            last = name.strip()
            values[last] = value.strip().strip('"')
        elif last:
            values[last] += f",{piece}"
    return values


def _pieces(cell: str) -> list[str]:
    """The values of a cell of WooCommerce, at least one; a comma separates them."""
    return [it.replace("\\,", ",") for it in _COMMA.split(cell)]


def _media_path(photo: str) -> str:
    """A photo of Magento, below its folder of media; "" where it says that none is."""
    photo = photo.strip()
    return "" if photo in _NO_PHOTO else photo.lstrip("/")


def _say_shared(source: str, cells: Cells, products: Sequence[int]) -> None:
    """Says how many variants of several colors have one photo for all of them."""
    colors: dict[tuple[str, str], set[str]] = defaultdict(set)
    for i in products:
        if cells["style_id"][i] and cells["image"][i]:
            key = (cells["style_id"][i], cells["image"][i])
            colors[key].add(cells["color"][i])
    shared = [style for (style, _), of in colors.items() if len(of) > 1]
    if shared:
        logging.warning(
            "%s: the colors of %s products, such as %r, have one photo for all: give "
            "each variant its own, or their colors cannot be told apart.",
            source,
            f"{len(shared):,}",
            shared[0],
        )
