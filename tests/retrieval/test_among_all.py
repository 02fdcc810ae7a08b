"""Exact neighbors of all products, of which each pair is compared once."""

import numpy as np
import pytest

from cv_tf.retrieval import among_all, nearest, nearest_neighbors
from cv_tf.retrieval.among_all import nearest_of_all


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    drawn = np.random.default_rng(0).standard_normal((701, 12)).astype(np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def by_sorting(vectors, k):
    similarities = vectors @ vectors.T
    np.fill_diagonal(similarities, -np.inf)
    order = np.argsort(-similarities, axis=1, kind="stable")[:, :k]
    return order, np.take_along_axis(similarities, order, axis=1)


@pytest.mark.parametrize("rows", [1, 37, 100, 701, 2000])
@pytest.mark.parametrize("k", [1, 5, 60])
def test_are_those_of_a_matrix_of_all_pairs(vectors, rows, k, monkeypatch):
    monkeypatch.setattr(among_all, "_MOST_ROWS", rows)
    found = nearest_of_all(vectors, k)
    indices, similarities = by_sorting(vectors, k)
    np.testing.assert_array_equal(found.indices, indices)
    np.testing.assert_allclose(found.similarities, similarities, atol=1e-6)


def test_fewer_products_than_neighbors():
    vectors = np.array([[1, 0], [0.8, 0.6], [0, 1]], np.float32)
    found = nearest_of_all(vectors, 4)
    assert found.indices.tolist() == [[1, 2, -1, -1], [0, 2, -1, -1], [1, 0, -1, -1]]
    assert np.isneginf(found.similarities[:, 2:]).all()
    np.testing.assert_allclose(found.similarities[0, :2], [0.8, 0], atol=1e-6)


def test_one_product_has_no_neighbors():
    assert nearest_of_all(np.ones((1, 1), np.float32), 2).indices.tolist() == [[-1, -1]]


@pytest.mark.parametrize("rows", [3, 100])
def test_equal_products_are_in_the_order_of_their_rows(rows, monkeypatch):
    monkeypatch.setattr(among_all, "_MOST_ROWS", rows)
    found = nearest_of_all(np.repeat(np.eye(2, dtype=np.float32), 4, axis=0), 3)
    assert found.indices[:4].tolist() == [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]]
    assert found.indices[5].tolist() == [4, 6, 7]


def test_blocks_of_which_all_products_are_asked_for(vectors, monkeypatch):
    """Some products of a block are searched for as before, with the same result."""
    sizes = []

    def record(members, k):
        sizes.append(len(members))
        return nearest_of_all(members, k)

    monkeypatch.setattr(nearest_neighbors, "nearest_of_all", record)
    monkeypatch.setattr(nearest_neighbors, "_LONG", 12)
    monkeypatch.setattr(nearest_neighbors, "_MOST_COMPARED_ONCE", 351)
    blocks = np.arange(701) % 2
    found = nearest(vectors, 5, blocks)
    assert sizes == [351, 350]
    some = nearest(vectors, 5, blocks, queries=np.arange(1, 701))
    assert sizes == [351, 350, 350]
    nearest(vectors, 5)
    assert sizes == [351, 350, 350]
    np.testing.assert_array_equal(some.indices, found.indices[1:])
