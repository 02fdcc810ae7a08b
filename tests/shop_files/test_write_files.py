"""Files for shops: their names, JSON, and that they appear whole."""

import json

import pytest

from cv_tf.choices import SHOP_FORMATS
from cv_tf.errors import UserError
from cv_tf.settings import ConfigError
from cv_tf.shop_files import (
    ShopFileSettings,
    akeneo_csv,
    check_shop_file,
    check_shop_settings,
    shop_file_paths,
    write_shop_file,
)

OPTIONS = {"akeneo": {"akeneo_family_variant": "clothing_color"}}


def test_json_has_all_that_is_known(shop, tmp_path):
    summary = write_shop_file(tmp_path / "a.jsonl", "jsonl", shop)
    lines = (tmp_path / "a.jsonl").read_text(encoding="utf-8").splitlines()
    products = [json.loads(line) for line in lines]
    assert [it["product_id"] for it in products] == list(shop.product_id)
    assert set(products[0]) == {
        *("product_id", "group_id", "group_size", "representative", "color", "image"),
        *shop.extras,
    }
    assert products[1]["group_id"] == "A1"
    assert products[1]["group_size"] == 2
    assert products[1]["sale_price"] == "15.00 EUR"
    assert products[0]["sale_price"] == ""
    assert (summary.num_products, summary.num_groups, summary.notes) == (6, 2, ())


def test_json_holds_hostile_text_as_it_is(hostile, tmp_path):
    write_shop_file(tmp_path / "a.jsonl", "jsonl", hostile)
    lines = (tmp_path / "a.jsonl").read_text(encoding="utf-8").split("\n")
    titles = [json.loads(line)["title"] for line in lines[:-1]]
    assert titles == list(hostile.extras["title"])


@pytest.mark.parametrize("name", SHOP_FORMATS)
def test_the_same_products_make_the_same_file(name, hostile, tmp_path):
    texts = []
    for path in (tmp_path / "a.csv", tmp_path / "b.csv"):
        write_shop_file(path, name, hostile, **OPTIONS.get(name, {}))
        texts.append([it.read_bytes() for it in shop_file_paths(path, name)])
    assert texts[0] == texts[1]


@pytest.mark.parametrize("name", SHOP_FORMATS)
def test_a_catalogue_of_groups_of_one_can_be_written(name, listing_of, tmp_path):
    listing = listing_of([["a"], ["b"]])
    summary = write_shop_file(
        tmp_path / "a.csv", name, listing, **OPTIONS.get(name, {})
    )
    assert summary.num_groups == 0
    assert all(it.exists() for it in shop_file_paths(tmp_path / "a.csv", name))


def test_nothing_half_written_stays(shop, tmp_path, monkeypatch):
    path = tmp_path / "a.csv"
    path.write_text("old")
    write, written = akeneo_csv._write, []

    def failing(place, columns, rows):
        if written:
            raise RuntimeError("stopped")
        written.append(write(place, columns, rows))

    monkeypatch.setattr(akeneo_csv, "_write", failing)
    with pytest.raises(RuntimeError):
        write_shop_file(path, "akeneo", shop, **OPTIONS["akeneo"])
    assert written
    assert path.read_text() == "old"
    assert [it.name for it in tmp_path.iterdir()] == ["a.csv"]


def test_formats_are_those_that_there_are(shop, tmp_path):
    with pytest.raises(UserError, match="format is 'magento'; choose one of: merchant"):
        write_shop_file(tmp_path / "a.csv", "magento", shop)


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"format": "shopify"}, "--shop_file=shop.csv"),
        ({"format": "jsonl"}, "--shop_file=shop.jsonl"),
        ({"shop_file": "a.csv"}, "--format=merchant|shopify|woocommerce"),
        ({"format": "magento", "shop_file": "a.csv"}, "is not one of: merchant"),
        ({"format": "akeneo", "shop_file": "a.csv"}, "--akeneo_family_variant go"),
        ({"akeneo_family_variant": "x"}, "--akeneo_family_variant go together"),
        ({"currency": "euro"}, "code of three capital letters"),
    ],
)
def test_settings_that_do_not_go_together(settings, what):
    with pytest.raises(ConfigError) as error:
        check_shop_settings(ShopFileSettings(**settings))
    assert what in str(error.value)


def test_files_are_checked_before_anything_is_done(tmp_path):
    assert check_shop_file(ShopFileSettings(), False) == ()
    path = tmp_path / "a.csv"
    settings = ShopFileSettings(
        format="akeneo", shop_file=str(path), akeneo_family_variant="x"
    )
    names = [it.name for it in check_shop_file(settings, False)]
    assert names == ["a.csv", "a.models.csv", "a.options.csv"]
    (tmp_path / "a.models.csv").write_text("mine")
    with pytest.raises(ConfigError, match=r"a\.models\.csv' exists"):
        check_shop_file(settings, False)
    assert len(check_shop_file(settings, True)) == 3
    feed = ShopFileSettings(format="merchant", shop_file=str(path))
    with pytest.raises(ConfigError, match=r"must end in \.tsv or \.txt"):
        check_shop_file(feed, True)
