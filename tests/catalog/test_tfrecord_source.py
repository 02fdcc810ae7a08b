"""Records of TFRecord files in order and by their number."""

from pathlib import Path

import pytest
import tensorflow_datasets as tfds

from cv_tf.catalog import CatalogError
from cv_tf.catalog.catalog_builder import write_shards
from cv_tf.catalog.tfrecord_source import TFRecordSource

NUM_PRODUCTS = 30  # Of the split "train".


@pytest.fixture(scope="module")
def folder(drawn_catalog, tmp_path_factory):
    data_dir = tmp_path_factory.mktemp("data")
    return write_shards(drawn_catalog, data_dir, file_format="tfrecord", progress=False)


@pytest.fixture(scope="module")
def make_source(folder):
    """A function from a split to a source that nothing was read of yet."""
    builder = tfds.builder_from_directory(folder)
    decoders = {"image": tfds.decode.SkipDecoding()}
    return lambda split: TFRecordSource(builder, split, decoders)


def ids(examples):
    return [example["product_id"] for example in examples]


def test_a_number_can_be_read_before_anything_was_iterated_over(make_source):
    whole = ids(make_source("train"))
    assert len(set(whole)) == NUM_PRODUCTS
    source = make_source("train")
    assert len(source) == NUM_PRODUCTS
    assert ids(source[i] for i in (29, 0, 7)) == [whole[29], whole[0], whole[7]]


def test_a_slice_has_numbers_of_its_own(make_source):
    whole, source = ids(make_source("train")), make_source("train[10:14]")
    assert source[1]["product_id"] == whole[11]
    assert ids(source) == whole[10:14]
    with pytest.raises(IndexError, match="no example 4 of 4"):
        source[4]


def test_iterations_and_numbers_do_not_disturb_each_other(make_source):
    source = make_source("train")
    whole = ids(source)
    for i, (example, same) in enumerate(zip(source, source, strict=True)):
        assert example["product_id"] == same["product_id"] == whole[i]
        assert source[-i + 29]["product_id"] == whole[-i + 29]


@pytest.mark.parametrize("num_bytes", [1, 2000])
def test_a_file_that_is_cut_off_is_told(folder, make_source, num_bytes):
    (shard,) = Path(folder).glob("*-validation.tfrecord*")
    whole = shard.read_bytes()
    shard.write_bytes(whole[:-num_bytes])
    try:
        with pytest.raises(CatalogError, match=r"-validation.* is cut off\. Copy"):
            list(make_source("validation"))
    finally:
        shard.write_bytes(whole)
