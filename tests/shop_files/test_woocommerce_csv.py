"""Product CSV files of WooCommerce, read as its importer reads them."""

import csv
import io
import re

import pytest

from cv_tf.shop_files import write_shop_file

# What WooCommerce's importer maps columns to by their names.
MAPPING = {
    "Type": "type",
    "SKU": "sku",
    "GTIN, UPC, EAN, or ISBN": "global_unique_id",
    "Name": "name",
    "Published": "published",
    "Is featured?": "featured",
    "Visibility in catalog": "catalog_visibility",
    "Short description": "short_description",
    "Description": "description",
    "Tax status": "tax_status",
    "In stock?": "stock_status",
    "Stock": "stock_quantity",
    "Sale price": "sale_price",
    "Regular price": "regular_price",
    "Categories": "category_ids",
    "Tags": "tag_ids",
    "Images": "images",
    "Parent": "parent_id",
    "Position": "menu_order",
    "Brands": "brand_ids",
}
SPECIAL = r"Attribute \d+ (name|value\(s\)|visible|global|default)"
# As the importer's sample file has it, with fewer columns.
EXAMPLE = (
    'Type,SKU,Name,Published,"In stock?","Regular price",Images,Parent,'
    '"Attribute 1 name","Attribute 1 value(s)","Attribute 1 visible",'
    '"Attribute 1 global"\n'
    'variable,hoodie,Hoodie,1,1,,https://example.com/h.jpg,,Color,"Blue, Red",1,1\n'
    "variation,hoodie-red,Hoodie,1,1,42,,hoodie,Color,Red,1,1\n"
    "variation,hoodie-blue,Hoodie,1,1,45,,hoodie,Color,Blue,1,1\n"
    "simple,cap,Cap,1,1,16,https://example.com/c.jpg,,,,,\n"
)


def _values(cell):
    """The values of a cell, as `explode_values` of the importer tells them apart."""
    cell = cell.replace("\\,", "::separator::")
    pieces = cell.split(",") if cell else []
    return [piece.replace("::separator::", ",").strip() for piece in pieces]


def read_products(text):
    """Reads products by SKU, refusing what the importer or the shop cannot use."""
    rows = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
    assert all(n in MAPPING or re.fullmatch(SPECIAL, n) for n in rows[0])
    products = {}
    for row in rows:
        assert None not in row
        sku = row["SKU"]
        assert 0 < len(sku) <= 100
        assert sku.casefold() not in {known.casefold() for known in products}
        assert row["Type"] in ("simple", "variable", "variation")
        assert row["Published"] in ("1", "0", "-1")
        assert row["In stock?"] in ("1", "0", "backorder")
        assert row["Name"]
        attributes = {
            row[f"Attribute {i} name"]: _values(row[f"Attribute {i} value(s)"])
            for i in (1, 2)
            if row.get(f"Attribute {i} name")
        }
        if row["Type"] == "variation":
            parent = products[row["Parent"]]  # It comes before its variations.
            assert parent["row"]["Type"] == "variable"
            assert set(attributes) == set(parent["attributes"])
            for name, value in attributes.items():
                assert len(value) == 1
                assert value[0] in parent["attributes"][name]
            assert attributes not in parent["variations"]
            parent["variations"].append(attributes)
        else:
            assert row["Parent"] == ""
        for image in _values(row["Images"]):
            assert re.match("https?://[^ ]+$", image)
        for name in ("Regular price", "Sale price"):
            assert re.fullmatch(r"(\d+(\.\d+)?)?", row.get(name, ""))
        products[sku] = {"row": row, "attributes": attributes, "variations": []}
    for product in products.values():
        if product["row"]["Type"] == "variable":
            assert product["variations"]
    return products


def _write(tmp_path, listing):
    path = tmp_path / "shop.csv"
    summary = write_shop_file(path, "woocommerce", listing)
    return path.read_text(encoding="utf-8"), summary


def test_the_reader_takes_a_file_like_the_sample_of_woocommerce():
    assert list(read_products(EXAMPLE)) == [
        "hoodie",
        "hoodie-red",
        "hoodie-blue",
        "cap",
    ]


@pytest.mark.parametrize("change", ["Red,1,1\n", "variation,hoodie-blue"])
def test_the_reader_refuses_others(change):
    with pytest.raises((AssertionError, KeyError)):
        read_products(
            EXAMPLE.replace(change, "Green,1,1\n", 1).replace("hoodie,C", "o,C")
        )


def test_groups_are_variable_products(shop, tmp_path):
    text, summary = _write(tmp_path, shop)
    products = read_products(text)
    assert list(products) == (
        ["A1-group", "A1", "A2", "B1-group", "B1", "B2", "B3", "C"]
    )
    shirt, dress, belt = (products[sku] for sku in ("A1-group", "B1-group", "C"))
    assert shirt["attributes"] == {"Color": ["Black", "Light Blue"]}
    assert dress["attributes"] == {"Color": ["Red", "Sand"], "Size": ["S", "M"]}
    assert dress["variations"][1] == {"Color": ["Red"], "Size": ["M"]}
    assert (belt["row"]["Type"], belt["attributes"]) == ("simple", {"Color": ["Brown"]})
    assert belt["row"]["In stock?"] == "0"
    assert shirt["row"]["Description"] == "All about A1"
    assert shirt["row"]["Published"] == "1"  # Its status is "active".
    assert dress["row"]["Published"] == "-1"
    assert _values(shirt["row"]["Categories"]) == ["Clothes > Shirts, tops"]
    assert shirt["row"]["Regular price"] == ""
    second = products["A2"]["row"]
    assert (second["Regular price"], second["Sale price"]) == ("19.90", "15.00")
    assert second["Images"] == "https://example.com/i/A2.jpg"
    assert (summary.num_products, summary.num_groups, summary.notes) == (6, 2, ())


def test_the_sku_of_a_group_is_no_other_products(listing_of, tmp_path):
    groups = [["a", "b"], ["A-GROUP"], ["c d", "e"], ["id:5", "f"]]
    products = read_products(_write(tmp_path, listing_of(groups))[0])
    parents = [sku for sku, of in products.items() if of["row"]["Type"] == "variable"]
    assert len(set(parents)) == 3
    assert all(re.fullmatch(r"[A-Za-z0-9-]+", sku) for sku in parents)


def test_what_was_changed_is_told(listing_of, tmp_path):
    color = {"a": "Black, matt", "b": "black, matt", "c" * 101: "Red"}
    listing = listing_of([["a", "b", "c" * 101]], color=color, title={"a": "A"})
    text, summary = _write(tmp_path, listing)
    products = read_products(text)
    assert products["a-group"]["attributes"] == {
        "Color": ["Black, matt", "black, matt 2"]
    }
    told = {note.what: note.number for note in summary.notes}
    assert told["products left out, with an id of more than 100 characters"] == 1
    assert told["products without a price, which cannot be bought"] == 2
    assert summary.num_products == 2


def test_hostile_text_goes_through(hostile, tmp_path):
    text, _ = _write(tmp_path, hostile)
    products = read_products(text)
    kinds = [of["row"]["Type"] for of in products.values()]
    assert kinds == (["variable"] + ["variation"] * 4) * 2
    first = next(iter(products.values()))
    assert first["row"]["Description"] == 'He said "5" \u2013 a;b,c\td\ne'
    assert 'He said "5" \u2013 a;b,c d e' in first["attributes"]["Color"]
