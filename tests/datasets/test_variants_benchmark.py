"""hm_personalized_fashion/variants: its lists, its photos, and what is missing."""

import csv
import dataclasses
import io
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cv_tf.catalog import Catalog, CatalogError
from cv_tf.datasets import format_prepared, prepare_dataset
from cv_tf.datasets.variants_benchmark import (
    SPLITS,
    completeness_of,
    shrink,
    split_of_article,
)

ROOT = Path(__file__).parents[2]
NAME = "hm_personalized_fashion/variants"
TRAIN, VALIDATION = (
    [article for article, of in split_of_article().items() if of == split]
    for split in SPLITS
)


def jpeg(width, height, mode="RGB"):
    shades = np.linspace(0, 255, width * height).reshape(height, width)
    buffer = io.BytesIO()
    Image.fromarray(shades.astype(np.uint8)).convert(mode).save(buffer, "JPEG")
    return buffer.getvalue()


def broken_png():
    """A PNG whose second chunk has another name: Pillow raises a SyntaxError of it."""
    buffer = io.BytesIO()
    Image.new("RGB", (400, 600)).save(buffer, "PNG")
    return buffer.getvalue().replace(b"IDAT", b"\x00\x01\x02\x03", 1)


def catalog_of(splits):
    """Products with these ids, in these splits."""
    number = len(splits)
    return Catalog(
        name=NAME,
        product_id=np.array(list(splits), object),
        image=np.full(number, "", object),
        style=np.array([int(article[:7]) for article in splits], np.int32),
        block=np.zeros(number, np.int32),
        block_names=("Bag",),
        split=np.array(list(splits.values()), object),
        color=None,
        box=None,
        line=np.arange(number, dtype=np.int32),
        folder="",
    )


