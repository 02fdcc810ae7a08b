"""A small export of each shop system, with the header that the system writes.

Headers are those of Shopify's product CSV (both generations), WooCommerce's product
exporter, Google's product data specification, Adobe Commerce's product export and
Akeneo's product export.
"""

import csv
import io

# Shopify: a shirt in two colors and two sizes of which one color has a photo of its
# own, with two more photos; a mug without options; and a draft without a SKU.
SHOPIFY_HEADER = (
    "Handle,Title,Body (HTML),Vendor,Product Category,Type,Tags,Published,Option1 Name,"
    "Option1 Value,Option1 Linked To,Option2 Name,Option2 Value,Option2 Linked To,"
    "Option3 Name,Option3 Value,Option3 Linked To,Variant SKU,Variant Grams,"
    "Variant Inventory Tracker,Variant Inventory Qty,Variant Inventory Policy,"
    "Variant Fulfillment Service,Variant Price,Variant Compare At Price,"
    "Variant Requires Shipping,Variant Taxable,Variant Barcode,Image Src,"
    "Image Position,Image Alt Text,Gift Card,SEO Title,SEO Description,"
    "Google Shopping / Google Product Category,Google Shopping / Gender,"
    "Google Shopping / Age Group,Google Shopping / MPN,Google Shopping / Condition,"
    "Google Shopping / Custom Product,Variant Image,Variant Weight Unit,"
    "Variant Tax Code,Cost per item,Status"
)
CDN = "https://cdn.shopify.com/s/files/1/"
_SHIRT = {"Handle": "linen-shirt", "Variant Price": "39.00"}
SHOPIFY_ROWS = [
    _SHIRT
    | {
        "Title": "Linen shirt",
        "Body (HTML)": "<p>Airy, cool.</p>",
        "Vendor": "Acme",
        "Product Category": "Apparel & Accessories > Clothing > Shirts & Tops",
        "Type": "Shirts",
        "Option1 Name": "Size",
        "Option1 Value": "S",
        "Option2 Name": "Colour",
        "Option2 Value": "Navy",
        "Variant SKU": "LS-NAVY-S",
        "Variant Barcode": "'0012345678905",
        "Image Src": f"{CDN}shirt-1.jpg?v=1",
        "Image Position": "1",
        "Google Shopping / Gender": "female",
        "Variant Image": f"{CDN}shirt-navy.jpg?v=1",
        "Status": "active",
    },
    _SHIRT
    | {
        "Option1 Value": "M",
        "Option2 Value": "Navy",
        "Variant SKU": "LS-NAVY-M",
        "Image Src": f"{CDN}shirt-navy.jpg?v=1",
        "Image Position": "2",
        "Variant Image": f"{CDN}shirt-navy.jpg?v=1",
    },
    _SHIRT
    | {
        "Option1 Value": "S",
        "Option2 Value": "Sand",
        "Variant SKU": "'00071",
        "Image Src": f"{CDN}shirt-back.jpg?v=1",
        "Image Position": "3",
    },
    {
        "Handle": "linen-shirt",
        "Image Src": f"{CDN}shirt-detail.jpg?v=1",
        "Image Position": "4",
        "Image Alt Text": "A cuff",
    },
    {
        "Handle": "mug",
        "Title": "Mug",
        "Vendor": "Acme",
        "Type": "Kitchen",
        "Option1 Name": "Title",
        "Option1 Value": "Default Title",
        "Variant SKU": "MUG",
        "Variant Price": "9.00",
        "Image Src": f"{CDN}mug-1.jpg?v=1",
        "Image Position": "1",
        "Status": "active",
    },
    {"Handle": "mug", "Image Src": f"{CDN}mug-2.jpg?v=1", "Image Position": "2"},
    {
        "Handle": "scarf",
        "Title": "Scarf",
        "Vendor": "Acme",
        "Type": "Scarves",
        "Option1 Name": "Title",
        "Option1 Value": "Default Title",
        "Variant Price": "19.00",
        "Image Src": f"{CDN}scarf.jpg?v=1",
        "Image Position": "1",
        "Status": "draft",
    },
]

