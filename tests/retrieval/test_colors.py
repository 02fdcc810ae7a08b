"""The ranking of neighbors by design and color: values worked by hand."""

import numpy as np
import pytest

from cv_tf.retrieval import OTHER_COLOR, SAME_COLOR, color_log_odds, same_color

BLACK, NEARLY_BLACK, WHITE = [10.0, 0.0, 0.0], [10.0, 8.0, 0.0], [95.0, 0.0, 0.0]
UNKNOWN = [np.nan] * 3
# Log-odds of color from the very same one to one that is far off: -0.95 to 0.9.
RANGE = 1.85


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


def at_distance(*distances):
    """Log-odds of pairs of colors that are so far apart in CIELAB."""
    other = np.array([[50.0, 3.0 + distance, -4.0] for distance in distances])
    return color_log_odds(np.array([50.0, 3.0, -4.0]), other)


class TestColorLogOdds:
    def test_worked_by_hand(self):
        # Knots, beyond them, and in between: 4 is midway between 2 and 6, 8 between 6
        # and 10, 18.5 between 15 and 22, 51.5 between 43 and 60; 12 is two fifths of
        # the way from 10 to 15.
        distances = [0, 2, 4, 6, 8, 10, 12, 15, 18.5, 22, 31, 43, 51.5, 60, 200]
        expected = [-0.95, -0.95, -0.725, -0.5, -0.375, -0.25, -0.17, -0.05]
        expected += [0.05, 0.15, 0.4, 0.7, 0.8, 0.9, 0.9]
        np.testing.assert_allclose(at_distance(*distances), expected, atol=1e-6)

    def test_is_of_the_distance_in_all_three_directions(self):
        found = color_log_odds(np.array([50.0, 0, 0]), np.array([53.0, 4, 12]))
        # 13 apart: three fifths of the way from 10 to 15.
        assert found == pytest.approx(-0.13)

    def test_what_is_unknown_says_nothing(self):
        lab = np.array([UNKNOWN, BLACK, [np.nan, 0, 0]], np.float32)
        expected = np.zeros((3, 3))
        expected[1, 1] = SAME_COLOR
        np.testing.assert_allclose(color_log_odds(lab[:, None], lab), expected)

    def test_is_symmetric_and_pairs_broadcast(self):
        lab = np.random.default_rng(0).uniform(0, 60, (6, 3)).astype(np.float32)
        pairs = color_log_odds(lab[:, None], lab)
        assert pairs.shape == (6, 6)
        assert pairs.dtype == np.float32
        np.testing.assert_array_equal(pairs, pairs.T)

    def test_colors_that_are_farther_apart_never_speak_less_for_variants(self):
        found = at_distance(*np.linspace(0, 150, 601))
        assert (np.diff(found) >= 0).all()
        assert found[0] == np.float32(SAME_COLOR) < 0
        assert found[-1] == np.float32(OTHER_COLOR) > 0
