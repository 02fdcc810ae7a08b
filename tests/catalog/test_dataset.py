import logging

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from cv_tf.catalog import CatalogError, load_dataset

NAMES = ("left", "right", "both")


class TinyShoes(tfds.core.GeneratorBasedBuilder):
    """Nine photos in two splits; styles are classes, -1 is unknown."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.FeaturesDict(
                {
                    "photo": tfds.features.Image(shape=(None, None, 3)),
                    "label": tfds.features.ClassLabel(names=NAMES),
                    "shop": np.int64,
                    "box": tfds.features.Tensor(shape=(4,), dtype=np.float32),
                }
            ),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager):
        return {
            "train": self._generate_examples(range(6)),
            "test": self._generate_examples(range(6, 9)),
        }

    def _generate_examples(self, numbers):
        for i in numbers:
            yield (
                i,
                {
                    "photo": np.full((8, 9, 3), 20 * i, np.uint8),
                    "label": i % 4 if i % 4 < 3 else -1,
                    "shop": 100 + i % 2,
                    "box": np.array([1, 2, 3, 4 + i], np.float32),
                },
            )


@pytest.fixture(scope="module", params=["array_record", "tfrecord"])
def data_dir(request, tmp_path_factory):
    """The data set, prepared as files with and without an index."""
    folder = tmp_path_factory.mktemp("data")
    builder = TinyShoes(data_dir=folder)
    tfds.disable_progress_bar()
    builder.download_and_prepare(file_format=request.param)
    return folder


def load(data_dir, name="tiny_shoes", **kwargs):
    options = {"data_dir": data_dir, "block_columns": (), "progress": False}
    return load_dataset(name, **{**options, **kwargs})


def shade(encoded, tmp_path):
    (tmp_path / "image").write_bytes(encoded)
    with Image.open(tmp_path / "image") as image:
        return image.getpixel((4, 4))[0]


def test_all_splits_become_one_catalogue(data_dir, tmp_path):
    catalog = load(data_dir)
    assert len(catalog) == 9
    assert list(catalog.split) == ["train"] * 6 + ["test"] * 3
    for number in range(9):
        encoded = catalog.records(int(catalog.record[number]))
        assert shade(encoded, tmp_path) == 20 * number
        label = catalog.style[number]
        expected = {"both": 0, "left": 1, "right": 2}  # in sorted order
        name = NAMES[number % 4] if number % 4 < 3 else None
        assert label == (-1 if name is None else expected[name])
        assert catalog.style_id[number] == (name or "")
        np.testing.assert_array_equal(catalog.box[number], [1, 2, 3, 4 + number])
    assert len(set(catalog.product_id)) == 9


def test_one_split_or_a_slice_of_it(data_dir, tmp_path):
    test = load(data_dir, split="test")
    assert list(test.split) == ["test"] * 3
    assert shade(test.records(0), tmp_path) == 120
    some = load(data_dir, split="train[2:4]+test[1:]")
    assert list(some.split) == ["train", "train", "test", "test"]
    shades = [shade(some.records(int(i)), tmp_path) for i in some.record]
    assert shades == [40, 60, 140, 160]
    assert len({load(data_dir).name, test.name, some.name}) == 3


def test_numbers_can_be_blocks(data_dir):
    catalog = load(data_dir, split="train", block_columns=("shop",))
    assert catalog.block_names == ("100", "101")
    assert list(catalog.block) == [0, 1] * 3


def test_the_style_feature_can_be_named(data_dir):
    catalog = load(data_dir, split="train", style="shop")
    assert list(catalog.style) == [0, 1] * 3


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"style": "sku"}, r"no feature 'sku'; there are photo \(Image\)"),
        ({"image": "picture"}, "no feature 'picture'"),
        ({"block_columns": ("category",)}, "no feature 'category'.*--block_columns"),
        ({"split": "dev"}, r"no split 'dev'; there are \["),
        ({"name": "tiny_shoe"}, "Did you mean 'tiny_shoes'"),
        ({"name": "catalog/unknown"}, "There is no data set"),
    ],
)
def test_what_is_not_there_is_told_with_what_is(data_dir, arguments, expected):
    with pytest.raises(CatalogError, match=expected):
        load(data_dir, **arguments)


def test_a_folder_can_be_named_in_place_of_a_data_set(data_dir, tmp_path):
    folder = data_dir / "tiny_shoes" / "1.0.0"
    catalog = load(None, name=str(folder), split="test")
    assert shade(catalog.records(2), tmp_path) == 160


@pytest.mark.integration
def test_our_own_data_set_is_made_where_it_is_missing(tmp_path, capfd):
    catalog = load(
        tmp_path, name="synthetic_color_variants/tiny", block_columns=("category",)
    )
    assert set(catalog.split) == {"train", "validation"}
    assert "Dress" in catalog.block_names
    style_names = [product_id.rsplit("-", 1)[0] for product_id in catalog.product_id]
    assert list(catalog.style) == [
        sorted(set(style_names)).index(s) for s in style_names
    ]
    assert catalog.records(0)[:2] == b"\xff\xd8"
    out, err = capfd.readouterr()
    assert "examples/s" not in out + err
    assert "Downloading" not in out + err


class FloatShoes(tfds.core.GeneratorBasedBuilder):
    """Four photos whose labels are numbers and words for nothing."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        features = {
            "image": tfds.features.Image(shape=(None, None, 3)),
            "product_id": np.float64,
            "style_id": np.float32,
            "shop": np.float32,
            "ean": np.float64,
            "color": tfds.features.Text(),
        }
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.FeaturesDict(features),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        styles, colors = [12, np.nan, -1, 12], [" red", "N/A", "Ro\u0308te", "nan"]
        for i, (style, color) in enumerate(zip(styles, colors, strict=True)):
            yield (
                i,
                {
                    "image": np.zeros((8, 8, 3), np.uint8),
                    "product_id": 70001 + i,
                    "style_id": style,
                    "shop": 0.5 if i else np.nan,
                    "ean": 4006381333931,
                    "color": color,
                },
            )


def test_labels_may_be_floats_and_words_for_nothing(tmp_path, caplog):
    tfds.disable_progress_bar()
    FloatShoes(data_dir=tmp_path).download_and_prepare(file_format="array_record")
    with caplog.at_level(logging.WARNING, "absl"):
        catalog = load(tmp_path, "float_shoes", block_columns=("shop",))
    assert catalog.product_id.tolist() == ["70001", "70002", "70003", "70004"]
    assert catalog.style_id.tolist() == ["12", "", "", "12"]
    assert catalog.style.tolist() == [0, -1, -1, 0]
    assert catalog.block_names == ("(none)", "0.5")
    assert catalog.color.tolist() == ["red", "", "R\u00f6te", ""]
    said = "2 cells of 'color' hold 'N/A' or 'nan', which is taken as empty."
    assert said in caplog.text
    with pytest.raises(CatalogError, match=r"row 2: shop 0\.5 is not a whole number"):
        load(tmp_path, "float_shoes", style="shop")
    with pytest.raises(CatalogError, match=r"row 1: ean .* too large to hold every"):
        load(tmp_path, "float_shoes", style="ean")
