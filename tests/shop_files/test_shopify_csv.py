"""Product CSV files of Shopify, read by its rules."""

import csv
import dataclasses
import io
import re

import pytest

from cv_tf.choices import SHOP_FORMATS
from cv_tf.shop_files import shopify_csv, write_shop_file

# The columns of Shopify's exports, without those of other channels.
TEMPLATE = {
    *("Handle", "Title", "Body (HTML)", "Vendor", "Product Category", "Type", "Tags"),
    *("Published", "Option1 Name", "Option1 Value", "Option1 Linked To"),
    *("Option2 Name", "Option2 Value", "Option2 Linked To", "Option3 Name"),
    *("Option3 Value", "Option3 Linked To", "Variant SKU", "Variant Grams"),
    *("Variant Inventory Tracker", "Variant Inventory Qty"),
    *("Variant Inventory Policy", "Variant Fulfillment Service", "Variant Price"),
    *("Variant Compare At Price", "Variant Requires Shipping", "Variant Taxable"),
    *("Variant Barcode", "Image Src", "Image Position", "Image Alt Text"),
    *("Gift Card", "SEO Title", "SEO Description", "Variant Image"),
    *("Variant Weight Unit", "Variant Tax Code", "Cost per item", "Status"),
}
# As an export has it: two variants of a product, and a product without options.
EXAMPLE = (
    "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Inventory Policy,"
    "Variant Fulfillment Service,Variant Price,Image Src,Status\n"
    "shirt,Shirt,Color,Black,A1,deny,manual,19.90,https://example.com/1.jpg,active\n"
    "shirt,,Color,Blue,A2,deny,manual,19.90,,\n"
    "belt,Belt,Title,Default Title,C,deny,manual,5.00,,draft\n"
)


def read_products(text):
    """Reads products as Shopify's import does, refusing what it refuses."""
    assert len(text.encode()) <= 15_000_000
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    assert set(reader.fieldnames) <= TEMPLATE
    products = {}
    before = None
    for row in reader:
        assert None not in row
        handle = row["Handle"]
        assert re.fullmatch(r"[a-z0-9-]{1,255}", handle)
        if handle not in products:
            assert 0 < len(row["Title"]) <= 255
            assert row["Status"] in ("active", "draft", "archived", "")
            products[handle] = {"first": row, "variants": {}, "images": []}
        else:
            assert handle == before  # The rows of a product are together.
            assert row["Title"] == ""
        before, product = handle, products[handle]
        if not row["Variant SKU"] and not row["Title"]:  # A further photo.
            assert {name for name, cell in row.items() if cell} == {
                *("Handle", "Image Src", "Image Position")
            }
            assert row["Image Src"] not in product["images"]
            product["images"].append(row["Image Src"])
            assert int(row["Image Position"]) == len(product["images"])
            continue
        names = tuple(row.get(f"Option{i} Name", "") for i in (1, 2))
        values = tuple(row.get(f"Option{i} Value", "") for i in (1, 2))
        assert all(bool(n) == bool(v) for n, v in zip(names, values, strict=True))
        assert product.setdefault("options", names) == names
        assert all(len(value) <= 255 for value in values)
        key = tuple(value.casefold() for value in values)
        assert key not in product["variants"], "The variant already exists"
        product["variants"][key] = row
        assert row["Variant Inventory Policy"] in ("deny", "continue")
        assert row["Variant Fulfillment Service"] == "manual"
        assert re.fullmatch(r"(\d+(\.\d+)?)?", row["Variant Price"])
        if source := row["Image Src"]:
            assert re.match("https?://[^ ]+$", source)
            assert source not in product["images"]
            product["images"].append(source)
        if row.get("Variant Image"):
            assert row["Variant Image"] in product["images"]
        assert len(row.get("Image Alt Text", "")) <= 512
        assert len(product["variants"]) <= 2048
    return products


def _write(tmp_path, listing):
    path = tmp_path / "shop.csv"
    summary = write_shop_file(path, "shopify", listing)
    return path.read_text(encoding="utf-8"), summary


def test_the_reader_takes_a_file_as_shopify_writes_it():
    assert list(read_products(EXAMPLE)) == ["shirt", "belt"]
    assert "shopify" in SHOP_FORMATS


def test_products_of_a_group_are_variants(shop, tmp_path):
    text, summary = _write(tmp_path, shop)
    products = read_products(text)
    assert list(products) == ["shirt", "dress-long", "belt"]
    shirt, dress, belt = products.values()
    assert shirt["options"] == ("Color", "")
    assert list(shirt["variants"]) == [("black", ""), ("light blue", "")]
    assert list(dress["variants"]) == [("red", "s"), ("red", "m"), ("sand", "s")]
    assert belt["options"] == ("Title", "")
    assert list(belt["variants"]) == [("default title", "")]
    first, second = shirt["variants"].values()
    assert (first["Title"], first["Body (HTML)"]) == ("Shirt", "All about A1")
    assert (first["Vendor"], first["Status"]) == ("Acme", "active")
    assert first["Variant SKU"] == "A1"
    assert first["Variant Barcode"] == "4006381333931"
    # What is reduced has the former price beside it.
    prices = [
        (v["Variant Price"], v["Variant Compare At Price"]) for v in (first, second)
    ]
    assert prices == [("19.90", ""), ("15.00", "19.90")]
    # One photo of two variants is loaded once.
    assert dress["images"] == [f"https://example.com/i/B{i}.jpg" for i in (1, 3)]
    of_sizes = [row["Variant Image"] for row in dress["variants"].values()]
    assert of_sizes[0] == of_sizes[1] == dress["images"][0]
    assert dress["first"]["Status"] == "draft"
    assert (summary.num_products, summary.num_groups, summary.notes) == (6, 2, ())