# The header of Shopify's newer template, by the columns of the older one.
_NEWER = {
    "Title": "Title",
    "Handle": "URL handle",
    "Body (HTML)": "Description",
    "Vendor": "Vendor",
    "Product Category": "Product category",
    "Type": "Type",
    "Tags": "Tags",
    "Published": "Published on online store",
    "Status": "Status",
    "Variant SKU": "SKU",
    "Variant Barcode": "Barcode",
    **{
        f"Option{number} {part}": f"Option{number} {newer}"
        for number in (1, 2, 3)
        for part, newer in (
            ("Name", "name"),
            ("Value", "value"),
            ("Linked To", "Linked To"),
        )
    },
    "Variant Price": "Price",
    "Variant Compare At Price": "Compare-at price",
    "Cost per item": "Cost per item",
    "Variant Taxable": "Charge tax",
    "Variant Tax Code": "Tax code",
    "Variant Inventory Tracker": "Inventory tracker",
    "Variant Inventory Qty": "Inventory quantity",
    "Variant Inventory Policy": "Continue selling when out of stock",
    "Variant Grams": "Weight value (grams)",
    "Variant Weight Unit": "Weight unit for display",
    "Variant Requires Shipping": "Requires shipping",
    "Variant Fulfillment Service": "Fulfillment service",
    "Image Src": "Product image URL",
    "Image Position": "Image position",
    "Image Alt Text": "Image alt text",
    "Variant Image": "Variant image URL",
    "Gift Card": "Gift card",
    "SEO Title": "SEO title",
    "SEO Description": "SEO description",
    "Google Shopping / Gender": "Google Shopping / Gender",
}
NEWER_SHOPIFY_HEADER = ",".join(_NEWER.values())
NEWER_SHOPIFY_ROWS = [
    {_NEWER[name]: cell for name, cell in row.items()} for row in SHOPIFY_ROWS
]

# WooCommerce: a dress in three colors, whose variations name it by SKU; a hat, which
# has none, by id; a plain belt in two categories; a set; and a watch sold elsewhere.
WOOCOMMERCE_HEADER = (
    'ID,Type,SKU,"GTIN, UPC, EAN, or ISBN",Name,Published,"Is featured?",'
    '"Visibility in catalog","Short description",Description,'
    '"Date sale price starts","Date sale price ends","Tax status","Tax class",'
    '"In stock?",Stock,"Low stock amount","Backorders allowed?","Sold individually?",'
    '"Weight (kg)","Length (cm)","Width (cm)","Height (cm)","Allow customer reviews?",'
    '"Purchase note","Sale price","Regular price",Categories,Tags,"Shipping class",'
    'Images,"Download limit","Download expiry days",Parent,"Grouped products",Upsells,'
    'Cross-sells,"External URL","Button text",Position,Brands,"Attribute 1 name",'
    '"Attribute 1 value(s)","Attribute 1 visible","Attribute 1 global",'
    '"Attribute 2 name","Attribute 2 value(s)","Attribute 2 visible",'
    '"Attribute 2 global"'
)
WOO = "https://shop.example/wp-content/uploads/2024/05/"
WOOCOMMERCE_ROWS = [
    {
        "ID": "10",
        "Type": "variable",
        "SKU": "DRESS",
        "Name": "Dress",
        "Categories": "Clothing > Dresses, Sale",
        "Images": f"{WOO}dress.jpg, {WOO}dress-back.jpg",
        "Brands": "Acme",
        "Attribute 1 name": "Farbe",
        "Attribute 1 value(s)": "Rot, Blau, Schwarz\\, matt",
        "Attribute 2 name": "Größe",
        "Attribute 2 value(s)": "S, M",
    },
    {
        "ID": "11",
        "Type": "variation",
        "SKU": "DRESS-R",
        "Name": "Dress - Rot",
        "Images": f"{WOO}dress-red.jpg",
        "Parent": "DRESS",
        "Attribute 1 name": "Farbe",
        "Attribute 1 value(s)": "Rot",
        "Attribute 2 name": "Größe",
        "Attribute 2 value(s)": "S",
    },
    {
        "ID": "12",
        "Type": "variation, downloadable",
        "SKU": "",
        "Name": "Dress - Blau",
        "Parent": "DRESS",
        "Attribute 1 name": "Farbe",
        "Attribute 1 value(s)": "Blau",
    },
    {
        "ID": "13",
        "Type": "variation",
        "SKU": "DRESS-M",
        "Name": "Dress - Schwarz, matt",
        "Images": f"{WOO}w_200\\,h_300/dress-black.jpg",
        "Parent": "DRESS",
        "Attribute 1 name": "Farbe",
        "Attribute 1 value(s)": "Schwarz\\, matt",
    },
    {
        "ID": "20",
        "Type": "variable",
        "Name": "Hat",
        "Categories": "Hats\\, caps",
        "Images": f"{WOO}hat.jpg",
        "Attribute 1 name": "pa_color",
        "Attribute 1 value(s)": "Green",
    },
    {
        "ID": "21",
        "Type": "variation",
        "SKU": "HAT-G",
        "Name": "Hat - Green",
        "Parent": "id:20",
        "Attribute 1 name": "pa_color",
        "Attribute 1 value(s)": "Green",
    },
    {
        "ID": "30",
        "Type": "simple",
        "SKU": "BELT",
        "Name": "Belt",
        "Categories": "Belts, Sale",
        "Images": f"{WOO}belt.jpg",
        "Regular price": "12",
        "Attribute 1 name": "Colour",
        "Attribute 1 value(s)": "Brown, Black",
    },
    {
        "ID": "40",
        "Type": "grouped",
        "SKU": "SET",
        "Name": "Set",
        "Images": f"{WOO}set.jpg",
        "Grouped products": "BELT, DRESS",
    },
    {
        "ID": "50",
        "Type": "external",
        "SKU": "WATCH",
        "Name": "Watch",
        "Categories": "Watches",
        "Images": f"{WOO}watch.jpg",
        "External URL": "https://other.example/watch",
    },
]

