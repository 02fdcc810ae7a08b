"""The files of python -m cv_tf.group for people and shops: columns that are copied."""

import csv
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cv_tf.command import parse_flags
from cv_tf.config import ConfigError
from cv_tf.group import GroupConfig, run

IDS = ["b", "a", "x", "z", "c", "y"]
DEGREES = [0, 5, 90, 180, 10, 95]
COLORS = [[20, 0, 0], [48, 57, 32], [20, 0, 0], [90, 0, 0], [27, 3, -11], [80, 3, 58]]


@pytest.fixture
def embeddings(tmp_path):
    """Groups (a, b, c) and (x, y), and z alone; with titles and prices."""
    radians = np.deg2rad(DEGREES)
    vectors = np.stack([np.cos(radians), np.sin(radians)], axis=1)
    table = {
        "product_id": IDS,
        "image": [f"https://example.com/{it}.jpg" for it in IDS],
        "color": ["", "", "Coal", "", "", ""],
        "lab": [list(map(float, it)) for it in COLORS],
        "title": ["=1+1", "Shirt", "Dress", "Hat", "Shirt", "Dress"],
        "price": [19.9, 19.9, 30.0, None, 19.9, 30.0],
        "embedding": list(vectors.astype(np.float32)),
    }
    pq.write_table(pa.table(table), tmp_path / "vectors.parquet")
    return tmp_path / "vectors.parquet"


@pytest.fixture
def group(embeddings, tmp_path):
    """A function that groups into groups.csv, and returns the summary."""

    def group(*flags):
        argv = ["group", f"--embeddings={embeddings}", "--threshold=0.9", *flags]
        argv.append(f"--output={tmp_path / 'groups.csv'}")
        return run(parse_flags(GroupConfig, argv))

    return group


def _rows(path, **format_):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, **format_))


class TestColumns:
    def test_colors_are_those_of_the_table_or_named_by_the_photo(self, group, tmp_path):
        group()
        rows = {row["product_id"]: row for row in _rows(tmp_path / "groups.csv")}
        found = {of: (it["color"], it["color_source"]) for of, it in rows.items()}
        assert found == {
            "a": ("red", "photo"),
            "b": ("black", "photo"),
            "c": ("navy", "photo"),
            "x": ("Coal", "table"),
            "y": ("yellow", "photo"),
            "z": ("white", "photo"),
        }

    def test_are_copied_with_formulas_marked(self, group, tmp_path):
        group("--keep_columns=title,price")
        rows = {row["product_id"]: row for row in _rows(tmp_path / "groups.csv")}
        assert list(rows["a"])[-2:] == ["title", "price"]
        assert (rows["b"]["title"], rows["b"]["price"]) == ("'=1+1", "19.9")
        assert (rows["z"]["title"], rows["z"]["price"]) == ("Hat", "")

    def test_formulas_may_be_left_as_they_are(self, group, tmp_path):
        group("--keep_columns=title, title", "--formulas=leave")
        rows = {row["product_id"]: row for row in _rows(tmp_path / "groups.csv")}
        assert list(rows["a"]).count("title") == 1
        assert rows["b"]["title"] == "=1+1"

    def test_that_are_not_there_are_refused_with_those_that_are(self, group, tmp_path):
        with pytest.raises(ConfigError, match=r"'brand' to copy\. It has title, price"):
            group("--keep_columns=title,brand")
        assert not (tmp_path / "groups.csv").exists()