def write_owner(folder, articles, missing=()):
    """The owner's layout, with photos of 350 x 525 pixels."""
    (folder / "images").mkdir(parents=True)
    columns = ["article_id", "product_code", "prod_name", "product_type_name"]
    columns += ["product_group_name", "graphical_appearance_name"]
    columns += ["colour_group_name", "index_group_name", "detail_desc"]
    with (folder / "articles.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for article in articles:
            words = ("name", "Bag", "Accessories", "Stripe", "Black", "Sport", "5-pack")
            writer.writerow([article, article[:7], *words])
            path = folder / "images" / article[:3] / f"{article}.jpg"
            path.parent.mkdir(exist_ok=True)
            if article not in missing:
                path.write_bytes(jpeg(350, 525))


class TestLists:
    def test_numbers(self):
        assert (len(TRAIN), len(VALIDATION)) == (5923, 2173)
        for ids, styles, groups in ((TRAIN, 3903, 1212), (VALIDATION, 1392, 437)):
            # The style is the product code: the first seven digits of the id.
            sizes = Counter(article[:7] for article in ids)
            assert len(sizes) == styles
            assert sum(size > 1 for size in sizes.values()) == groups

    def test_ids_are_ten_digits_each_once_and_sorted(self):
        for ids in (TRAIN, VALIDATION):
            assert all(len(article) == 10 and article.isdigit() for article in ids)
            assert ids == sorted(set(ids))

    def test_no_style_is_in_both_splits(self):
        assert not {it[:7] for it in TRAIN} & {it[:7] for it in VALIDATION}

    @pytest.mark.parametrize("split", SPLITS)
    def test_benchmarks_has_the_lists_of_the_package(self, split):
        shown = ROOT / "benchmarks" / "variants" / f"{split}.txt"
        kept = ROOT / "cv_tf" / "datasets" / "variants" / f"{split}.txt"
        assert shown.read_bytes() == kept.read_bytes()


class TestPhotos:
    @pytest.mark.parametrize("size", [(192, 288), (288, 192), (40, 30)])
    def test_what_is_small_enough_keeps_its_bytes(self, size):
        photo = jpeg(*size)
        assert shrink(photo) == photo

    @pytest.mark.parametrize(
        ("size", "smaller"),
        [
            ((1166, 1750), (192, 288)),
            ((1750, 1166), (288, 192)),
            ((289, 100), (288, 100)),
            ((3000, 2), (288, 1)),
        ],
    )
    @pytest.mark.parametrize("mode", ["RGB", "L"])
    def test_the_long_edge_of_others_is_288_pixels(self, size, smaller, mode):
        with Image.open(io.BytesIO(shrink(jpeg(*size, mode)))) as image:
            assert (image.size, image.mode, image.format) == (smaller, "RGB", "JPEG")
            # Quality 88 takes 24% of the standard's 16 (the first), 10 and 121.
            table = image.quantization[0]
            assert (table[0], min(table), max(table)) == (4, 2, 29)
            assert [layer[1:3] for layer in image.layer] == [(2, 2), (1, 1), (1, 1)]

    def test_what_it_shows_stays(self):
        with Image.open(io.BytesIO(shrink(jpeg(400, 600)))) as image:
            column = np.asarray(image.convert("L"), float).mean(axis=1)
        assert np.abs(column - np.linspace(0, 255, 288)).max() < 3

    def test_what_is_no_photo_is_told(self):
        with pytest.raises(CatalogError, match="cannot be read as a photo"):
            shrink(b"no photo")


class TestCompleteness:
    def test_all_there(self):
        found = completeness_of(catalog_of(split_of_article()))
        assert found.is_complete
        assert found.missing == {"train": (), "validation": ()}
        assert found.sentence().startswith(
            "All 8,096 articles of the benchmark are there: the figures are comparable"
        )

    def test_what_is_missing_is_told_by_split(self):
        splits = dict(split_of_article())
        for article in TRAIN[2:7]:
            del splits[article]
        splits[VALIDATION[0]] = "train"  # In the wrong split.
        found = completeness_of(catalog_of(splits | {"0000000001": "train"}))
        assert not found.is_complete
        assert found.listed == {"train": 5923, "validation": 2173}
        assert found.missing["train"] == tuple(TRAIN[2:7])
        assert found.missing["validation"] == (VALIDATION[0],)
        assert found.others == 2
        text = found.sentence()
        assert text.startswith("The figures are not comparable with those of docs/")
        assert (
            f"5 of 5,923 articles of train are missing, such as {TRAIN[2]}, "
            f"{TRAIN[3]}, {TRAIN[4]}; 1 of 2,173 articles of validation are missing, "
            f"such as {VALIDATION[0]}; 2 products are not on its list. Download the "
            "missing photos,"
        ) in text

    def test_one_product_too_many_is_no_longer_the_benchmark(self):
        splits = dict(split_of_article()) | {"0000000001": "train"}
        assert not completeness_of(catalog_of(splits)).is_complete

    def test_styles_are_those_of_the_ids(self):
        whole = catalog_of(split_of_article())
        one = whole.style == Counter(whole.style.tolist()).most_common(1)[0][0]
        split = np.where(np.cumsum(one) * one == 1, whole.style.max() + 1, whole.style)
        found = completeness_of(dataclasses.replace(whole, style=split))
        assert found.other_styles == one.sum() > 1
        assert not found.is_complete
        assert (
            f": {one.sum()} articles are not of one style with exactly those whose ids "
            "begin with the same 7 digits. Take the products, splits and styles of hm_"
        ) in found.sentence()

    @pytest.mark.parametrize("style", ["none", "all"])
    def test_without_styles_or_with_one_for_all_it_is_another_benchmark(self, style):
        whole = catalog_of(split_of_article())
        styles = np.full(len(whole), -1 if style == "none" else 0, np.int32)
        found = completeness_of(dataclasses.replace(whole, style=styles))
        assert found.other_styles > 4000


class TestBuilder:
    def test_listed_articles_alone_are_kept_and_missing_ones_told(self, tmp_path):
        ids = [*TRAIN[:3], *VALIDATION[:2]]
        write_owner(tmp_path / "hm", [*ids, "0000000001"], missing=TRAIN[1:2])
        prepared = prepare_dataset(
            NAME, str(tmp_path / "hm"), str(tmp_path / "data"), progress=False
        )
        catalog = prepared.catalog
        splits = dict(zip(catalog.product_id, catalog.split, strict=True))
        expected = {article: split_of_article()[article] for article in ids}
        del expected[TRAIN[1]]
        assert splits == expected
        for row in map(int, catalog.record):
            with Image.open(io.BytesIO(catalog.records(row))) as image:
                assert image.size == (192, 288)
        assert prepared.left_out == {
            "no article of the benchmark": {"count": 1, "example": "0000000001"},
            "no photo": {"count": 1, "example": TRAIN[1]},
        }
        assert prepared.completeness is not None
        missing = prepared.completeness.missing
        assert {name: len(of) for name, of in missing.items()} == {
            "train": 5921,
            "validation": 2171,
        }
        assert "5,921 of 5,923 articles of train are missing" in (
            format_prepared(prepared)
        )

    def prepare(self, folder, **options):
        hm, data = str(folder / "hm"), str(folder / "data")
        return prepare_dataset(NAME, hm, data, progress=False, **options)

    @pytest.mark.parametrize(
        "damage",
        {
            "no photo": lambda photo: b"half a download",
            "cut": lambda photo: photo[: len(photo) // 2],
            "small and cut": lambda photo: shrink(photo)[:-200],
            "a broken chunk": lambda photo: broken_png(),
        }.values(),
    )
    def test_photos_that_cannot_be_read_are_left_out_and_counted(
        self, damage, tmp_path
    ):
        write_owner(tmp_path / "hm", TRAIN[:3])
        names = [f"{article[:3]}/{article}.jpg" for article in TRAIN[:2]]
        for name in names:
            photo = tmp_path / "hm" / "images" / name
            photo.write_bytes(damage(photo.read_bytes()))
        for _ in range(2):  # The second time it is there.
            prepared = self.prepare(tmp_path)
            assert prepared.catalog.product_id.tolist() == [TRAIN[2]]
            (cell,) = prepared.left_out.values()
            assert cell["count"] == 2
            assert names[0].endswith(cell["example"].rpartition("/")[2])
            assert "photo cannot be read" in format_prepared(prepared)
            assert prepared.completeness is not None
            assert TRAIN[0] in prepared.completeness.missing["train"]

    def test_where_no_photo_can_be_read_it_is_an_error(self, tmp_path):
        write_owner(tmp_path / "hm", TRAIN[:1])
        photo = tmp_path / "hm" / "images" / TRAIN[0][:3] / f"{TRAIN[0]}.jpg"
        photo.write_bytes(b"half a download")
        with pytest.raises(CatalogError, match=rf"{TRAIN[0]}\.jpg': it cannot be read"):
            self.prepare(tmp_path)

    def test_blocks_that_are_not_there_are_told_before_photos_are_read(self, tmp_path):
        write_owner(tmp_path / "hm", TRAIN[:1])
        with pytest.raises(CatalogError, match="no feature 'shelf'; there are"):
            self.prepare(tmp_path, block_columns=("shelf",))
        assert not list((tmp_path / "data").rglob("*.tfrecord*"))

    def test_other_sets_say_nothing_of_the_benchmark(self, tmp_path):
        write_owner(tmp_path / "hm", TRAIN[:1])
        name = "hm_personalized_fashion/all"
        prepared = prepare_dataset(
            name, str(tmp_path / "hm"), str(tmp_path / "data"), progress=False
        )
        assert prepared.completeness is None
        assert "comparable" not in format_prepared(prepared)


@pytest.mark.slow
@pytest.mark.integration  # Prepares 8,096 photos.
def test_it_is_hm_dev_product_by_product(hm_dev, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    from variants_layout import lay_out  # noqa: PLC0415 (on the path within a test)

    articles = hm_dev.with_name("hm_dev_articles.csv")
    lay_out(hm_dev / "catalog.csv", articles, tmp_path / "hm")
    prepared = prepare_dataset(
        NAME, str(tmp_path / "hm"), str(tmp_path / "data"), progress=False
    )
    assert prepared.completeness is not None
    assert prepared.completeness.is_complete
    assert prepared.left_out == {}

    with articles.open(newline="") as file:
        article_of = {it["product_id"]: it["article_id"] for it in csv.DictReader(file)}
    with (hm_dev / "catalog.csv").open(newline="") as file:
        expected = {article_of[it["product_id"]]: it for it in csv.DictReader(file)}
    catalog = prepared.catalog
    assert set(catalog.product_id) == set(expected)
    styles = set()
    for row, article in enumerate(catalog.product_id):
        product = expected[article]
        photo = catalog.records(int(catalog.record[row]))
        assert photo == (hm_dev / product["image"]).read_bytes()
        assert catalog.split[row] == product["split"]
        assert catalog.color[row] == product["color"]
        assert catalog.block_names[catalog.block[row]] == product["category"]
        styles.add((int(catalog.style[row]), product["style_id"]))
    # One number for each style, and one style for each number.
    assert len(styles) == len(dict(styles)) == len({style for _, style in styles})
    assert len(styles) == 5295