# Google Merchant Center: a shoe in two colors, one of them in two sizes; and a bag.
MERCHANT_HEADER = (
    "id,title,description,link,image_link,additional_image_link,availability,price,"
    "sale_price,brand,gtin,mpn,condition,google_product_category,product_type,color,"
    "size,gender,age_group,material,item_group_id"
)
FEED = "https://shop.example/img/"
_SHOE = {
    "title": "Shoe",
    "availability": "in_stock",
    "price": "59.00 EUR",
    "google_product_category": "Apparel & Accessories > Shoes",
    "product_type": "Shoes > Sneakers",
    "item_group_id": "SHOE",
}
MERCHANT_ROWS = [
    _SHOE
    | {
        "id": "SHOE-W-40",
        "image_link": f"{FEED}w.jpg",
        "additional_image_link": f"{FEED}w,side.jpg,{FEED}w2.jpg",
        "color": "White",
        "size": "40",
    },
    _SHOE
    | {"id": "SHOE-W-41", "image_link": f"{FEED}w.jpg", "color": "White", "size": "41"},
    _SHOE
    | {
        "id": "SHOE-B-40",
        "image_link": f"{FEED}b.jpg",
        "color": "Black/Red",
        "size": "40",
    },
    {
        "id": "BAG",
        "title": "Bag",
        "image_link": f"{FEED}bag.jpg",
        "google_product_category": "Apparel & Accessories > Handbags",
        "product_type": "Bags",
        "item_group_id": "BAG",
        "color": "Tan",
    },
]

