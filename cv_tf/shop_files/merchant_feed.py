"""Feeds of Google Merchant Center: tab-separated text, one line a product.

Attributes, limits and required ones are those of "Product data specification",
https://support.google.com/merchants/answer/7052112, of "Item group ID",
https://support.google.com/merchants/answer/6324507, and of "Color",
https://support.google.com/merchants/answer/6324487.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from cv_tf.shop_files.listing import Listing, Notes, ShopFileSummary
from cv_tf.shop_files.shop_fields import (
    Codes,
    address,
    cut,
    more_photos,
    one_line,
    photo_address,
    price_of,
    stock_of,
)

_MOST_ID = 50  # Characters of `id` and of `item_group_id`.
_MOST_COLORS, _MOST_COLOR, _MOST_COLOR_CELL = 3, 40, 100
# Attributes of text by their columns, and the characters that they may have.
_TEXTS = {
    "title": ("title", 150),
    "description": ("description", 5000),
    "brand": ("brand", 70),
    "size": ("size", 100),
    "material": ("material", 200),
    "pattern": ("pattern", 100),
    "mpn": ("mpn", 70),
    "product_type": ("category", 750),
}
_REQUIRED = ("title", "description", "link", "image_link", "availability", "price")
_OPTIONAL = (
    *("additional_image_link", "sale_price", "condition", "brand", "gtin", "mpn"),
    "product_type",
)
_APPAREL = ("gender", "age_group", "size", "material", "pattern")
_SUPPLEMENTAL = ("id", "item_group_id", "color")
_FULL = ("id", *_REQUIRED, *_OPTIONAL, "item_group_id", "color", *_APPAREL)
# By these, and by nothing else, variants of one group may differ.
_DIFFER = ("color", "size", "material", "pattern", "age_group", "gender")
_WORDS = {
    "condition": {word: word for word in ("new", "refurbished", "used")},
    "gender": {
        **dict.fromkeys(("male", "m", "man", "men", "men's", "mens"), "male"),
        **dict.fromkeys(("female", "f", "w", "woman", "women", "women's"), "female"),
        **dict.fromkeys(("unisex", "u"), "unisex"),
    },
    "age_group": {
        **{word: word for word in ("newborn", "infant", "toddler")},
        **dict.fromkeys(("kids", "kid", "children", "child"), "kids"),
        **dict.fromkeys(("adult", "adults"), "adult"),
    },
}
_DIGITS_OF_GTIN = (8, 12, 13, 14)


def write_merchant(
    path: Path, listing: Listing, notes: Notes, currency: str = ""
) -> ShopFileSummary:
    """Writes a feed: all attributes, or those of variants where others are not known.

    Where no product has one of the required attributes, the file is a supplemental
    feed: `id`, `item_group_id` and `color`, for products that are in the shop's feed
    already. Products of groups of one have no `item_group_id`.

    Args:
      path: File to write.
      listing: The products.
      notes: Where to note what is cut, changed or left out.
      currency: Currency of prices that name none, such as "EUR".
    """
    lacking = [name for name in _REQUIRED if not _is_known(listing, name)]
    columns = _SUPPLEMENTAL if lacking else _FULL
    num_products, groups = 0, set()
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(columns)
        for row, cells in _products(listing, notes, currency, not lacking):
            writer.writerow([cells.get(name, "") for name in columns])
            num_products += 1
            if cells["item_group_id"]:
                groups.add(listing.group_id[row])
    what = "a primary feed of Google Merchant Center"
    if lacking:
        what = (
            "a supplemental feed of Google Merchant Center (id, item_group_id, color), "
            f"as the products have no {', '.join(lacking)}"
        )
    return ShopFileSummary("merchant", num_products, len(groups), notes.all, what)


def _is_known(listing: Listing, name: str) -> bool:
    has_image = name == "image_link" and any(map(address, listing.image))
    return has_image or listing.has(name)


def _products(
    listing: Listing, notes: Notes, currency: str, is_full: bool
) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows that are written, and the attributes of each."""
    codes = Codes("A-Za-z0-9_-", _MOST_ID)
    for rows in listing.groups:
        seen: set[tuple[str, ...]] = set()
        for row in rows:
            product = listing.product_id[row]
            if len(product) > _MOST_ID:
                notes.add(
                    f"products left out, with an id of more than {_MOST_ID} characters",
                    product,
                )
                continue
            is_grouped = listing.group_size[row] > 1
            cells = {
                "id": one_line(product),
                "item_group_id": codes.of(listing.group_id[row]) if is_grouped else "",
                "color": _color(listing, row, notes),
            }
            if is_full:
                cells |= _attributes(listing, row, notes, currency)
            differs_by = tuple(cells.get(name, "").casefold() for name in _DIFFER)
            if is_grouped and differs_by in seen:
                notes.add(
                    "products that differ from another one of their group in nothing "
                    "that Google takes for variants (color, size, ...)",
                    product,
                )
            seen.add(differs_by)
            yield row, cells


