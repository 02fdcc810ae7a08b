"""Columns that cv_tf knows, and what shops, feeds and people call them.

Sources: the columns of product exports as Shopify, WooCommerce ("Product CSV Import
Schema"), Adobe Commerce ("Product data attributes reference"), Akeneo ("Product data
structure") and Google ("Product data specification") document them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

# Columns that cv_tf knows, and what else they are called, as `plain` gives it: the
# likeliest names first.
USUAL: dict[str, tuple[str, ...]] = {
    "product_id": (
        *("productid", "sku", "productsku", "variantsku", "articleid", "articlenumber"),
        *("articleno", "artikelnummer", "artikelnr", "itemid", "itemnumber", "asin"),
        *("productcode", "identifier", "id", "code", "uniqueid", "gtin", "ean"),
        "barcode",
    ),
    "image": (
        *("image", "imageurl", "imagelink", "imagesrc", "imagepath", "mainimage"),
        *("mainimageurl", "primaryimage", "baseimage", "images", "imageurls", "photo"),
        *("photourl", "photos", "picture", "pictureurl", "pictures", "img", "imgurl"),
        *("imagefile", "imagename", "filename", "filepath", "file", "path", "bild"),
        *("bildurl", "bilder", "thumbnail", "largeimage"),
    ),
    "style_id": (
        *("styleid", "itemgroupid", "variantgroupid", "parentsku", "parentid"),
        *("parentasin", "parent", "parentproductid", "stylecode", "stylenumber"),
        *("modelcode", "modelid", "groupingid"),
    ),
    "color": (
        *("color", "colour", "colorname", "colourname", "basecolour", "basecolor"),
        *("farbe", "couleur", "kleur", "colore", "cor", "kolor", "barva", "renk"),
        *("färg", "farg", "farve", "farge", "väri"),
    ),
    "split": ("split",),
    "x": ("x",),
    "y": ("y",),
    "width": ("width",),
    "height": ("height",),
    "category": (
        *("category", "categoryname", "producttype", "producttypename", "articletype"),
        *("type", "categories", "googleproductcategory", "department", "kategorie"),
        "categorie",
    ),
    "title": (
        *("title", "producttitle", "name", "productname", "productdisplayname"),
        *("displayname", "itemname", "titel", "bezeichnung"),
    ),
    "description": ("description", "productdescription", "bodyhtml", "beschreibung"),
    "link": ("link", "url", "producturl", "productlink", "permalink"),
    "price": ("price", "variantprice", "regularprice", "preis", "prix"),
    "sale_price": ("saleprice", "specialprice"),
    "brand": ("brand", "brandname", "vendor", "manufacturer", "marke", "marque"),
    "availability": ("availability", "instock", "stockstatus"),
    "condition": ("condition",),
    "gender": ("gender", "sex", "geschlecht"),
    "age_group": ("agegroup",),
    "size": (
        *("size", "sizename", "grösse", "groesse", "taille", "talla", "maat", "taglia"),
        *("storlek", "rozmiar", "clothingsize", "shoesize", "schuhgrösse"),
    ),
    "material": ("material",),
    "pattern": ("pattern",),
    "gtin": ("gtin", "ean", "upc", "barcode", "variantbarcode"),
    "mpn": ("mpn",),
    "handle": ("handle", "urlhandle", "urlkey", "slug"),
    "more_images": ("additionalimagelink", "additionalimages", "additionalimageurls"),
}


class Layout(NamedTuple):
    """How a system lays out its exports.

    Attributes:
      title: The kind of file in words, such as "a product export of Shopify".
      marks: Names, as `plain` gives them, of which each entry needs one in the header.
      columns: Names of columns in the file, likeliest first, by those of cv_tf.
      needs: Those of `columns` without which no product can be told.
    """

    title: str
    marks: tuple[tuple[str, ...], ...]
    columns: Mapping[str, tuple[str, ...]]
    needs: tuple[str, ...] = ("product_id", "image")


LAYOUTS: dict[str, Layout] = {
    "shopify": Layout(
        "a product export of Shopify",
        (("handle", "urlhandle"), ("imagesrc", "productimageurl"), ("option1value",)),
        {
            "product_id": ("variantsku", "sku"),
            "image": ("variantimage", "variantimageurl"),
            "product_images": ("imagesrc", "productimageurl"),
            "handle": ("handle", "urlhandle"),
            "category": ("type", "productcategory"),
            "title": ("title",),
            "description": ("bodyhtml", "description"),
            "brand": ("vendor",),
            "price": ("variantprice", "price"),
            "gtin": ("variantbarcode", "barcode"),
            "status": ("status",),
        },
        ("handle", "product_images"),
    ),
    "woocommerce": Layout(
        "a product export of WooCommerce",
        (
            *(("type", "typ"), ("sku", "artikelnummer"), ("images", "bilder")),
            ("name",),
            (
                *("published", "parent", "isfeatured", "visibilityincatalog"),
                *("regularprice", "übergeordnetesprodukt", "veröffentlicht"),
            ),
        ),
        {
            # The header is in the language of the shop: English or German here.
            "product_id": ("sku", "artikelnummer"),
            "shop_id": ("id",),
            "image": ("images", "bilder"),
            "kind": ("type", "typ"),
            "parent": ("parent", "übergeordnetesprodukt"),
            "category": ("categories", "kategorien"),
            "title": ("name",),
            "description": ("description", "beschreibung"),
            "price": ("regularprice", "regulärerpreis"),
            "sale_price": ("saleprice", "angebotspreis"),
            "gtin": ("gtinupceanorisbn", "gtinupceanoderisbn"),
            "availability": ("instock", "vorrätig"),
            "status": ("published", "veröffentlicht"),
            "brand": ("brands", "brand", "marken"),
        },
        ("product_id", "image", "kind"),
    ),
    "merchant": Layout(
        "a product feed of Google Merchant Center",
        (("id",), ("imagelink",)),
        {
            "product_id": ("id",),
            "image": ("imagelink",),
            "more_images": ("additionalimagelink",),
            "parent": ("itemgroupid",),
            "color": ("color", "colour"),
            "category": ("producttype", "googleproductcategory"),
            "link": ("link",),
        },
    ),
    "magento": Layout(
        "a product export of Magento or Adobe Commerce",
        (("sku",), ("producttype",), ("baseimage", "image")),
        {
            "product_id": ("sku",),
            "image": ("baseimage", "image"),
            "more_images": ("additionalimages", "mediaimage"),
            "kind": ("producttype",),
            "category": ("categories", "attributesetcode"),
            "title": ("name",),
            "handle": ("urlkey",),
            "attributes": ("additionalattributes",),
            "variations": ("configurablevariations",),
            "store_view": ("storeviewcode",),
            "gtin": ("gtin", "ean"),
        },
        ("product_id", "image", "kind"),
    ),
    "akeneo": Layout(
        "a product export of Akeneo",
        (("sku", "identifier", "uuid", "code"), ("family",), ("enabled", "parent")),
        {
            "product_id": ("sku", "identifier", "code", "uuid"),
            "image": (
                *("image", "mainimage", "variationimage", "picture", "packshot"),
                *("media", "photo", "images", "image1", "imagemain"),
            ),
            "parent": ("parent",),
            "category": ("categories", "family"),
            "title": ("name", "title", "erpname", "label"),
            "color": ("color", "colour", "maincolor", "basecolor"),
        },
    ),
}
