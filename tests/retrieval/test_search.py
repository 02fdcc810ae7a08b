"""Neighbors of products: hand-worked, against plain loops; the choice of retrieval."""

from unittest import mock

import numpy as np
import pytest
from angles import at_degrees

from cv_tf.retrieval import (
    nearest,
    nearest_neighbors as index_engines,
    nearest_neighbors as search,
)


def _random(num_products, dim, seed=0):
    rng = np.random.default_rng(seed)
    embeddings = rng.standard_normal((num_products, dim)).astype(np.float32)
    return embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)


def _by_loops(embeddings, k, blocks):
    """The neighbors of each product, by comparing it with every other."""
    expected = []
    for i, a in enumerate(embeddings):
        others = [
            j for j in range(len(embeddings)) if j != i and blocks[j] == blocks[i]
        ]
        others.sort(key=lambda j: -float(a @ embeddings[j]))
        expected.append((others + [-1] * k)[:k])
    return expected


def test_neighbors_of_angles():
    found = nearest(at_degrees(0, 10, 30, 90), k=2)
    assert found.indices.tolist() == [[1, 2], [0, 2], [1, 0], [2, 1]]
    expected = np.cos(np.deg2rad([[10, 30], [10, 20], [20, 30], [60, 80]]))
    np.testing.assert_allclose(found.similarities, expected, atol=1e-6)
    assert found.indices.dtype == np.int32
    assert found.similarities.dtype == np.float32


def test_neighbors_share_the_block_and_missing_ones_are_padded():
    found = nearest(at_degrees(0, 10, 30, 90, 91), 2, blocks=[0, 1, 0, 1, 2])
    assert found.indices.tolist() == [[2, -1], [3, -1], [0, -1], [1, -1], [-1, -1]]
    assert np.array_equal(found.similarities == -np.inf, found.indices == -1)


def test_ties_are_in_the_order_of_rows():
    # Right angles: the products are exactly 0 or 1, in any order of summation.
    found = nearest(np.eye(2, dtype=np.float32)[[0, 1, 0, 0, 1]], k=4)
    assert found.indices.tolist() == [
        [2, 3, 1, 4],
        [4, 0, 2, 3],
        [0, 3, 1, 4],
        [0, 2, 1, 4],
        [1, 0, 2, 3],
    ]


@pytest.mark.parametrize("chunk", [1, 7, 1024])
@pytest.mark.parametrize("num_blocks", [1, 6])
def test_equals_plain_loops_whatever_the_chunk(monkeypatch, chunk, num_blocks):
    monkeypatch.setattr(search, "CHUNK", chunk)
    embeddings = _random(60, 5)
    blocks = np.random.default_rng(1).integers(0, num_blocks, 60)
    found = nearest(embeddings, 12, blocks)
    assert found.indices.tolist() == _by_loops(embeddings, 12, blocks)


def test_queries_choose_rows_in_their_order():
    embeddings, blocks = _random(30, 4), np.arange(30) % 3
    queries = np.array([17, 3, 3, 29, 0])
    found, every = (
        nearest(embeddings, 4, blocks, queries=queries),
        nearest(embeddings, 4, blocks),
    )
    np.testing.assert_array_equal(found.indices, every.indices[queries])
    np.testing.assert_array_equal(found.similarities, every.similarities[queries])


def test_order_of_products_does_not_matter():
    embeddings, blocks = _random(40, 6), np.arange(40) % 4
    order = np.random.default_rng(2).permutation(40)
    found = nearest(embeddings, 5, blocks)
    shuffled = nearest(embeddings[order], 5, blocks[order])
    np.testing.assert_array_equal(order[shuffled.indices], found.indices[order])


def test_one_product_has_no_neighbors():
    assert nearest(at_degrees(0), k=2).indices.tolist() == [[-1, -1]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"k": 0}, "k is 0"),
        ({"k": 1, "retrieval": "faiss"}, "'faiss' is unknown"),
        ({"k": 1, "recall": 0}, "Recall is 0; expected a share"),
        ({"k": 1, "queries": [0, 4]}, r"0\.\.4; expected rows of the 4"),
        ({"k": 1, "queries": [-1]}, r"-1\.\.-1; expected rows of the 4"),
        ({"k": 1, "blocks": [0, 0]}, r"expected \(4,\)"),
    ],
)
def test_says_what_is_wrong(arguments, message):
    with pytest.raises(ValueError, match=message):
        nearest(at_degrees(0, 10, 30, 90), **arguments)


@pytest.fixture
def no_scann(monkeypatch):
    def fail():
        raise ImportError("ScaNN cannot be loaded (a test).")

    monkeypatch.setattr(index_engines, "load_scann", fail)
    monkeypatch.setattr("cv_tf.retrieval.scann.load_scann", fail)
    monkeypatch.setattr(index_engines, "BRUTE_FORCE_BELOW", 20)
    monkeypatch.setattr(search, "_EXACT_BELOW", 20 * 25 * 4)


def test_exact_search_takes_over_without_scann_and_says_so(no_scann):
    embeddings = _random(25, 4)
    with mock.patch.object(index_engines.logging, "warning") as warning:
        found = nearest(embeddings, 3, retrieval="auto")
    message = warning.call_args.args[0] % warning.call_args.args[1:]
    assert message.startswith("Exact search takes over for 25 products")
    exact = nearest(embeddings, 3, retrieval="exact")
    np.testing.assert_array_equal(found.indices, exact.indices)


@pytest.mark.parametrize(
    "arguments",
    [
        {"blocks": np.arange(25) % 2},
        {"queries": np.arange(19)},
        {"recall": 1},
        {"retrieval": "exact"},
    ],
)
def test_exact_without_a_word_for_small_blocks_few_queries_and_all_there_is(
    no_scann, arguments
):
    with mock.patch.object(index_engines.logging, "warning") as warning:
        nearest(_random(25, 4), 3, **arguments)
    warning.assert_not_called()


def test_scann_is_never_replaced_where_it_was_asked_for(no_scann):
    with pytest.raises(ImportError, match="cannot be loaded"):
        nearest(_random(25, 4), 3, retrieval="scann", queries=[0])
