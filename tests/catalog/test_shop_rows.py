"""From the rows of a shop's export to products."""

import logging
import random

import pytest
from shop_exports import (
    AKENEO_HEADER,
    AKENEO_ROWS,
    CDN,
    EXPORTS,
    FEED,
    MAGENTO_HEADER,
    MAGENTO_ROWS,
    MERCHANT_HEADER,
    NEWER_SHOPIFY_HEADER,
    NEWER_SHOPIFY_ROWS,
    SHOPIFY_HEADER,
    SHOPIFY_ROWS,
    WOO,
    WOOCOMMERCE_HEADER,
    WOOCOMMERCE_ROWS,
    table,
)

from cv_tf.catalog import CatalogError, read_catalog


@pytest.fixture
def read(tmp_path):
    """A function from the text of an export to its catalogue, without downloads."""

    def read(text, name="export.csv", **options):
        (tmp_path / name).write_text(text, encoding="utf-8")
        return read_catalog(tmp_path / name, fetch=False, **options)

    return read


def column(catalog, name):
    cells = vars(catalog).get(name, catalog.extras.get(name))
    return dict(zip(catalog.product_id, cells, strict=True))


def photos(catalog):
    """All photos of each product, by its id."""
    more = catalog.more_images
    return {
        product: [catalog.image[row], *(() if more is None else more[row])]
        for row, product in enumerate(catalog.product_id)
    }


def blocks(catalog):
    names = [catalog.block_names[block] for block in catalog.block]
    return dict(zip(catalog.product_id, names, strict=True))


@pytest.mark.parametrize("layout", ["shopify", "newer shopify"])
class TestShopify:
    def test_products_are_variants(self, read, layout):
        catalog = read(EXPORTS[layout])
        assert column(catalog, "color") == {
            "LS-NAVY-S": "Navy",
            "LS-NAVY-M": "Navy",
            "00071": "Sand",
            "MUG": "",
            "scarf": "",  # Has no SKU, and so the name of its product.
        }
        assert catalog.line.tolist() == [2, 3, 4, 6, 8]

    def test_styles_are_products_of_several_colors(self, read, layout):
        style = column(read(EXPORTS[layout]), "style_id")
        assert set(style.values()) == {"linen-shirt", ""}
        assert {it for it in style if style[it]} == {"LS-NAVY-S", "LS-NAVY-M", "00071"}

    def test_photos_are_those_of_the_variant_or_else_of_the_product(self, read, layout):
        found = photos(read(EXPORTS[layout]))
        assert found["LS-NAVY-S"] == found["LS-NAVY-M"] == [f"{CDN}shirt-navy.jpg?v=1"]
        assert found["00071"] == [f"{CDN}shirt-1.jpg?v=1"]  # Others may show navy.
        assert found["MUG"] == [f"{CDN}mug-1.jpg?v=1", f"{CDN}mug-2.jpg?v=1"]

    def test_what_is_on_the_first_row_holds_for_all_variants(self, read, layout):
        catalog = read(EXPORTS[layout])
        assert set(column(catalog, "title").values()) == {"Linen shirt", "Mug", "Scarf"}
        assert column(catalog, "brand")["00071"] == "Acme"
        assert blocks(catalog)["00071"] == "Shirts"
        assert column(catalog, "status")["scarf"] == "draft"

    def test_sizes_are_those_of_the_option(self, read, layout):
        size = column(read(EXPORTS[layout]), "size")
        assert (size["LS-NAVY-S"], size["LS-NAVY-M"], size["MUG"]) == ("S", "M", "")

    def test_digits_lose_the_apostrophe_before_them(self, read, layout):
        assert column(read(EXPORTS[layout]), "gtin")["LS-NAVY-S"] == "0012345678905"