def test_products_of_one_title_have_handles_of_their_own(listing_of, tmp_path):
    groups = [["a", "b"], ["c", "d"], ["e"]]
    listing = listing_of(
        groups,
        title=dict.fromkeys("abcde", "Cr\u00eape"),
        handle={"e": "crepe-of-before"},
    )
    products = read_products(_write(tmp_path, listing)[0])
    assert list(products) == ["crepe", "crepe-c", "crepe-of-before"]


def test_the_handle_is_that_of_the_product_a_group_is_named_after(listing_of, tmp_path):
    handles = {"a": "first", "b": "second"}
    listing = listing_of([["a", "b"]], handle=handles)
    turned = dataclasses.replace(listing, representative=["b", "b"])
    for it in (listing, turned):
        assert list(read_products(_write(tmp_path, it)[0])) == ["first"]
    gone = listing_of([["b", "c"]], handle=handles)
    gone = dataclasses.replace(gone, group_id=["a", "a"])
    assert list(read_products(_write(tmp_path, gone)[0])) == ["second"]


def test_further_photos_have_rows_of_their_own(listing_of, tmp_path):
    shop = "https://example.com"
    listing = listing_of(
        [["a", "b"]],
        image_link={"a": f"{shop}/a.jpg", "b": f"{shop}/b.jpg"},
        additional_image_link={
            "a": f"{shop}/c.jpg,{shop}/b.jpg,no",
            "b": f"{shop}/c.jpg",
        },
    )
    (product,) = read_products(_write(tmp_path, listing)[0]).values()
    assert product["images"] == [f"{shop}/{it}.jpg" for it in "abc"]
    assert len(product["variants"]) == 2


@pytest.mark.parametrize(
    ("handle", "status", "expected"),
    [
        ("", "", "draft"),
        ("h", "", ""),
        ("h", "archived", "archived"),
        ("", "1", "active"),
    ],
)
def test_the_status_is_that_of_the_shop(handle, status, expected, listing_of, tmp_path):
    listing = listing_of([["a"]], handle={"a": handle}, status={"a": status})
    (product,) = read_products(_write(tmp_path, listing)[0]).values()
    assert product["first"]["Status"] == expected


def test_what_was_changed_is_told(listing_of, tmp_path):
    listing = listing_of(
        [["a", "b", "c"], ["d"]],
        color={"a": "Black", "b": "Black"},
        title={"a": "x" * 300, "d": "D"},
        price={"a": "five", "b": "5"},
        image={"a": "images/a.jpg", "b": "https://example.com/b.jpg"},
    )
    text, summary = _write(tmp_path, listing)
    first = next(iter(read_products(text).values()))
    variants = first["variants"]
    assert first["first"]["Title"] == "x" * 255
    assert list(variants) == [("black", ""), ("black 2", ""), ("c", "")]
    assert {note.what: note.number for note in summary.notes} == {
        "products of the color of another one of their group, which is numbered": 1,
        "products without a color, whose ids stand for it": 1,
        "products whose title is cut to 255 characters": 1,
        "products whose price, unlike '19.90' or '19.90 EUR', is left out": 1,
        "products without a price, which Shopify sells for 0.00": 3,
        "products without an address of their photo (image_link)": 3,
    }


def test_a_group_of_too_many_is_cut(listing_of, tmp_path, monkeypatch):
    monkeypatch.setattr(shopify_csv, "MOST_VARIANTS", 3)
    listing = listing_of([[*"abcdefg"]], title=dict.fromkeys("abcdefg", "T"))
    text, summary = _write(tmp_path, listing)
    sizes = {name: len(of["variants"]) for name, of in read_products(text).items()}
    assert sizes == {"t": 3, "t-a": 3, "t-a-a": 1}
    assert summary.notes[0].what == "groups of more than 3 products, cut into several"


def test_hostile_text_goes_through(hostile, tmp_path):
    text, _ = _write(tmp_path, hostile)
    products = read_products(text)
    assert [len(of["variants"]) for of in products.values()] == [4, 4]
    first = next(iter(products.values()))["first"]
    assert first["Title"] == 'He said "5" \u2013 a;b,c d e'
    assert first["Body (HTML)"] == 'He said "5" \u2013 a;b,c\td\ne'
    values = {
        row["Option1 Value"] for row in products[first["Handle"]]["variants"].values()
    }
    assert '=HYPERLINK("https://example.com","x")' in values
