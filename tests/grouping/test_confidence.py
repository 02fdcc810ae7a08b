"""How sure a product's place is: hand-worked."""

import numpy as np
import pytest
from angles import at_degrees

from cv_tf.grouping import ConfidenceCurve, Similarity
from cv_tf.grouping.confidence import (
    find_confidence,
    fit_confidence_curve,
    pairs_within,
)
from cv_tf.retrieval import nearest

EMBEDDINGS = at_degrees(0, 10, 60, 200)
GROUPS = np.array([0, 0, 1, 2])
CERTAINTY = ConfidenceCurve(middle=0.8, width=0.1)


@pytest.fixture
def confidence():
    neighbors = nearest(EMBEDDINGS, 3, retrieval="exact")
    return find_confidence(GROUPS, Similarity(EMBEDDINGS), neighbors, CERTAINTY)


def _odds(degrees):
    return 1 / (1 + np.exp(-(np.cos(np.deg2rad(degrees)) - 0.8) / 0.1))


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
    alone = find_confidence(
        np.array([0]), Similarity(EMBEDDINGS[:1]), neighbors, CERTAINTY
    )
    assert alone.nearest_other.tolist() == [-1]
    assert alone.similarity.tolist() == [-np.inf]
    assert alone.probability.tolist() == [1.0]


def test_all_neighbors_in_one_group_leave_no_other():
    neighbors = nearest(EMBEDDINGS, 1, retrieval="exact")
    found = find_confidence(
        np.zeros(4, int), Similarity(EMBEDDINGS), neighbors, CERTAINTY
    )
    assert found.nearest_other.tolist() == [-1] * 4


def test_pairs_within():
    first, second = pairs_within(np.array([7, 3, 7, 1, 7, 3]))
    pairs = set(zip(first.tolist(), second.tolist(), strict=True))
    assert pairs == {(i, j) for i in (0, 2, 4) for j in (0, 2, 4) if i != j} | {
        (1, 5),
        (5, 1),
    }
    assert len(first) == len(pairs)


class TestCertainty:
    def test_is_one_half_in_the_middle_and_never_overflows(self):
        values = CERTAINTY(np.array([-1e6, 0.8, 0.9, 1e6]))
        np.testing.assert_allclose(
            values, [0, 0.5, 1 / (1 + np.exp(-1)), 1], atol=1e-12
        )

    def test_is_found_again_from_merges(self):
        rng = np.random.default_rng(0)
        levels = rng.uniform(0, 1, 20_000)
        is_right = rng.uniform(size=20_000) < ConfidenceCurve(0.6, 0.08)(levels)
        fitted = fit_confidence_curve(
            levels, is_right.astype(int), (~is_right).astype(int)
        )
        assert fitted.middle == pytest.approx(0.6, abs=0.01)
        assert fitted.width == pytest.approx(0.08, abs=0.01)

    @pytest.mark.parametrize("right", [np.ones(4), np.zeros(4), np.arange(4) < 2])
    def test_is_none_where_likeness_tells_nothing(self, right):
        levels = np.array([0.1, 0.2, 0.3, 0.4])
        assert fit_confidence_curve(levels, right.astype(float), 1.0 - right) is None

    def test_merges_without_labelled_pairs_do_not_count(self):
        levels = np.array([np.inf, 0.9, 0.5, 0.8, 0.3, 0.6, 0.2])
        right = np.array([1, 3, 0, 0, 1, 1, 0])
        wrong = np.array([0, 0, 0, 1, 2, 0, 1])
        counted = np.array([1, 3, 4, 5, 6])
        assert fit_confidence_curve(levels, right, wrong) == fit_confidence_curve(
            levels[counted], right[counted], wrong[counted]
        )
