"""Records of TFRecord files in order and by their number."""

import pytest
import tensorflow_datasets as tfds

from cv_tf.catalog.catalog_builder import write_shards
from cv_tf.catalog.tfrecord_source import TFRecordSource

NUM_PRODUCTS = 30  # Of the split "train".


@pytest.fixture(scope="module")
def make_source(drawn_catalog, tmp_path_factory):
    """A function from a split to a source that nothing was read of yet."""
    folder = write_shards(
        drawn_catalog,
        tmp_path_factory.mktemp("data"),
        file_format="tfrecord",
        progress=False,
    )
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
