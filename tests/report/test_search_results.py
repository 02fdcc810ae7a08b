import dataclasses

import numpy as np
import pytest

from cv_tf.embeddings import Embeddings
from cv_tf.report import Neighbor, Product, SearchResult


def texts(*cells):
    return np.array(cells, object)


@pytest.fixture
def embeddings():
    return Embeddings(
        name="embeddings.parquet",
        product_id=texts("a", "b", "c"),
        vectors=np.eye(3, dtype=np.float32),
        block=np.array([1, 0, 1], np.int32),
        block_names=("Shirts", "Trousers"),
        image=texts("/a.jpg", "", "gs://bucket/c.jpg"),
        color=texts("red", "", "blue"),
    )


def test_a_row_as_a_product(embeddings):
    assert Product.of_row(embeddings, 0) == ("a", "/a.jpg", "Trousers", "red")
    assert Product.of_row(embeddings, 1) == ("b", "", "Shirts", "")


def test_what_a_file_does_not_say_is_not_known():
    bare = Embeddings(
        name="bare.parquet",
        product_id=texts("a"),
        vectors=np.ones((1, 1), np.float32),
        block=np.zeros(1, np.int32),
        block_names=("all",),
        image=texts(""),
    )
    assert Product.of_row(bare, 0) == ("a", "", "", "")


def test_a_photo_is_named_by_its_path():
    assert Product("", "photo.jpg").name == "photo.jpg"
    assert Product("a", "photo.jpg").name == "a"


def test_colors_that_are_known_are_compared(embeddings):
    lab = np.array([[10, 0, 0], [90, 0, 0], [np.nan] * 3], np.float32)
    colored = dataclasses.replace(embeddings, lab=lab)
    found = np.array([0, 1, 2]), *np.ones((2, 3), np.float32)
    result = SearchResult.of_rows(Product("", "photo.jpg"), colored, *found, lab[0])
    same, other, unknown = (found.same_color for found in result.neighbors)
    assert (same, unknown) == (1.0, None)
    assert other == pytest.approx(0)
    for of, color in ((colored, None), (embeddings, lab[0]), (colored, lab[2])):
        result = SearchResult.of_rows(Product("", "photo.jpg"), of, *found, color)
        assert [found.same_color for found in result.neighbors] == [None] * 3


def test_places_left_empty_are_no_neighbors(embeddings):
    query = Product("", "photo.jpg")
    similarities = np.array([0.5, 0.25, -np.inf], np.float32)
    scores = similarities - 0.125
    found = (np.array([2, 0, -1]), similarities, scores)
    result = SearchResult.of_rows(query, embeddings, *found)
    assert result.query == query
    products = (
        Product("c", "gs://bucket/c.jpg", "Trousers", "blue"),
        Product("a", "/a.jpg", "Trousers", "red"),
    )
    assert result.neighbors == (
        Neighbor(products[0], 0.5, None, 0.375),
        Neighbor(products[1], 0.25, None, 0.125),
    )
