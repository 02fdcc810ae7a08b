"""Similarity, less a discount for one color."""

import numpy as np
import pytest

from cv_tf.grouping import Similarity
from cv_tf.grouping.linkage import Groups

VECTORS = np.array([[1, 0], [0.8, 0.6], [0.6, 0.8], [0, 1]], np.float32)
# 0 and 1 have one color, 2 is 8 away from them, 3 has none that is known.
COLORS = np.array([[50, 0, 0], [50, 0, 0], [50, 8, 0], [np.nan] * 3], np.float32)


@pytest.mark.parametrize(
    ("pair", "discount"),
    # From 0.9, of colors far apart: down to -0.95 for one color, to the middle of -0.5
    # and -0.25 at a distance of 8, and to 0 where a color is unknown.
    [((0, 1), 0.925), ((0, 2), 0.6375), ((1, 3), 0.45), ((3, 3), 0.45)],
)
def test_worked_by_hand(pair, discount):
    first, second = np.array(pair)[:, None]
    similarity = VECTORS[pair[0]] @ VECTORS[pair[1]]
    alike = Similarity(VECTORS, COLORS, 0.5).of_pairs(first, second)
    np.testing.assert_allclose(alike, [similarity - discount], rtol=1e-5)


@pytest.mark.parametrize(("colors", "weight"), [(None, 0.5), (COLORS, 0.0)])
def test_without_colors_or_weight_it_is_the_similarity(colors, weight):
    similarity = Similarity(VECTORS, colors, weight)
    assert not similarity.knows_color
    alike = similarity.of_pairs(np.array([0]), np.array([1]))
    np.testing.assert_allclose(alike, [0.8])


def test_select():
    some = Similarity(VECTORS, COLORS, 0.5).select(np.array([2, 0]))
    alike = some.of_pairs(np.array([0]), np.array([1]))
    np.testing.assert_allclose(alike, [0.6 - 0.6375], rtol=1e-5)


def test_groups_are_as_alike_as_their_pairs_on_average(monkeypatch):
    monkeypatch.setattr("cv_tf.grouping.similarity._MAX_PAIRS", 3)
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((20, 5)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    colors = rng.uniform(0, 15, (20, 3)).astype(np.float32)
    similarity = Similarity(vectors, colors, 0.7)
    groups = Groups(similarity)
    groups.merge(groups.edges(np.array([0, 4]), np.array([9, 5])))
    groups.merge(groups.edges(np.array([0]), np.array([4])))
    assert groups.of[[0, 4, 5, 9]].tolist() == [0] * 4
    groups.merge(groups.edges(np.array([1]), np.array([2])))
    pairs = [(i, j) for i in (0, 4, 5, 9) for j in (1, 2)]
    expected = similarity.of_pairs(*np.array(pairs).T).mean()
    alike = groups.edges(np.array([0, 1, 3]), np.array([1, 7, 8])).similarity
    assert alike[0] == pytest.approx(expected, abs=1e-6)
    by_two = similarity.of_pairs(np.array([1, 2]), np.array([7, 7])).mean()
    assert alike[1] == pytest.approx(by_two, abs=1e-6)
    single = similarity.of_pairs(np.array([3]), np.array([8]))
    assert alike[2] == pytest.approx(single[0], abs=1e-6)


def test_levels_never_rise():
    groups = Groups(Similarity(VECTORS))

    def merge(first: int, second: int, similarity: float) -> list[float]:
        edges = groups.edges(np.array([first]), np.array([second]))
        edges = edges._replace(similarity=np.array([similarity]))
        return groups.merge(edges).tolist()

    assert merge(0, 1, 0.5) == [0.5]
    assert merge(0, 2, 0.6) == [0.5]
