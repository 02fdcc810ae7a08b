"""The ranking of neighbors by design and color: values worked by hand."""

import numpy as np
import pytest

from cv_tf.retrieval import Neighbors, other_colors_first, same_color

BLACK, NEARLY_BLACK, WHITE = [10.0, 0.0, 0.0], [10.0, 8.0, 0.0], [95.0, 0.0, 0.0]
UNKNOWN = [np.nan] * 3


class TestSameColor:
    def test_worked_by_hand(self):
        lab = np.array([BLACK, NEARLY_BLACK, WHITE])
        # One width of 8 apart is exp(-1/2), ten and more are nothing.
        expected = [1.0, 0.60653066, 0.0]
        assert same_color(np.array(BLACK), lab) == pytest.approx(expected, abs=1e-7)

    def test_what_is_unknown_is_no_color(self):
        lab = np.array([UNKNOWN, BLACK], np.float32)
        assert same_color(lab, lab).tolist() == [0.0, 1.0]

    def test_is_symmetric_and_pairs_broadcast(self):
        lab = np.random.default_rng(0).uniform(0, 30, (5, 3)).astype(np.float32)
        pairs = same_color(lab[:, None], lab)
        assert pairs.shape == (5, 5)
        assert pairs.dtype == np.float32
        np.testing.assert_array_equal(pairs, pairs.T)
        np.testing.assert_array_equal(np.diag(pairs), 1)


class TestOtherColorsFirst:
    # Rows 0 to 2 look ever less like the query; the first is of its color.
    FOUND = Neighbors(np.array([[0, 1, 2]]), np.array([[0.7, 0.6, 0.4]], np.float32))
    LAB = np.array([BLACK, WHITE, WHITE])

    def ranked(self, discount, k=3, asked=BLACK, lab=LAB):
        return other_colors_first(self.FOUND, np.array([asked]), lab, k, discount)

    def test_a_lookalike_of_the_same_color_goes_back(self):
        found = self.ranked(0.2)
        assert found.indices.tolist() == [[1, 0, 2]]
        assert found.similarities[0] == pytest.approx([0.6, 0.7, 0.4])

    def test_by_no_more_than_the_discount(self):
        assert self.ranked(0.05).indices.tolist() == [[0, 1, 2]]
        assert self.ranked(0.5).indices.tolist() == [[1, 2, 0]]

    def test_a_color_that_is_nearly_the_same(self):
        # 0.7 - 0.2 * 0.607 is less than 0.6, and 0.7 - 0.1 * 0.607 is more.
        lab = np.array([NEARLY_BLACK, WHITE, WHITE])
        assert self.ranked(0.2, lab=lab).indices.tolist() == [[1, 0, 2]]
        assert self.ranked(0.1, lab=lab).indices.tolist() == [[0, 1, 2]]

    def test_without_a_discount_or_a_color_nothing_moves(self):
        for found in (self.ranked(0.0), self.ranked(0.5, asked=UNKNOWN)):
            np.testing.assert_array_equal(found.indices, self.FOUND.indices)

    def test_no_more_than_are_wanted(self):
        assert self.ranked(0.2, k=1).indices.tolist() == [[1]]
        assert self.ranked(0.2, k=9).indices.shape == (1, 3)

    def test_places_left_empty_stay_last(self):
        found = Neighbors(np.array([[0, -1]]), np.array([[0.1, -np.inf]], np.float32))
        ranked = other_colors_first(found, np.array([BLACK]), self.LAB, 2, 0.5)
        assert ranked.indices.tolist() == [[0, -1]]