class TestShopifyRows:
    def test_the_order_of_products_does_not_matter(self, read):
        by_handle = {}
        for row in SHOPIFY_ROWS:
            by_handle.setdefault(row["Handle"], []).append(row)
        expected = photos(read(EXPORTS["shopify"]))
        for seed in range(5):
            waiting = [list(rows) for rows in by_handle.values()]
            mixed = []
            chance = random.Random(seed)
            while waiting := [rows for rows in waiting if rows]:
                mixed.append(chance.choice(waiting).pop(0))
            assert photos(read(table(SHOPIFY_HEADER, mixed))) == expected

    def test_both_generations_give_the_same(self, read):
        older = read(EXPORTS["shopify"])
        newer = read(table(NEWER_SHOPIFY_HEADER, NEWER_SHOPIFY_ROWS))
        assert photos(older) == photos(newer)
        assert column(older, "style_id") == column(newer, "style_id")

    def test_variants_without_a_sku_are_named_by_their_options(self, read):
        rows = [{**row, "Variant SKU": ""} for row in SHOPIFY_ROWS[:4]]
        ids = read(table(SHOPIFY_HEADER, rows)).product_id.tolist()
        assert ids == ["linen-shirt-S-Navy", "linen-shirt-M-Navy", "linen-shirt-S-Sand"]

    def test_rows_without_a_handle_share_nothing(self, read):
        rows = [
            {"Variant SKU": sku, "Image Src": f"{CDN}{sku}.jpg", "Option1 Value": "x"}
            for sku in ("A", "B")
        ]
        found = photos(read(table(SHOPIFY_HEADER, rows)))
        assert found == {"A": [f"{CDN}A.jpg"], "B": [f"{CDN}B.jpg"]}

    def test_one_sku_of_two_colors_is_told(self, read):
        rows = [{**row, "Variant SKU": "LS"} for row in SHOPIFY_ROWS[:3]]
        with pytest.raises(CatalogError) as error:
            read(table(SHOPIFY_HEADER, rows))
        assert "line 4: product_id 'LS' was already on line 2" in str(error.value)
        assert "another color" in str(error.value)

    def test_colors_that_share_a_photo_are_said(self, read, caplog):
        rows = [{**row, "Variant Image": ""} for row in SHOPIFY_ROWS]
        with caplog.at_level(logging.WARNING, "absl"):
            read(table(SHOPIFY_HEADER, rows))
        assert "'linen-shirt', have one photo for all" in caplog.text


