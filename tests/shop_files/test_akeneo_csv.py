"""Import files of Akeneo, read by its rules."""

import csv
import re

import pytest

from cv_tf.errors import UserError
from cv_tf.shop_files import write_shop_file

# As Akeneo's own tests of its import have them.
MODELS = "code;family_variant;parent\napollon;clothing_color;\n"
PRODUCTS = "sku;parent;color\n1111111121;apollon;blue\n1111111122;apollon;red\n"
OPTIONS = "code;attribute;sort_order\nblue;color;1\nred;color;2\n"


def _rows(text):
    reader = csv.DictReader(text.splitlines(), delimiter=";", strict=True)
    return list(reader)


def read_catalog(products, models, options):
    """Reads the three files as strictly as Akeneo's import; products by model."""
    known = {}
    for row in _rows(options):
        assert re.fullmatch(r"[a-zA-Z0-9_]{1,100}", row["code"])
        assert row["attribute"] == "color"
        assert row["code"].lower() not in known
        known[row["code"].lower()] = int(row["sort_order"])
    catalog = {}
    for row in _rows(models):
        assert re.fullmatch(r"[^,;\n]{1,255}", row["code"])
        assert row["code"] == row["code"].strip()
        assert row["family_variant"] == "clothing_color"
        assert row["parent"] == ""  # There is one level of variants.
        assert row["code"].lower() not in {code.lower() for code in catalog}
        catalog[row["code"]] = {}
    skus = set()
    for row in _rows(products):
        assert re.fullmatch(r"[^,;\n]{1,255}", row["sku"])
        assert row["sku"].lower() not in skus
        skus.add(row["sku"].lower())
        assert row["color"].lower() in known
        # Two variants of a model cannot have one value on the axis.
        assert row["color"] not in catalog[row["parent"]].values()
        catalog[row["parent"]][row["sku"]] = row["color"]
    assert all(catalog.values())
    return catalog


def _write(tmp_path, listing):
    path = tmp_path / "products.csv"
    summary = write_shop_file(
        path, "akeneo", listing, akeneo_family_variant="clothing_color"
    )
    names = ("products.csv", "products.models.csv", "products.options.csv")
    assert sorted(it.name for it in tmp_path.iterdir()) == sorted(names)
    return [(tmp_path / name).read_text(encoding="utf-8") for name in names], summary


def test_the_reader_takes_files_as_akeneo_writes_them():
    assert read_catalog(PRODUCTS, MODELS, OPTIONS) == {
        "apollon": {"1111111121": "blue", "1111111122": "red"}
    }


def test_groups_are_product_models(shop, tmp_path):
    texts, summary = _write(tmp_path, shop)
    assert read_catalog(*texts) == {
        "A1": {"A1": "black", "A2": "light_blue"},
        "B1": {"B1": "red", "B2": "red_m", "B3": "sand"},
    }
    assert texts[1] == (
        "code;family_variant;parent\nA1;clothing_color;\nB1;clothing_color;\n"
    )
    assert (summary.num_products, summary.num_groups) == (5, 2)
    assert {note.what: note.examples for note in summary.notes} == {
        "products of one color and two sizes, whose color has the size": ("B2",),
        "products without variants, left out: they stay as they are": ("C",),
    }


def test_ids_that_akeneo_refuses_are_left_out_and_told(listing_of, tmp_path):
    groups = [["a,b", "c", "d;e", "f" * 256], ["g;1", "g;2"]]
    texts, summary = _write(tmp_path, listing_of(groups, color={"c": "R\u00f8d"}))
    catalog = read_catalog(*texts)
    assert [list(of) for of in catalog.values()] == [["c"]]
    assert summary.notes[0].number == 5


def test_hostile_text_goes_through(hostile, tmp_path):
    texts, _ = _write(tmp_path, hostile)
    assert [len(of) for of in read_catalog(*texts).values()] == [4, 4]


def test_a_family_variant_is_needed(shop, tmp_path):
    with pytest.raises(UserError, match="none is named"):
        write_shop_file(tmp_path / "a.csv", "akeneo", shop)
    assert list(tmp_path.iterdir()) == []
