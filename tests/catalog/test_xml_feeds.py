"""Feeds in XML, as shops write them for Google Merchant Center."""

import gzip

import pytest

from cv_tf.catalog import CatalogError, read_catalog

RSS = """<?xml version="1.0" encoding="UTF-8"?>
<rss xmlns:g="http://base.google.com/ns/1.0" version="2.0"><channel>
<title>Shop</title><link>https://shop.example</link>
<item><g:id>A1</g:id><title>Shirt &amp; tie</title>
<g:image_link>https://shop.example/a.jpg</g:image_link>
<g:additional_image_link>https://shop.example/b.jpg</g:additional_image_link>
<g:additional_image_link>https://shop.example/c.jpg</g:additional_image_link>
<g:item_group_id>A</g:item_group_id><g:color>Red</g:color>
<g:shipping><g:country>DE</g:country><g:price>4 EUR</g:price></g:shipping>
<g:price>19.90 EUR</g:price></item>
<item><g:id>A2</g:id><g:title><![CDATA[Shirt <b>]]></g:title>
<g:image_link>https://shop.example/d.jpg</g:image_link>
<g:item_group_id>A</g:item_group_id><g:color>Blue</g:color></item>
</channel></rss>
"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"
xmlns:g="http://base.google.com/ns/1.0"><title>Shop</title>
<entry><g:id>1</g:id><link href="https://shop.example/1"/>
<g:image_link>https://shop.example/1.jpg</g:image_link></entry></feed>
"""


def read(folder, text, name="feed.xml"):
    content = text.encode()
    content = gzip.compress(content) if name.endswith(".gz") else content
    (folder / name).write_bytes(content)
    return read_catalog(folder / name, fetch=False)


@pytest.mark.parametrize("name", ["feed.xml", "feed.xml.gz", "feed.rss", "feed"])
def test_an_item_is_a_product(tmp_path, name):
    catalog = read(tmp_path, RSS, name)
    shop = "https://shop.example"
    assert list(catalog.product_id) == ["A1", "A2"]
    assert list(catalog.image) == [f"{shop}/a.jpg", f"{shop}/d.jpg"]
    assert list(catalog.more_images) == [(f"{shop}/b.jpg", f"{shop}/c.jpg"), ()]
    assert list(catalog.style_id) == ["A", "A"]
    assert list(catalog.color) == ["Red", "Blue"]
    assert list(catalog.extras["title"]) == ["Shirt & tie", "Shirt <b>"]
    assert list(catalog.extras["price"]) == ["19.90 EUR", ""]


def test_an_entry_is_a_product(tmp_path):
    catalog = read(tmp_path, ATOM)
    assert list(catalog.image) == ["https://shop.example/1.jpg"]
    assert list(catalog.extras["link"]) == ["https://shop.example/1"]


def test_too_many_columns_are_told_as_such(tmp_path):
    elements = "".join(f"<c{number}>x</c{number}>" for number in range(16_385))
    with pytest.raises(CatalogError, match="16,385 columns") as error:
        read(tmp_path, f"<rss><item>{elements}</item></rss>")
    assert "is not XML" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<!DOCTYPE r [<!ENTITY a 'b'>]><rss>&a;</rss>", "declares entities"),
        ("<rss><!-- --><!ENTITY a 'b'></rss>", "declares entities"),
        ("<rss><channel><item>", "is not XML"),
        (f"<rss>{'<a>' * 99}{'</a>' * 99}</rss>", "more than 32 elements"),
        ("<rss><channel></channel></rss>", "has no products"),
        ("<rss><item><id>&nbsp;</id></item></rss>", "is not XML"),
        ("<html><body></body></html>", "a web page or XML"),
    ],
)
def test_what_is_no_feed_is_told(tmp_path, text, message):
    with pytest.raises(CatalogError, match=message):
        read(tmp_path, text)


def test_what_is_declared_in_another_encoding_is_not_passed_over(tmp_path):
    text = (
        '<?xml version="1.0" encoding="utf-16"?>'
        "<!--\u723c\u7373 --><!DOCTYPE rss [<!ENTITY a 'b'>]>"  # Bytes of "<rss".
        "<rss><item><id>&a;</id><image_link>https://s/a.jpg</image_link></item></rss>"
    )
    (tmp_path / "feed.xml").write_bytes(text.encode("utf-16-le"))
    with pytest.raises(CatalogError, match="UTF-16 or damaged"):
        read_catalog(tmp_path / "feed.xml", fetch=False)