class TestWooCommerce:
    def test_products_are_variations_and_what_has_none(self, read):
        catalog = read(EXPORTS["woocommerce"])
        assert column(catalog, "color") == {
            "DRESS-R": "Rot",
            "id:12": "Blau",  # Without a SKU.
            "DRESS-M": "Schwarz, matt",
            "HAT-G": "Green",
            "BELT": "",  # Sold in two colors, of which nobody knows the photo's.
            "WATCH": "",
        }
        assert column(catalog, "style_id") == {
            "DRESS-R": "DRESS",
            "id:12": "DRESS",
            "DRESS-M": "DRESS",
            "HAT-G": "",  # One color alone.
            "BELT": "",
            "WATCH": "",
        }

    def test_sizes_are_those_of_the_attribute(self, read):
        size = column(read(EXPORTS["woocommerce"]), "size")
        assert (size["DRESS-R"], size["WATCH"]) == ("S", "")

    def test_what_is_published_is_the_status(self, read):
        rows = [row | {"Published": "1"} for row in WOOCOMMERCE_ROWS]
        status = column(read(table(WOOCOMMERCE_HEADER, rows)), "status")
        assert set(status.values()) == {"1"}

    def test_the_header_may_be_german(self, read):
        header, _, rows = EXPORTS["woocommerce"].partition("\n")
        for english, german in {
            "Type": "Typ",
            "SKU": "Artikelnummer",
            "Images": "Bilder",
            "Categories": "Kategorien",
            "Parent": "Übergeordnetes Produkt",
            "Published": "Veröffentlicht",
            "Description,": "Beschreibung,",
            "Regular price": "Regulärer Preis",
            "Attribute 1 name": "Attribut 1 Name",
            "Attribute 1 value(s)": "Attribut 1 Wert(e)",
        }.items():
            assert english in header
            header = header.replace(english, german)
        english, german = read(EXPORTS["woocommerce"]), read(f"{header}\n{rows}")
        assert photos(german) == photos(english)
        assert blocks(german) == blocks(english)
        assert column(german, "style_id") == column(english, "style_id")
        assert column(german, "color") == column(english, "color")
        assert column(german, "price") == column(english, "price")

    def test_the_longest_category_is_taken(self, read):
        rows = [
            row | {"Categories": "Wear, Wear > Hats, Sale"} for row in WOOCOMMERCE_ROWS
        ]
        catalog = read(table(WOOCOMMERCE_HEADER, rows))
        assert set(catalog.block_names) == {"Wear > Hats"}

    def test_photos_and_categories_come_from_the_parent(self, read):
        catalog = read(EXPORTS["woocommerce"])
        found = photos(catalog)
        assert found["DRESS-R"] == [f"{WOO}dress-red.jpg"]
        assert found["id:12"] == [f"{WOO}dress.jpg", f"{WOO}dress-back.jpg"]
        assert found["HAT-G"] == [f"{WOO}hat.jpg"]
        assert blocks(catalog) == {
            "DRESS-R": "Clothing > Dresses",
            "id:12": "Clothing > Dresses",
            "DRESS-M": "Clothing > Dresses",
            "HAT-G": "Hats, caps",
            "BELT": "Belts",
            "WATCH": "Watches",
        }

    def test_a_comma_that_is_marked_separates_nothing(self, read):
        found = photos(read(EXPORTS["woocommerce"]))
        assert found["DRESS-M"] == [f"{WOO}w_200,h_300/dress-black.jpg"]

    def test_variations_alone_keep_their_group(self, read):
        rows = [row for row in WOOCOMMERCE_ROWS if "variation" in row["Type"]]
        style = column(read(table(WOOCOMMERCE_HEADER, rows)), "style_id")
        assert style["DRESS-R"] == style["id:12"] == style["DRESS-M"] == "DRESS"

    def test_the_order_of_rows_does_not_matter(self, read):
        expected = photos(read(EXPORTS["woocommerce"]))
        for seed in range(5):
            rows = random.Random(seed).sample(WOOCOMMERCE_ROWS, len(WOOCOMMERCE_ROWS))
            assert photos(read(table(WOOCOMMERCE_HEADER, rows))) == expected


class TestMerchant:
    def test_products_styles_and_photos(self, read):
        catalog = read(EXPORTS["merchant"], "feed.tsv")
        style = column(catalog, "style_id")
        assert {it for it in style if style[it] == "SHOE"} == {*style} - {"BAG"}
        assert style["BAG"] == ""  # One color.
        assert column(catalog, "color")["SHOE-B-40"] == "Black/Red"
        assert blocks(catalog)["SHOE-W-40"] == "Shoes > Sneakers"
        assert column(catalog, "size")["SHOE-W-41"] == "41"
        assert photos(catalog)["SHOE-W-40"] == [
            f"{FEED}w.jpg",
            f"{FEED}w,side.jpg",
            f"{FEED}w2.jpg",
        ]

    def test_names_of_columns_may_have_blanks(self, read):
        text = EXPORTS["merchant"]
        spelled = MERCHANT_HEADER.replace(",", "\t")
        spaced = text.replace(spelled, spelled.replace("_", " "))
        assert photos(read(spaced, "b.tsv")) == photos(read(text, "a.tsv"))

    def test_sizes_of_one_photo_have_no_style(self, read):
        rows = [
            {"id": f"S{size}", "image_link": f"{FEED}s.jpg", "item_group_id": "S"}
            for size in range(3)
        ]
        style = column(read(table(MERCHANT_HEADER, rows)), "style_id")
        assert set(style.values()) == {""}


