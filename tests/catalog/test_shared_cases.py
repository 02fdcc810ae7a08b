"""Tables that made trouble elsewhere, where they are on this machine."""

from pathlib import Path

import pytest

from cv_tf.catalog import read_catalog

CASES = Path(__file__).parents[2].parent / "shared" / "cases"
IDS = ("0108775010", "0108775011")
HOODIES = ("MH01-Black", "MH01-Gray")

pytestmark = pytest.mark.skipif(
    not (CASES / "shop" / "woo.csv").is_file(),
    reason=f"the cases are not on this machine ({CASES})",
)


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("spaces_after_comma/catalog.csv", IDS),
        ("excel_empty_columns/catalog.csv", IDS),
        ("utf16/catalog.csv", IDS),
        ("gz/catalog.csv.gz", IDS),
        ("backslash/catalog.csv", IDS),
        ("nfc_nfd/catalog.csv", IDS),
        ("long_cell/catalog.csv", IDS),
        ("comma_in_id/catalog.csv", ("shirt,0", "shirt,1")),
    ],
)
def test_tables_have_all_their_photos(name, first):
    catalog = read_catalog(CASES / "tables" / name)
    assert len(catalog) == 6
    assert tuple(catalog.product_id[:2]) == first
    assert [path for path in catalog.image if not Path(path).is_file()] == []
    assert catalog.more_images is None


@pytest.mark.parametrize(
    "name",
    [
        *("shopify.csv", "woo.csv", "merchant.tsv", "sku.csv", "semi.csv"),
        *("tab.tsv", "cat.jsonl", "nocat.csv", "good_url.csv"),
    ],
)
def test_exports_have_all_their_products(name):
    catalog = read_catalog(CASES / "shop" / name, fetch=False)
    assert len(catalog) == 107
    assert tuple(catalog.product_id[:2]) == HOODIES
    assert catalog.image[0].endswith("images/mh01-black_main.jpg")
    assert len(catalog.block_names) == (1 if name in ("nocat.csv", "sku.csv") else 7)


def test_rows_of_one_product_are_one():
    catalog = read_catalog(CASES / "shop" / "multi.csv", fetch=False)
    assert len(catalog) == len({*catalog.product_id}) == 10
