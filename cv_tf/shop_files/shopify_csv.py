"""Product CSV files of Shopify: a product a group, a row a variant.

Columns and rules are those of "Using CSV files to import and export products",
https://help.shopify.com/en/manual/products/import-export/using-csv, by the column names
that exports have had for years and imports still know. A product may have 2,048
variants: "The product variant limit is now 2048 for all merchants",
https://shopify.dev/changelog/the-product-variant-limit-is-now-2048-for-all-merchants
(October 2025; it was 100 before).
"""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

from cv_tf.shop_files.listing import Listing, Notes, ShopFileSummary
from cv_tf.shop_files.shop_fields import (
    Codes,
    Option,
    cut,
    more_photos,
    one_line,
    options_of,
    photo_address,
    plain,
    price_of,
    title_of,
)

COLUMNS = (
    *("Handle", "Title", "Body (HTML)", "Vendor", "Type", "Status"),
    *("Option1 Name", "Option1 Value", "Option2 Name", "Option2 Value"),
    *("Variant SKU", "Variant Inventory Policy", "Variant Fulfillment Service"),
    *("Variant Price", "Variant Compare At Price", "Variant Requires Shipping"),
    *("Variant Taxable", "Variant Barcode", "Image Src", "Image Position"),
    *("Image Alt Text", "Variant Image"),
)
MOST_VARIANTS = 2048
_MOST_MORE = 200  # Further photos of a product; with its variants' it may have 250.
_MOST_LETTERS = 255  # Of handles, titles, vendors, types, options and SKUs.
_MOST_ALT = 512
_MOST_BYTES = 15_000_000  # Of a file: "15 MB".
_STATUSES = ("active", "draft", "archived")
_LIVE = ("publish", "published", "enabled", "true", "1")


def write_shopify(path: Path, listing: Listing, notes: Notes) -> ShopFileSummary:
    """Writes a product CSV file: the products of a group are variants of one product.

    Their options are `Color` and, where a group differs in size, `Size`. What belongs
    to the product (title, description, brand, category, status) is that of the
    representative. A product whose status is not known is a draft, unless it has
    a handle: then it is in the shop already, and the status stays empty.

    Args:
      path: File to write.
      listing: The products.
      notes: Where to note what is cut, changed or left out.
    """
    handles = _Handles()
    groups = 0
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        for rows in listing.groups:
            groups += len(rows) > 1
            starts = range(0, len(rows), MOST_VARIANTS)
            if len(starts) > 1:
                what = (
                    f"groups of more than {MOST_VARIANTS:,} products, cut into several"
                )
                notes.add(what, listing.group_id[rows[0]])
            for start in starts:
                some = rows[start : start + MOST_VARIANTS]
                handle = handles.of(listing, some[0])
                writer.writerows(_variants(listing, some, handle, notes))
    if path.stat().st_size > _MOST_BYTES:
        what = "files of more than 15 MB, which Shopify refuses: load it in pieces"
        notes.add(what, f"{path.stat().st_size:,} bytes")
    what = "a product CSV file of Shopify"
    return ShopFileSummary("shopify", len(listing), groups, notes.all, what)


class _Handles:
    """Makes the handles of products: small letters, digits and dashes, each once."""

    def __init__(self):
        self._codes = Codes("a-z0-9-", _MOST_LETTERS, "-")
        self._used: set[str] = set()
        self._rows: dict[str, int] = {}

    def _row_of(self, listing: Listing) -> dict[str, int]:
        if not self._rows:
            self._rows |= {it: row for row, it in enumerate(listing.product_id)}
        return self._rows

    def of(self, listing: Listing, row: int) -> str:
        """The handle of the product that a row stands for; another one each time."""
        group = listing.group_id[row]
        # The product that the group is named after, which stays from night to night.
        named = self._row_of(listing).get(group, row)
        named = named if listing.group_id[named] == group else row
        said = listing.cell("handle", named) or listing.cell("title", named)
        name = one_line(said or group).lower()
        # Groups of one title have handles of their own, which begin alike.
        while (handle := self._codes.of(name)) in self._used:
            name += f" {listing.group_id[row]}".lower()
        self._used.add(handle)
        return handle


def _variants(
    listing: Listing, rows: Sequence[int], handle: str, notes: Notes
) -> Iterator[dict[str, str]]:
    """The rows of one product, of which the first also has what belongs to all."""
    alone = len(rows) == 1
    options = [Option("", "")] if alone else options_of(listing, rows, notes)
    photos: dict[str, None] = {}
    for row, option in zip(rows, options, strict=True):
        cells = {"Handle": handle}
        if row == rows[0]:
            cells |= _product(listing, row, notes)
        cells |= _variant(listing, row, notes)
        cells |= {
            "Option1 Name": "Title" if alone else "Color",
            "Option1 Value": "Default Title" if alone else option.color,
            "Option2 Name": "Size" if option.size else "",
            "Option2 Value": option.size,
        }
        photo = photo_address(listing, row, notes)
        if photo and photo not in photos:
            photos[photo] = None
            alt = one_line(f"{listing.cell('title', row)} {option.color}")
            cells |= {
                "Image Src": photo,
                "Image Position": str(len(photos)),
                "Image Alt Text": alt[:_MOST_ALT],
            }
        cells["Variant Image"] = "" if alone else photo
        yield cells
    more = (photo for row in rows for photo in more_photos(listing, row))
    for photo in itertools.islice((it for it in more if it not in photos), _MOST_MORE):
        photos[photo] = None
        place = str(len(photos))
        yield {"Handle": handle, "Image Src": photo, "Image Position": place}


def _product(listing: Listing, row: int, notes: Notes) -> dict[str, str]:
    product = listing.product_id[row]
    status = one_line(listing.cell("status", row)).lower()
    status = "active" if status in _LIVE else status
    # What has a handle is in the shop already, which knows its status.
    unknown = "" if listing.cell("handle", row) else "draft"
    short = {"Vendor": "brand", "Type": "category"}
    return {
        "Title": title_of(listing, row, _MOST_LETTERS, notes),
        "Body (HTML)": plain(listing.cell("description", row)),
        "Status": status if status in _STATUSES else unknown,
        **{
            name: cut(
                one_line(listing.cell(column, row)),
                _MOST_LETTERS,
                column,
                notes,
                product,
            )
            for name, column in short.items()
        },
    }


def _variant(listing: Listing, row: int, notes: Notes) -> dict[str, str]:
    product = listing.product_id[row]
    price = price_of(listing, "price", row, notes).amount
    sale = price_of(listing, "sale_price", row, notes).amount
    if not price:
        notes.add("products without a price, which Shopify sells for 0.00", product)
    is_sale = bool(sale and price) and float(sale) < float(price)
    sku = one_line(product)
    return {
        "Variant SKU": cut(sku, _MOST_LETTERS, "id", notes, product),
        "Variant Inventory Policy": "deny",
        "Variant Fulfillment Service": "manual",
        "Variant Price": sale if is_sale else price,
        "Variant Compare At Price": price if is_sale else "",
        "Variant Requires Shipping": "TRUE",
        "Variant Taxable": "TRUE",
        "Variant Barcode": one_line(listing.cell("gtin", row)),
    }
