import numpy as np
import pytest

from cv_tf.retrieval import mutual_neighbors


def _at(*degrees):
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


# 0 and 5 are a pair; 30 is nearest to 20, and 20 to 30; 90 is nearest to 30.
VECTORS = _at(20, 0, 30, 5, 90)


def test_each_is_the_nearest_neighbor_of_the_other():
    assert mutual_neighbors(VECTORS).tolist() == [[1, 3], [0, 2]]


def test_the_most_similar_share_is_kept():
    assert mutual_neighbors(VECTORS, share=0.5).tolist() == [[1, 3]]
    assert mutual_neighbors(VECTORS, share=0.0).shape == (0, 2)


def test_pairs_share_a_block():
    pairs = mutual_neighbors(VECTORS, np.array([0, 0, 1, 1, 2]))
    assert sorted(pairs.tolist()) == [[0, 1], [2, 3]]


def test_products_alone_in_their_block_have_no_pair():
    assert mutual_neighbors(VECTORS, np.arange(5)).shape == (0, 2)


@pytest.mark.parametrize("seed", range(3))
def test_no_product_is_in_two_pairs(seed):
    vectors = np.random.default_rng(seed).normal(size=(200, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    pairs = mutual_neighbors(vectors)
    assert len(pairs) > 20
    assert len(np.unique(pairs)) == pairs.size
    assert (pairs[:, 0] < pairs[:, 1]).all()