class TestShopFile:
    def test_has_the_groups_in_the_order_of_groups_csv(self, group, tmp_path, capsys):
        shop = tmp_path / "shop.csv"
        summary = group("--format=shopify", f"--shop_file={shop}")
        rows = _rows(shop)
        in_groups = [row["product_id"] for row in _rows(tmp_path / "groups.csv")]
        assert [row["Variant SKU"] for row in rows] == in_groups
        assert {row["Handle"] for row in rows} == {"shirt", "dress", "hat"}
        of_a = next(row for row in rows if row["Variant SKU"] == "a")
        assert (of_a["Option1 Value"], of_a["Variant Price"]) == ("red", "19.9")
        assert of_a["Variant Image"] == "https://example.com/a.jpg"
        # What a shop loads holds the text itself.
        assert rows[0]["Title"] == "Shirt"
        printed = capsys.readouterr().out
        assert "is a product CSV file of Shopify: 6 products, with 2 groups" in printed
        assert "Products without a price, which Shopify sells for 0.00: 1" in printed
        stored = json.loads((tmp_path / "groups.summary.json").read_text())
        assert stored["shop_file"] == summary["shop_file"]
        assert stored["shop_file"]["num_groups"] == 2

    def test_of_json_says_where_colors_come_from(self, group, tmp_path):
        shop = tmp_path / "shop.jsonl"
        group("--format=jsonl", f"--shop_file={shop}")
        lines = shop.read_text().splitlines()
        products = {it["product_id"]: it for it in map(json.loads, lines)}
        assert products["x"]["color_source"] == "table"
        assert products["b"]["title"] == "=1+1"
        assert products["a"]["state"] == "new"

    def test_of_akeneo_are_three_files(self, group, tmp_path):
        flags = ("--format=akeneo", f"--shop_file={tmp_path / 'pim.csv'}")
        group(*flags, "--akeneo_family_variant=clothing_color")
        products = _rows(tmp_path / "pim.csv", delimiter=";")
        assert {row["sku"] for row in products} == set("abcxy")
        models = _rows(tmp_path / "pim.models.csv", delimiter=";")
        assert {row["family_variant"] for row in models} == {"clothing_color"}
        assert len(_rows(tmp_path / "pim.options.csv", delimiter=";")) == 5

    def test_may_be_a_supplemental_feed(self, group, tmp_path, capsys):
        group("--format=merchant", f"--shop_file={tmp_path / 'feed.tsv'}")
        rows = _rows(tmp_path / "feed.tsv", delimiter="\t")
        assert list(rows[0]) == ["id", "item_group_id", "color"]
        assert "have no description, link, availability" in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("flags", "what"),
        [
            (["--format=shopify"], "no file is named"),
            (["--shop_file=shop.csv"], "has no format"),
            (["--format=shopify", "--shop_file={0}/groups.csv"], "file of --output"),
            (["--format=shopify", "--shop_file={0}/shop.txt"], "must end in .csv"),
            (
                ["--format=shopify", "--shop_file={0}/groups.threshold.csv"],
                "the thresholds",
            ),
        ],
    )
    def test_flags_that_do_not_go_together(self, flags, what, group, tmp_path):
        with pytest.raises(ConfigError) as error:
            group(*(flag.format(tmp_path) for flag in flags))
        assert what in str(error.value)
        assert not (tmp_path / "groups.csv").exists()

    def test_is_not_replaced_unasked(self, group, tmp_path):
        shop = tmp_path / "shop.csv"
        shop.write_text("mine")
        with pytest.raises(ConfigError, match=r"exists\. Pass --overwrite"):
            group("--format=shopify", f"--shop_file={shop}")
        assert shop.read_text() == "mine"
        group("--format=shopify", f"--shop_file={shop}", "--overwrite")
        assert shop.read_text().startswith("Handle,Title")


def test_groups_of_this_order_are_those_of_an_earlier_run(group, tmp_path):
    group()
    before = _rows(tmp_path / "groups.csv")
    group(f"--previous={tmp_path / 'groups.csv'}", "--overwrite")
    after = _rows(tmp_path / "groups.csv")
    assert {row["state"] for row in after} == {"unchanged"}
    same = ("product_id", "group_id", "color")
    assert [[row[it] for it in same] for row in after] == (
        [[row[it] for it in same] for row in before]
    )
