"""A data set as a table with photos: it is read as the same products."""

import dataclasses
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cv_tf.catalog import Catalog, objects, read_catalog, write_as_table


def _jpeg(level: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), (level, 0, 0)).save(file, "JPEG")
    return file.getvalue()


@pytest.fixture
def dataset() -> Catalog:
    """Three products whose photos are in records; the second one has no style."""
    photos = [_jpeg(level) for level in (10, 80, 160)]
    return Catalog(
        name="drawn/1.0.0",
        product_id=objects(["=1+1", "b/../c", "d"]),
        image=objects([""] * 3),
        style=np.array([0, -1, 0], np.int32),
        block=np.array([1, 0, 1], np.int32),
        block_names=("Bag / Red", "Shoe"),
        split=objects(["train", "validation", "train"]),
        color=objects(["Red", "Blue", ""]),
        box=np.array([[1, 2, 3, 4], [np.nan] * 4, [0, 0, 5, 6]], np.float32),
        line=np.arange(1, 4, dtype=np.int32),
        records=photos.__getitem__,
        record=np.array([2, 0, 1]),
        style_id=objects(["s", "", "s"]),
    )


def test_is_read_as_the_same_products(dataset, tmp_path):
    table = write_as_table(dataset, tmp_path / "deep" / "photos")
    read = read_catalog(table)
    for name in ("product_id", "style_id", "split", "color", "box"):
        np.testing.assert_array_equal(getattr(read, name), getattr(dataset, name))
    names = [read.block_names[block] for block in read.block]
    assert names == ["Shoe", "Bag / Red", "Shoe"]
    for row in range(3):
        assert Path(read.image[row]).read_bytes() == dataset.photo(row)


def test_ids_name_no_files(dataset, tmp_path):
    write_as_table(dataset, tmp_path / "photos")
    names = {path.name for path in (tmp_path / "photos").iterdir()}
    assert names == {"catalog.csv", "000000.jpg", "000001.jpg", "000002.jpg"}


def test_takes_the_place_of_a_former_one(dataset, tmp_path):
    write_as_table(dataset, tmp_path / "photos")
    fewer = dataset.select(np.array([0]))
    bare = dataclasses.replace(fewer, box=None, color=None, split=None, style_id=None)
    table = write_as_table(bare, tmp_path / "photos")
    assert len(read_catalog(table)) == 1
    assert len(list((tmp_path / "photos").iterdir())) == 2
