"""Products whose style is known, among those that are embedded."""

import logging

import numpy as np
import pytest

from cv_tf.embeddings import Embeddings, EmbeddingsError
from cv_tf.grouping import match_labels

IDS = ("d", "a", "c", "b")


@pytest.fixture
def embeddings() -> Embeddings:
    ids = np.empty(len(IDS), object)
    ids[:] = IDS
    return Embeddings(
        name="shop.parquet",
        product_id=ids,
        vectors=np.eye(4, dtype=np.float32),
        block=np.array([0, 1, 1, 0], np.int32),
        block_names=("Shirts", "Trousers"),
        image=ids,
        lab=np.arange(12, dtype=np.float32).reshape(4, 3),
        model="8f2a",
    )


def test_vectors_and_styles_go_together(embeddings):
    labels = {"a": "s9", "b": "s2", "c": "", "d": "s9"}
    known = match_labels(embeddings, labels, "labels.csv")
    assert known.product_id.tolist() == ["d", "a", "c", "b"]
    # "s2" is 0 and "s9" is 1, in sorted order; -1 is unknown.
    assert known.style.tolist() == [1, 1, -1, 0]
    assert known.style.dtype == np.int32


def test_products_that_are_not_labelled_are_left_out(embeddings, caplog):
    with caplog.at_level(logging.WARNING, "absl"):
        known = match_labels(embeddings, {"b": "s", "a": "s"}, "labels.csv")
    assert known.product_id.tolist() == ["a", "b"]
    np.testing.assert_array_equal(known.vectors, np.eye(4)[[1, 3]])
    np.testing.assert_array_equal(known.lab, [[3, 4, 5], [9, 10, 11]])
    assert known.block.tolist() == [1, 0]
    assert known.style.tolist() == [0, 0]
    assert caplog.text == ""


def test_labels_without_a_vector_are_told_of(embeddings, caplog):
    labels = {f"new {i}": "s" for i in range(1500)} | {"a": "s", "c": "t"}
    with caplog.at_level(logging.WARNING, "absl"):
        known = match_labels(embeddings, labels, "labels.csv")
    assert known.product_id.tolist() == ["a", "c"]
    assert known.style.tolist() == [0, 1]
    (record,) = caplog.records
    assert record.getMessage() == (
        "1,500 of 1,502 labelled products have no vector in shop.parquet, such as "
        "'new 0'; the others calibrate."
    )


def test_styles_of_products_without_a_vector_are_not_counted(embeddings):
    """Numbers are dense: "s1" has no vector."""
    labels = {"new": "s1", "a": "s2", "b": "s0"}
    known = match_labels(embeddings, labels, "labels.csv")
    assert known.style.tolist() == [1, 0]


@pytest.mark.parametrize(("num", "said"), [(1, "1"), (1200, "1,200")])
def test_labels_of_other_products_are_refused(num, said, embeddings):
    labels = {f"new {i}": "s" for i in range(num)}
    with pytest.raises(EmbeddingsError) as error:
        match_labels(embeddings, labels, "labels.csv")
    assert str(error.value) == (
        f"None of the {said} products of labels.csv is in shop.parquet: ids are such "
        "as 'new 0', and there such as 'd'. Name the file of their vectors with "
        "--calibrate_embeddings."
    )
