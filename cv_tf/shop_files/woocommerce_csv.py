"""Product CSV files of WooCommerce: a variable product a group, with its variations.

Columns are those of "Product CSV Import Schema",
https://github.com/woocommerce/woocommerce/wiki/Product-CSV-Import-Schema, and cells
are made for WooCommerce's `includes/import/class-wc-product-csv-importer.php`: a comma
separates values unless a backslash precedes it, and an empty `In stock?` means that
there is none.
"""

from __future__ import annotations

import csv
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
    stock_of,
    title_of,
)

COLUMNS = (
    *("Type", "SKU", "GTIN, UPC, EAN, or ISBN", "Name", "Published", "Is featured?"),
    *("Visibility in catalog", "Description", "Tax status", "In stock?"),
    *("Sale price", "Regular price", "Categories", "Images", "Parent", "Position"),
    "Brands",
    *("Attribute 1 name", "Attribute 1 value(s)"),
    *("Attribute 1 visible", "Attribute 1 global"),
    *("Attribute 2 name", "Attribute 2 value(s)"),
    *("Attribute 2 visible", "Attribute 2 global"),
)
_MOST_SKU = 100  # Characters, as of the column `sku` of its lookup table.
_MOST_NAME, _MOST_TERM = 200, 190  # Of a title, and of the value of an attribute.
_LIVE = ("publish", "published", "active", "enabled", "true", "1")
_IN_STOCK = {"out_of_stock": "0", "backorder": "backorder"}


def write_woocommerce(path: Path, listing: Listing, notes: Notes) -> ShopFileSummary:
    """Writes a product CSV file: groups are variable products, others simple ones.

    The attributes of variations are `Color` and, where a group differs in size, `Size`.
    What belongs to the product is that of the representative; its SKU is made of the
    name of the group. A product whose status is not known is a draft.

    Args:
      path: File to write.
      listing: The products.
      notes: Where to note what is cut, changed or left out.
    """
    skus = [sku for sku in map(one_line, listing.product_id) if len(sku) <= _MOST_SKU]
    parents = Codes("A-Za-z0-9_-", _MOST_SKU, "-", taken=skus)
    num_products = groups = 0
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        for all_rows in listing.groups:
            rows = [row for row in all_rows if _has_sku(listing, row, notes)]
            num_products += len(rows)
            if len(all_rows) == 1:
                writer.writerows(_simple(listing, row, notes) for row in rows)
            elif rows:
                groups += 1
                sku = parents.of(f"{listing.group_id[rows[0]]}-group")
                writer.writerows(_variable(listing, rows, sku, notes))
    what = "a product CSV file of WooCommerce"
    return ShopFileSummary("woocommerce", num_products, groups, notes.all, what)


def _has_sku(listing: Listing, row: int, notes: Notes) -> bool:
    product = listing.product_id[row]
    if len(product) <= _MOST_SKU:
        return True
    what = f"products left out, with an id of more than {_MOST_SKU} characters"
    notes.add(what, product)
    return False


def _simple(listing: Listing, row: int, notes: Notes) -> dict[str, str]:
    color = cut(
        one_line(listing.color[row]),
        _MOST_TERM,
        "color",
        notes,
        listing.product_id[row],
    )
    return {
        "Type": "simple",
        "Published": _published(listing, row),
        **_about(listing, row, notes),
        **_sold(listing, row, notes),
        **_attribute(1, "Color", [color] if color else []),
    }


def _variable(
    listing: Listing, rows: Sequence[int], sku: str, notes: Notes
) -> Iterator[dict[str, str]]:
    """The row of a group, and those of its products, the representative first."""
    options = options_of(listing, rows, notes, _MOST_TERM)
    colors = list(dict.fromkeys(option.color for option in options))
    sizes = list(dict.fromkeys(option.size for option in options if option.size))
    first = rows[0]
    yield {
        "Type": "variable",
        "Published": _published(listing, first),
        "SKU": sku,
        **_about(listing, first, notes),
        "Images": _values([photo] if (photo := _photo(listing, first)) else []),
        "In stock?": "1",
        **_attribute(1, "Color", colors),
        **_attribute(2, "Size", sizes),
    }
    for place, (row, option) in enumerate(zip(rows, options, strict=True)):
        yield {
            "Type": "variation",
            "Published": "1",
            "Name": title_of(listing, row, _MOST_NAME, Notes()),
            "Tax status": "taxable",
            "Parent": sku,
            "Position": str(place),
            **_sold(listing, row, notes),
            **_value(option),
        }


def _about(listing: Listing, row: int, notes: Notes) -> dict[str, str]:
    """What belongs to a product as a whole."""
    return {
        "Name": title_of(listing, row, _MOST_NAME, notes),
        "Is featured?": "0",
        "Visibility in catalog": "visible",
        "Description": plain(listing.cell("description", row)),
        "Tax status": "taxable",
        "Categories": _values(_named(listing, "category", row)),
        "Brands": _values(_named(listing, "brand", row)),
    }


def _sold(listing: Listing, row: int, notes: Notes) -> dict[str, str]:
    """What belongs to what is put into the basket."""
    price = price_of(listing, "price", row, notes).amount
    sale = price_of(listing, "sale_price", row, notes).amount
    if not price:
        what = "products without a price, which cannot be bought"
        notes.add(what, listing.product_id[row])
    is_sale = bool(sale and price) and float(sale) < float(price)
    photo = photo_address(listing, row, notes)
    stock = stock_of(listing.cell("availability", row))
    return {
        "SKU": one_line(listing.product_id[row]),
        "GTIN, UPC, EAN, or ISBN": one_line(listing.cell("gtin", row)),
        "Regular price": price,
        "Sale price": sale if is_sale else "",
        "In stock?": _IN_STOCK.get(stock, "1"),
        "Images": _values([photo, *more_photos(listing, row)] if photo else []),
    }


def _photo(listing: Listing, row: int) -> str:
    return photo_address(listing, row, Notes())  # It is noted with the variation.


def _published(listing: Listing, row: int) -> str:
    """1 for published, -1 for a draft."""
    return "1" if listing.cell("status", row).strip().lower() in _LIVE else "-1"


def _named(listing: Listing, column: str, row: int) -> list[str]:
    name = one_line(listing.cell(column, row))
    return [name] if name else []


def _attribute(number: int, name: str, values: Sequence[str]) -> dict[str, str]:
    if not values:
        return {}
    start = f"Attribute {number}"
    return {
        f"{start} name": name,
        f"{start} value(s)": _values(values),
        f"{start} visible": "1",
        f"{start} global": "1",
    }


def _value(option: Option) -> dict[str, str]:
    """The attributes of a variation, which has one value of each."""
    return {
        **_attribute(1, "Color", [option.color]),
        **_attribute(2, "Size", [option.size] if option.size else []),
    }


def _values(values: Sequence[str]) -> str:
    """A list in one cell: commas between values, and escaped ones within."""
    return ", ".join(value.replace(",", "\\,") for value in values)