# Magento 2: a hoodie in two colors, with a translation; a plain bag; and a set.
MAGENTO_HEADER = (
    "sku,store_view_code,attribute_set_code,product_type,categories,product_websites,"
    "name,description,short_description,weight,product_online,tax_class_name,"
    "visibility,price,special_price,special_price_from_date,special_price_to_date,"
    "url_key,meta_title,meta_keywords,meta_description,base_image,base_image_label,"
    "small_image,small_image_label,thumbnail_image,thumbnail_image_label,swatch_image,"
    "swatch_image_label,created_at,updated_at,new_from_date,new_to_date,"
    "additional_attributes,qty,out_of_stock_qty,is_in_stock,website_id,related_skus,"
    "crosssell_skus,upsell_skus,additional_images,additional_image_labels,"
    "hide_from_product_page,bundle_values,configurable_variations,"
    "configurable_variation_labels,associated_skus"
)
_CATEGORIES = "Default Category/Men,Default Category/Men/Tops/Hoodies,Default Category"
MAGENTO_ROWS = [
    {
        "sku": "MH01-XS-Black",
        "attribute_set_code": "Top",
        "product_type": "simple",
        "categories": _CATEGORIES,
        "name": "Hoodie-XS-Black",
        "price": "52.00",
        "base_image": "/m/h/mh01-black_main.jpg",
        "additional_attributes": "color=Black,climate=Cool|Indoor,size=XS",
        "additional_images": "/m/h/mh01-black_main.jpg,/m/h/mh01-black_back.jpg",
    },
    {
        "sku": "MH01-XS-Gray",
        "attribute_set_code": "Top",
        "product_type": "simple",
        "name": "Hoodie-XS-Gray",
        "base_image": "no_selection",
        "additional_attributes": 'note="one, two",color="Gray",size="XS"',
    },
    {
        "sku": "MH01",
        "attribute_set_code": "Top",
        "product_type": "configurable",
        "categories": _CATEGORIES,
        "name": "Hoodie",
        "base_image": "/m/h/mh01_main.jpg",
        "additional_images": "/m/h/mh01_main.jpg,/m/h/mh01_alt.jpg",
        "configurable_variations": "sku=MH01-XS-Black,size=XS,color=Black"
        "|sku=MH01-XS-Gray,size=XS,color=Gray",
        "configurable_variation_labels": "size=Size,color=Color",
    },
    {"sku": "MH01", "store_view_code": "de", "name": "Kapuzenjacke"},
    {
        "sku": "24-MB01",
        "attribute_set_code": "Bag",
        "product_type": "simple",
        "categories": "Default Category/Gear|Default Category/Gear/Bags",
        "name": "Duffle bag",
        "base_image": "/m/b/mb01-blue-0.jpg",
        "additional_attributes": "activity=Gym|Hiking",
    },
    {
        "sku": "24-WG085",
        "attribute_set_code": "Default",
        "product_type": "grouped",
        "name": "Set of straps",
        "base_image": "/l/u/set.jpg",
        "associated_skus": "24-WG086=0.0000",
    },
]

# Akeneo: a jacket in two colors, and a cap, with values by locale and channel.
AKENEO_HEADER = (
    "uuid;sku;categories;enabled;family;parent;groups;collection;color;"
    "description-de_DE-ecommerce;description-en_US-ecommerce;ean;erp_name-en_US;image;"
    "name-de_DE;name-en_US;price-EUR;price-USD;size;variation_image;weight;weight-unit"
)
AKENEO_ROWS = [
    {
        "uuid": "4168a79a-65b7-418f-b713-ac25b0291131",
        "sku": "jacket-navy-s",
        "categories": "master_men_jackets,print_sales",
        "enabled": "1",
        "family": "clothing",
        "parent": "jacket",
        "color": "navy_blue",
        "image": "files/jacket-navy-s/image/navy.jpg",
        "name-de_DE": "Jacke",
        "name-en_US": "Jacket",
        "price-EUR": "99.00",
        "size": "s",
    },
    {
        "uuid": "9f987844-e0c9-4f89-80e0-bdedd597f888",
        "sku": "jacket-red-s",
        "categories": "master_men_jackets,print_sales",
        "enabled": "0",
        "family": "clothing",
        "parent": "jacket",
        "color": "red",
        "image": "files/jacket-red-s/image/red.jpg",
        "name-en_US": "Jacket",
        "size": "s",
    },
    {
        "uuid": "0bca8f20-be4c-4b9e-ba12-877cc29f6072",
        "sku": "cap",
        "categories": "master_accessories_hats",
        "enabled": "1",
        "family": "accessories",
        "color": "red",
        "image": "files/cap/image/cap.png",
        "name-en_US": "Cap",
    },
]


def table(header, rows, separator=","):
    """The text of a table: a header, and the rows, of which cells may be missing."""
    names = next(csv.reader([header], delimiter=separator))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, "", delimiter=separator)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def merchant_feed():
    """The feed of Google Merchant Center, separated by tabs."""
    return table(MERCHANT_HEADER.replace(",", "\t"), MERCHANT_ROWS, "\t")


EXPORTS = {
    "shopify": table(SHOPIFY_HEADER, SHOPIFY_ROWS),
    "newer shopify": table(NEWER_SHOPIFY_HEADER, NEWER_SHOPIFY_ROWS),
    "woocommerce": table(WOOCOMMERCE_HEADER, WOOCOMMERCE_ROWS),
    "merchant": merchant_feed(),
    "magento": table(MAGENTO_HEADER, MAGENTO_ROWS),
    "akeneo": table(AKENEO_HEADER, AKENEO_ROWS, ";"),
}