class TestMagento:
    def test_products_are_what_is_simple(self, read, tmp_path):
        catalog = read(EXPORTS["magento"])
        assert column(catalog, "style_id") == {
            "MH01-XS-Black": "MH01",
            "MH01-XS-Gray": "MH01",
            "24-MB01": "",
        }
        assert column(catalog, "color") == {
            "MH01-XS-Black": "Black",
            "MH01-XS-Gray": "Gray",  # Quoted, after a value with a comma.
            "24-MB01": "",
        }
        folder = f"{tmp_path}/m"
        assert photos(catalog) == {
            "MH01-XS-Black": [
                f"{folder}/h/mh01-black_main.jpg",
                f"{folder}/h/mh01-black_back.jpg",
            ],
            "MH01-XS-Gray": [f"{folder}/h/mh01_main.jpg"],  # That of its parent.
            "24-MB01": [f"{folder}/b/mb01-blue-0.jpg"],
        }

    def test_the_longest_category_is_taken(self, read):
        assert blocks(read(EXPORTS["magento"])) == {
            "MH01-XS-Black": "Default Category/Men/Tops/Hoodies",
            "MH01-XS-Gray": "Default Category/Men/Tops/Hoodies",
            "24-MB01": "Default Category/Gear/Bags",
        }

    def test_photos_may_be_behind_addresses(self, read):
        base = "https://shop.example/media/catalog/product"
        found = photos(read(EXPORTS["magento"], image_base=f"{base}/"))
        assert found["24-MB01"] == [f"{base}/m/b/mb01-blue-0.jpg"]

    def test_an_export_of_one_store_view_has_products(self, read):
        rows = [
            {**row, "store_view_code": "de"}
            for row in MAGENTO_ROWS
            if "attribute_set_code" in row
        ]
        assert len(read(table(MAGENTO_HEADER, rows))) == 3

    def test_rows_that_repeat_a_sku_are_no_translations(self, read):
        rows = [MAGENTO_ROWS[4], {**MAGENTO_ROWS[4], "name": "Another bag"}]
        with pytest.raises(CatalogError, match="'24-MB01' was already on line 2"):
            read(table(MAGENTO_HEADER, rows))


class TestAkeneo:
    def test_products_styles_and_photos(self, read, tmp_path):
        catalog = read(EXPORTS["akeneo"])
        assert column(catalog, "style_id") == {
            "jacket-navy-s": "jacket",
            "jacket-red-s": "jacket",
            "cap": "",
        }
        assert photos(catalog)["cap"] == [f"{tmp_path}/files/cap/image/cap.png"]
        assert blocks(catalog)["jacket-red-s"] == "master_men_jackets"
        assert column(catalog, "title")["jacket-navy-s"] == "Jacke"  # The first locale.
        assert column(catalog, "price")["jacket-navy-s"] == "99.00"

    def test_columns_of_other_names_can_be_named(self, read):
        header = AKENEO_HEADER.replace(";image;", ";front_view-ecommerce;")
        rows = [
            {("front_view-ecommerce" if k == "image" else k): v for k, v in row.items()}
            for row in AKENEO_ROWS
        ]
        rows[0]["variation_image"] = "files/v.jpg"
        text = table(header, rows, ";")
        columns = ["image:front_view-ecommerce", "title:name-en_US"]
        catalog = read(text, columns=columns)
        assert catalog.image[0].endswith("/image/navy.jpg")
        assert column(catalog, "title")["jacket-red-s"] == "Jacket"


def test_how_many_products_are_in_how_many_rows_is_said(read, caplog):
    with caplog.at_level(logging.WARNING, "absl"):
        read(EXPORTS["shopify"])
    assert "export.csv: 5 products are in 7 rows." in caplog.messages


def test_a_table_of_no_layout_stays_as_it_is(read):
    text = "product_id,image,type,parent,kind\n1,a.jpg,variable,2,x\n2,b.jpg,grouped,,y"
    catalog = read(text, block_columns=())
    assert catalog.product_id.tolist() == ["1", "2"]
    assert column(catalog, "kind") == {"1": "x", "2": "y"}
    assert column(catalog, "parent") == {"1": "2", "2": ""}  # No style.
    assert catalog.style_id is None
