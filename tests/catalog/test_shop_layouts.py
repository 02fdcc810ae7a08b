"""What columns are called: by shops, feeds and people."""

import logging

import pytest
from shop_exports import (
    AKENEO_HEADER,
    MAGENTO_HEADER,
    MERCHANT_HEADER,
    NEWER_SHOPIFY_HEADER,
    SHOPIFY_HEADER,
    WOOCOMMERCE_HEADER,
)

from cv_tf.catalog.known_columns import LAYOUTS
from cv_tf.catalog.shop_layouts import find_names, is_called, plain
from cv_tf.errors import UserError


def names_of(header, *columns):
    separator = ";" if ";" in header else ","
    return find_names("t.csv", header.split(separator), columns)


@pytest.mark.parametrize(
    ("header", "layout"),
    [
        (SHOPIFY_HEADER, "shopify"),
        (NEWER_SHOPIFY_HEADER, "shopify"),
        (WOOCOMMERCE_HEADER, "woocommerce"),
        (MERCHANT_HEADER, "merchant"),
        (MAGENTO_HEADER, "magento"),
        (AKENEO_HEADER, "akeneo"),
        (AKENEO_HEADER.replace("uuid;", "").replace("parent;", ""), "akeneo"),
        ("product_id,image", ""),
        ("sku,image_url,Title,Color", ""),
    ],
)
def test_layouts_are_known_by_their_headers(header, layout):
    assert names_of(header.replace('"', "")).layout == layout


@pytest.mark.parametrize(
    "header",
    [
        # Marks of a layout beside the names of cv_tf.
        "product_id,image,Handle,Image Src,Option1 Value",
        "product_id,image,id,image_link",
        # Names that are usual in other tables, too.
        "type,sku,images,name",
        "sku,family,parent,front_view",
    ],
)
def test_tables_of_their_own_are_no_exports(header):
    assert names_of(header).layout == ""


class TestUsualNames:
    @pytest.mark.parametrize(
        ("header", "expected"),
        [
            ("sku,image_url", {"product_id": "sku", "image": "image_url"}),
            ("SKU,Image URL", {"product_id": "SKU", "image": "Image URL"}),
            ("id,photo", {"product_id": "id", "image": "photo"}),
            ("id,sku,photo", {"product_id": "sku", "image": "photo"}),
            (
                "Artikelnummer,Bild,Farbe,Kategorie",
                {
                    "product_id": "Artikelnummer",
                    "image": "Bild",
                    "color": "Farbe",
                    "category": "Kategorie",
                },
            ),
            (
                "id,productDisplayName,articleType,baseColour,filename",
                {
                    "product_id": "id",
                    "title": "productDisplayName",
                    "category": "articleType",
                    "color": "baseColour",
                    "image": "filename",
                },
            ),
            (
                "sku,färg,img,parent_sku",
                {
                    "product_id": "sku",
                    "color": "färg",
                    "image": "img",
                    "style_id": "parent_sku",
                },
            ),
        ],
    )
    def test_are_understood(self, header, expected):
        assert names_of(header).source_of == expected

    def test_names_of_cv_tf_go_first(self):
        header = "sku,product_id,photo,image,type,category,name,title,colour,color"
        found = names_of(header).source_of
        assert {name for name, source in found.items() if name != source} == set()
        assert found["product_id"] == "product_id"

    def test_no_column_is_taken_twice(self):
        found = names_of("ean,image").source_of
        assert found == {"product_id": "ean", "image": "image"}

    def test_what_is_taken_for_what_is_said(self, caplog):
        with caplog.at_level(logging.WARNING, "absl"):
            names_of("sku,image,name")
            names_of("product_id,image,title")
        (said,) = caplog.messages
        assert said == "t.csv: taken is product_id from 'sku', title from 'name'."


class TestAkeneo:
    def test_a_column_without_locale_goes_before_those_with_one(self):
        header = "sku;enabled;family;image;name-de_DE;color-mobile;name;color"
        found = names_of(header).source_of
        assert (found["title"], found["color"]) == ("name", "color")

    def test_a_locale_and_a_channel_may_follow(self):
        header = "identifier;enabled;family;description-en_US-print;picture-ecommerce"
        found = names_of(header).source_of
        assert found["description"] == "description-en_US-print"
        assert found["image"] == "picture-ecommerce"


class TestNamedColumns:
    def test_go_before_all_others(self):
        found = names_of("product_id,image,ref,shot", "product_id:ref", "image: shot")
        assert found.source_of == {"product_id": "ref", "image": "shot"}

    def test_a_layout_may_be_named_with_columns(self):
        found = names_of("no,kind,pics", "woocommerce", "product_id:no", *NAMED)
        assert found.layout == "woocommerce"
        assert found.source_of["kind"] == "kind"

    @pytest.mark.parametrize(
        ("columns", "expected"),
        [
            (["shopfy"], "--columns=shopfy is no layout; there are shopify,"),
            (["shopfy"], "Did you mean 'shopify'?"),
            (["product_id:skuu"], "t.csv has no column 'skuu'; it has 'sku', 'photo'"),
            (["product_id:skuu"], "Did you mean 'sku'?"),
            (["prodct_id:sku"], "there is no column 'prodct_id' in cv_tf"),
            (["prodct_id:sku"], "Did you mean 'product_id'"),
            (["shopify"], "t.csv is not a product export of Shopify"),
            (["shopify"], "no column for handle (such as 'handle')"),
            (["shopify"], "or leave 'shopify' out"),
            (
                ["product_id:sku", "gtin:sku"],
                "names 'sku' twice. Name each column once",
            ),
            (
                ["image:sku", "image:photo"],
                "names 'image' twice. Name each column once",
            ),
            (["shopify", "magento"], "several layouts, shopify and magento. Name one"),
        ],
    )
    def test_what_is_wrong_is_told(self, columns, expected):
        with pytest.raises(UserError) as error:
            names_of("sku,photo", *columns)
        assert expected in str(error.value)


NAMED = ("image:pics", "kind:kind")


def test_each_layout_knows_what_it_needs():
    for layout in LAYOUTS.values():
        assert set(layout.needs) <= set(layout.columns)
        assert {plain(name) for mark in layout.marks for name in mark} == {
            name for mark in layout.marks for name in mark
        }


@pytest.mark.parametrize(
    "name", ["Color", "Colour", "Farbe", "pa_color", "Färg", "COR"]
)
def test_colors_have_many_names(name):
    assert is_called(plain(name), "color")


@pytest.mark.parametrize("name", ["Size", "Colorway set", "", "pa_size", "Title"])
def test_other_options_are_no_colors(name):
    assert not is_called(plain(name), "color")