def _color(listing: Listing, row: int, notes: Notes) -> str:
    """Up to three colors with a slash between two."""
    product = listing.product_id[row]
    pieces = re.split(r"[/,;|]", one_line(listing.color[row]))
    colors = [one_line(piece).lstrip("#") for piece in pieces]
    colors = list(dict.fromkeys(filter(None, colors)))
    if len(colors) > _MOST_COLORS:
        notes.add(f"products with more than {_MOST_COLORS} colors", product)
        colors = colors[:_MOST_COLORS]
    colors = [cut(it, _MOST_COLOR, "color", notes, product) for it in colors]
    return cut("/".join(colors), _MOST_COLOR_CELL, "color", notes, product)


def _attributes(
    listing: Listing, row: int, notes: Notes, currency: str
) -> dict[str, str]:
    """All attributes but id, group and color; "" where one is not known."""
    product = listing.product_id[row]
    cells = {
        name: cut(one_line(listing.cell(column, row)), most, name, notes, product)
        for name, (column, most) in _TEXTS.items()
    }
    cells["link"] = address(listing.cell("link", row))
    cells["image_link"] = photo_address(listing, row, notes)
    cells["additional_image_link"] = ",".join(more_photos(listing, row))
    cells["availability"] = stock_of(listing.cell("availability", row))
    cells["gtin"] = _gtin(listing, row, notes)
    for name in ("price", "sale_price"):
        amount, named = price_of(listing, name, row, notes)
        cells[name] = f"{amount} {named or currency}".strip() if amount else ""
        if amount and not (named or currency):
            notes.add(f"products whose {name} has no currency (--currency)", product)
    for name, words in _WORDS.items():
        said = one_line(listing.cell(name, row))
        cells[name] = words.get(said.casefold(), "")
        if said and not cells[name]:
            _left_out(name, list(dict.fromkeys(words.values())), product, notes)
    for name in _REQUIRED:
        if not cells[name] and name != "image_link":
            notes.add(f"products without {name}, which Google refuses", product)
    return cells


def _left_out(name: str, words: Sequence[str], product: str, notes: Notes) -> None:
    expected = f"{', '.join(words[:-1])} or {words[-1]}"
    notes.add(f"products whose {name} is left out, as it is not {expected}", product)


def _gtin(listing: Listing, row: int, notes: Notes) -> str:
    """The digits of a GTIN whose check digit is right; "" for any other."""
    said = listing.cell("gtin", row)
    digits = re.sub(r"[\s-]", "", said)
    if digits.isascii() and digits.isdigit() and len(digits) in _DIGITS_OF_GTIN:
        weighted = (int(d) * (3, 1)[i % 2] for i, d in enumerate(reversed(digits[:-1])))
        if (sum(weighted) + int(digits[-1])) % 10 == 0:
            return digits
    if said.strip():
        product = listing.product_id[row]
        notes.add("products whose gtin is left out, as it is none", product)
    return ""
