"""Feeds of Google Merchant Center, read by its rules."""

import csv
import re

import pytest

from cv_tf.shop_files import write_shop_file

# A feed as its help pages show one.
EXAMPLE = (
    "id\ttitle\tdescription\tprice\tcondition\tlink\tavailability\timage_link\n"
    "2123-uk\tToy Bear\tA yellow teddy bear\t12.00 GBP\tnew\thttps://example.com/bear"
    "\tin_stock\thttps://example.com/bear.jpg\n"
)
LIMITS = {"id": 50, "title": 150, "description": 5000, "link": 2000, "image_link": 2000}
LIMITS |= {"brand": 70, "gtin": 50, "mpn": 70, "color": 100, "size": 100}
LIMITS |= {"material": 200, "pattern": 100, "item_group_id": 50, "product_type": 750}
ENUMERATIONS = {
    "availability": {"in_stock", "out_of_stock", "preorder", "backorder"},
    "condition": {"new", "refurbished", "used"},
    "gender": {"male", "female", "unisex"},
    "age_group": {"newborn", "infant", "toddler", "kids", "adult"},
}
KNOWN = {*LIMITS, *ENUMERATIONS, "price", "sale_price", "additional_image_link"}


def read_feed(text, required=("id",), price=r"\d+(\.\d+)? [A-Z]{3}"):
    """Reads a feed as strictly as its specification says."""
    lines = text.removesuffix("\n").split("\n")
    assert "\r" not in text
    header, *rows = csv.reader(lines, delimiter="\t", strict=True)
    assert set(header) <= KNOWN
    items = [dict(zip(header, row, strict=True)) for row in rows]
    assert len({item["id"] for item in items}) == len(items)
    for item in items:
        assert all(item[name] for name in required), item
        for name, cell in item.items():
            assert len(cell) <= LIMITS.get(name, 5000)
            assert cell == " ".join(cell.split())
            assert not re.search(r"[\x00-\x1f\x7f]", cell)
            if cell and name in ENUMERATIONS:
                assert cell in ENUMERATIONS[name]
            if cell and name.endswith("price"):
                assert re.fullmatch(price, cell)
            if cell and name in ("link", "image_link"):
                assert re.match("https?://[^ ]+$", cell)
        assert re.fullmatch(r"[A-Za-z0-9_-]{0,50}", item.get("item_group_id", ""))
        assert max(map(len, item.get("color", "").split("/"))) <= 40
        assert item.get("color", "").count("/") <= 2
    return items


def _write(tmp_path, listing, **options):
    path = tmp_path / "feed.tsv"
    summary = write_shop_file(path, "merchant", listing, **options)
    return path.read_text(encoding="utf-8"), summary


def test_the_reader_takes_the_example_of_the_help_pages():
    assert read_feed(EXAMPLE)[0]["availability"] == "in_stock"


def test_has_what_is_required_and_tells_variants_apart(shop, tmp_path):
    text, summary = _write(tmp_path, shop)
    required = ("id", "title", "description", "link", "image_link", "availability")
    items = read_feed(text, (*required, "price"))
    assert [item["id"] for item in items] == ["A1", "A2", "B1", "B2", "B3", "C"]
    assert [item["item_group_id"] for item in items] == (
        ["A1", "A1", "B1", "B1", "B1", ""]
    )
    assert items[1] == {
        "id": "A2",
        "title": "Shirt",
        "description": "All about A2",
        "link": "https://example.com/p/A2",
        "image_link": "https://example.com/i/A2.jpg",
        "additional_image_link": "",
        "availability": "in_stock",
        "price": "19.90 EUR",
        "sale_price": "15.00 EUR",
        "condition": "new",
        "brand": "Acme",
        "gtin": "",
        "mpn": "",
        "product_type": "Clothes > Shirts, tops",
        "item_group_id": "A1",
        "color": "Light Blue",
        "gender": "female",
        "age_group": "adult",
        "size": "",
        "material": "",
        "pattern": "",
    }
    assert items[0]["gtin"] == "4006381333931"
    assert items[5]["availability"] == "out_of_stock"
    assert (summary.num_products, summary.num_groups, summary.notes) == (6, 2, ())
    assert summary.what == "a primary feed of Google Merchant Center"


