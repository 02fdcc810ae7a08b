import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from cv_tf.catalog import CatalogError, load_dataset, read_catalog
from cv_tf.catalog.catalog_builder import CatalogBuilder, write_shards

ROWS = """product_id,image,style_id,color,category,gender,split,x,y,width,height
007,a.jpg,S2,Red,Shirt,Men,train,1,2,3,4
08,b.png,S1,Blue,Dress,Women,validation,,,,
9,c.webp,,Green,Shirt,Women,train,,,,
"""
BLOCKS = ("category", "gender")


@pytest.fixture
def table(tmp_path):
    for name in ("a.jpg", "b.png", "c.webp"):
        Image.new("RGB", (20, 30), (90, 0, 0)).save(tmp_path / name)
    path = tmp_path / "shoes.csv"
    path.write_text(ROWS, encoding="utf-8")
    return path


def write(table, data_dir, **kwargs):
    return write_shards(table, data_dir, block_columns=BLOCKS, progress=False, **kwargs)


def test_shards_hold_what_the_table_says(table, tmp_path):
    folder = write(table, tmp_path / "data")
    for name, data_dir in ((folder, None), ("catalog/shoes", tmp_path / "data")):
        shards = load_dataset(
            name, data_dir, block_columns=BLOCKS, split="train+validation"
        )
        catalog = read_catalog(table, BLOCKS).select(np.array([0, 2, 1]))
        for column in ("product_id", "style", "block", "split", "color"):
            assert list(getattr(shards, column)) == list(getattr(catalog, column))
        assert shards.block_names == catalog.block_names
        np.testing.assert_array_equal(shards.box, catalog.box)
        for row in range(3):
            with open(catalog.image[row], "rb") as file:  # noqa: PTH123
                assert shards.records(int(shards.record[row])) == file.read()


def test_a_table_without_optional_columns_is_one_training_split(tmp_path):
    Image.new("L", (9, 9)).save(tmp_path / "a.png")
    table = tmp_path / "plain.csv"
    table.write_text("product_id,image\n1,a.png\n", encoding="utf-8")
    folder = write_shards(table, tmp_path / "data", block_columns=(), progress=False)
    shards = load_dataset(folder, block_columns=(), progress=False)
    assert list(shards.split) == ["train"]
    assert list(shards.style) == [-1]
    assert shards.box is None


def test_a_bad_table_is_refused_before_anything_is_written(table, tmp_path):
    table.write_text(ROWS + "9,a.jpg,,Blue,,,train,,,,\n", encoding="utf-8")
    with pytest.raises(CatalogError, match="line 5: product_id '9' was already"):
        write(table, tmp_path / "data")
    assert not list((tmp_path / "data").rglob("*.array_record*"))


def test_missing_photos_are_told_or_stored_as_nothing(table, tmp_path):
    (tmp_path / "b.png").unlink()
    with pytest.raises(CatalogError, match=r"line 3: image '.*b.png' does not exist"):
        write(table, tmp_path / "data")
    folder = write(table, tmp_path / "data", on_bad_image="reject")
    shards = load_dataset(folder, split="validation", block_columns=BLOCKS)
    assert shards.records(0) == b""


def test_an_empty_split_is_told_with_its_line(table, tmp_path):
    table.write_text(ROWS.replace("validation", ""), encoding="utf-8")
    with pytest.raises(CatalogError, match="line 3: split is empty"):
        write(table, tmp_path / "data")


@pytest.mark.parametrize("name", ["test set", "a+b", "train/x", "50%", "ALL", "all"])
def test_a_split_that_tfds_does_not_understand(name, table, tmp_path):
    table.write_text(ROWS.replace("validation", name), encoding="utf-8")
    with pytest.raises(CatalogError) as error:
        write(table, tmp_path / "data")
    assert f"line 3: split is {name!r}" in str(error.value)
    assert "named by letters" in str(error.value)
    assert not list((tmp_path / "data").rglob("*.array_record*"))


@pytest.mark.parametrize("name", ["image", "box"])
def test_blocks_of_columns_that_shards_have_for_themselves(name, tmp_path):
    (tmp_path / "c.csv").write_text("product_id,image,box\n1,a.png,x\n")
    with pytest.raises(CatalogError, match=f"no block can be made of '{name}'"):
        write_shards(tmp_path / "c.csv", tmp_path / "data", block_columns=[name])


def test_shards_that_are_there_are_not_overwritten(table, tmp_path):
    write(table, tmp_path / "data")
    with pytest.raises(CatalogError, match="already in"):
        write(table, tmp_path / "data")
    write(table, tmp_path / "data", name="boots")
    assert load_dataset("catalog/boots", tmp_path / "data", block_columns=BLOCKS)


def test_tfds_knows_the_builder_by_its_name():
    assert "catalog" in tfds.list_builders(with_community_datasets=False)
    assert tfds.builder_cls("catalog") is CatalogBuilder
