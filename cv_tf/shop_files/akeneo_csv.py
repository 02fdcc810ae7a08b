"""Import files of Akeneo PIM: product models, products, and the options of the color.

Formats are those of "Product model data structure", "Product data structure" and
"Option data structure", https://docs.akeneo.com/latest/import_and_export_data/formats.html.
A product model may be called anything without commas and semicolons, an option only
`[a-zA-Z0-9_]`; models here keep to the latter, which other connectors ask for.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from cv_tf.shop_files.listing import Listing, Notes, ShopFileSummary
from cv_tf.shop_files.shop_fields import Codes, one_line, options_of

PRODUCTS = ("sku", "parent", "color")
MODELS = ("code", "family_variant", "parent")
OPTIONS = ("code", "attribute", "sort_order")
_AXIS = "color"
_CODE = "A-Za-z0-9_"
_MOST_CODE, _MOST_OPTION = 255, 100


def write_akeneo(
    paths: Sequence[Path], listing: Listing, notes: Notes, family_variant: str
) -> ShopFileSummary:
    """Writes the files of products, of their models, and of the options of the color.

    A group is a product model; its products are the variants, which differ on the axis
    `color`, a simple select. Products of groups of one are left out: they stay as they
    are.

    Args:
      paths: Files to write: of products, of models, of options.
      listing: The products.
      notes: Where to note what is cut, changed or left out.
      family_variant: Code of the family variant, whose one axis is `color`.
    """
    model_codes, option_codes = Codes(_CODE, _MOST_CODE), Codes(_CODE, _MOST_OPTION)
    products, models = [], []
    options: dict[str, None] = {}
    for all_rows in listing.groups:
        rows = [row for row in all_rows if _is_written(listing, row, notes)]
        if not rows:
            continue
        code = model_codes.of(listing.group_id[rows[0]])
        models.append((code, family_variant, ""))
        for row, name in zip(rows, _colors(listing, rows, notes), strict=True):
            color = option_codes.of(name)
            options[color] = None
            products.append((one_line(listing.product_id[row]), code, color))
    _write(paths[0], PRODUCTS, products)
    _write(paths[1], MODELS, models)
    _write(paths[2], OPTIONS, [(it, _AXIS, i) for i, it in enumerate(options, 1)])
    what = "an import file of products for Akeneo, beside those of models and options"
    return ShopFileSummary("akeneo", len(products), len(models), notes.all, what)


def _colors(listing: Listing, rows: Sequence[int], notes: Notes) -> list[str]:
    """The names of the colors in small letters, no two equal, whatever the sizes."""
    names: list[str] = []
    options = options_of(listing, rows, notes, _MOST_OPTION)
    for row, option in zip(rows, options, strict=True):
        name = option.color.lower()
        if name in names:
            name = f"{name} {option.size}".lower()
            what = "products of one color and two sizes, whose color has the size"
            notes.add(what, listing.product_id[row])
        while name in names:
            name += " 2"
        names.append(name)
    return names


def _is_written(listing: Listing, row: int, notes: Notes) -> bool:
    product = listing.product_id[row]
    if listing.group_size[row] < 2:
        notes.add("products without variants, left out: they stay as they are", product)
        return False
    if len(product) > _MOST_CODE or set(product) & set(",;\n\r"):
        what = (
            f"products left out, as an id has no comma, no semicolon and {_MOST_CODE}"
        )
        notes.add(f"{what} characters at most", product)
        return False
    return True


def _write(path: Path, columns: Sequence[str], rows: Iterable[Sequence]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=";", lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
