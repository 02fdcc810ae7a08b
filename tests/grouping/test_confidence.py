"""How sure a product's place is: hand-worked."""

import numpy as np
import pytest
from angles import at_degrees

from cv_tf.grouping import PairModel, Scale, Similarity
from cv_tf.grouping.confidence import find_confidence, pairs_within
from cv_tf.retrieval import nearest

EMBEDDINGS = at_degrees(0, 10, 60, 200)
GROUPS = np.array([0, 0, 1, 2])
# The log-odds of variants are 10 for each unit of similarity above 0.8.
MODEL = PairModel(Scale(), *np.array([[0.8], [10.0], [0.0]]))


@pytest.fixture
def confidence():
    neighbors = nearest(EMBEDDINGS, 3, retrieval="exact")
    return find_confidence(GROUPS, Similarity(EMBEDDINGS), neighbors, MODEL)


def _odds(degrees):
    return 1 / (1 + np.exp(-10 * (np.cos(np.deg2rad(degrees)) - 0.8)))


def test_the_nearest_outside_of_the_group(confidence):
    assert confidence.nearest_other.tolist() == [2, 2, 1, 2]
    expected = np.cos(np.deg2rad([60, 50, 50, 140]))
    np.testing.assert_allclose(confidence.similarity, expected, atol=1e-6)


def test_confidence_is_that_of_belonging_and_of_not_belonging(confidence):
    expected = [_odds(10) * (1 - _odds(60)), _odds(10) * (1 - _odds(50))]
    expected += [1 - _odds(50), 1 - _odds(140)]
    np.testing.assert_allclose(confidence.probability, expected, atol=1e-5)


def test_without_another_product_nothing_is_doubted():
    neighbors = nearest(EMBEDDINGS[:1], 3, retrieval="exact")
    alone = find_confidence(np.array([0]), Similarity(EMBEDDINGS[:1]), neighbors, MODEL)
    assert alone.nearest_other.tolist() == [-1]
    assert alone.similarity.tolist() == [-np.inf]
    assert alone.probability.tolist() == [1.0]


def test_all_neighbors_in_one_group_leave_no_other():
    neighbors = nearest(EMBEDDINGS, 1, retrieval="exact")
    found = find_confidence(np.zeros(4, int), Similarity(EMBEDDINGS), neighbors, MODEL)
    assert found.nearest_other.tolist() == [-1] * 4


def test_pairs_within():
    first, second = pairs_within(np.array([7, 3, 7, 1, 7, 3]))
    pairs = set(zip(first.tolist(), second.tolist(), strict=True))
    assert pairs == {(i, j) for i in (0, 2, 4) for j in (0, 2, 4) if i != j} | {
        (1, 5),
        (5, 1),
    }
    assert len(first) == len(pairs)