def test_is_supplemental_where_required_attributes_are_not_known(listing_of, tmp_path):
    color = {"a": "red", "b": "dark grey", "c": "blue"}
    titles = dict.fromkeys("abc", "T")
    text, summary = _write(
        tmp_path, listing_of([["a", "b"], ["c"]], color=color, title=titles)
    )
    assert text == ("id\titem_group_id\tcolor\na\ta\tred\nb\ta\tdark grey\nc\t\tblue\n")
    read_feed(text)
    assert summary.what == (
        "a supplemental feed of Google Merchant Center (id, item_group_id, color), as "
        "the products have no description, link, image_link, availability, price"
    )


def _told(summary):
    return {note.what: note.number for note in summary.notes}


def test_what_google_refuses_is_told(listing_of, tmp_path):
    listing = listing_of(
        [["a", "b"], ["c" * 51], ["d"]],
        color={"a": "red", "b": "Red", "d": "#one/two, three;four"},
        title={"a": "x" * 151, "b": "B"},
        description=dict.fromkeys("abd", "D"),
        link={"a": "ftp://example.com"},
        image_link={"a": "https://example.com/a.jpg"},
        price={"a": "5"},
        availability={"a": "soon"},
        gtin={"a": "4006381333930"},
        gender={"a": "all"},
    )
    text, summary = _write(tmp_path, listing)
    items = read_feed(text, price=r"5")
    assert [item["id"] for item in items] == ["a", "b", "d"]
    told = _told(summary)
    assert told["products left out, with an id of more than 50 characters"] == 1
    assert told["products whose title is cut to 150 characters"] == 1
    assert told["products without link, which Google refuses"] == 3
    assert told["products without availability, which Google refuses"] == 3
    assert told["products without an address of their photo (image_link)"] == 2
    assert told["products whose price has no currency (--currency)"] == 1
    assert told["products whose gtin is left out, as it is none"] == 1
    assert (
        told["products whose gender is left out, as it is not male, female or unisex"]
        == 1
    )
    assert told["products with more than 3 colors"] == 1
    assert items[2]["color"] == "one/two/three"
    assert sum("differ from another one" in what for what in told) == 1


def test_prices_without_a_currency_have_that_of_the_flag(listing_of, tmp_path):
    names = dict.fromkeys("a", "https://example.com/a")
    columns = dict.fromkeys(("title", "description", "link", "image_link"), names)
    listing = listing_of(
        [["a"]], **columns, availability={"a": "1"}, price={"a": "7.5"}
    )
    text, _ = _write(tmp_path, listing, currency="CHF")
    assert read_feed(text)[0]["price"] == "7.5 CHF"


def test_hostile_text_goes_through(hostile, tmp_path):
    text, summary = _write(tmp_path, hostile)
    items = read_feed(text)
    assert len(items) == 8
    assert len({item["item_group_id"] for item in items}) == 2
    assert "supplemental" not in summary.what
    assert items[0]["title"] == 'He said "5" \u2013 a;b,c d e'
    assert items[1]["title"].startswith("=HYPERLINK(")
    assert items[2]["title"] == "<script>alert('x')</script><b>bold</b>"
    assert items[3]["title"].startswith("\U0001f457 dress")


@pytest.mark.parametrize("name", ["a b", "\u9ed2", "g/1", "x" * 60])
def test_names_of_groups_become_ids_of_letters_digits_and_dashes(
    name, listing_of, tmp_path
):
    text, _ = _write(tmp_path, listing_of([[name[:40], "z"], ["1", "2"]]))
    items = read_feed(text)
    assert items[0]["item_group_id"] == items[1]["item_group_id"] != ""
    assert items[2]["item_group_id"] == "1"
