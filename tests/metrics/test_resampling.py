"""Intervals by a bootstrap over styles."""

import numpy as np
import pytest

from cv_tf.errors import UserError
from cv_tf.metrics import Resampling, Score, mean_of, resampling

STYLES = np.array([7, 7, 3, 5, 5, 5])


def samples_by_hand(values, styles, num_resamples):
    """Means over queries, of styles that are drawn one by one with their weights."""
    names = np.unique(styles)
    weights = np.random.default_rng(0).multinomial(
        len(names), np.full(len(names), 1 / len(names)), size=num_resamples
    )
    means = []
    for draw in weights:
        weight = draw[np.searchsorted(names, styles)]
        total = weight.sum()
        means.append((weight * values).sum() / total if total else np.nan)
    return np.array(means)


class TestScore:
    def test_difference_and_ratio_are_of_each_draw(self):
        first = Score(0.5, np.array([0.2, 0.8]))
        second = Score(0.25, np.array([0.1, 0.0]))
        assert (first - second).value == 0.25
        np.testing.assert_allclose((first - second).samples, [0.1, 0.8])
        assert (first / second).value == 2
        np.testing.assert_allclose((first / second).samples, [2, np.nan])

    def test_the_interval_leaves_out_draws_of_nothing(self):
        score = Score(0.5, np.append(np.arange(101) / 100, np.nan))
        assert score.interval == pytest.approx((0.025, 0.975))
        assert score.is_known

    def test_what_has_nothing_to_measure_is_not_known(self):
        nothing = Score(0.0, np.zeros(3)) / Score(0.0, np.zeros(3))
        assert not nothing.is_known

    def test_mean_of_runs(self):
        runs = [Score(0.2, np.array([0.1, 0.3])), Score(0.4, np.array([0.5, 0.5]))]
        assert mean_of(runs).value == pytest.approx(0.3)
        np.testing.assert_allclose(mean_of(runs).samples, [0.3, 0.4])


class TestResampling:
    def test_by_hand(self):
        values = np.array([1, 0, 1, 1, 1, 0.0])
        score = Resampling(STYLES, 50).of_queries(values, STYLES)
        assert score.value == pytest.approx(4 / 6)
        np.testing.assert_allclose(score.samples, samples_by_hand(values, STYLES, 50))

    def test_ratio_by_hand(self):
        above, below = np.arange(6.0), np.full(6, 2.0)
        score = Resampling(STYLES, 50).of_ratio(above, below, STYLES)
        assert score.value == 15 / 12
        np.testing.assert_allclose(
            score.samples, samples_by_hand(above / 2, STYLES, 50)
        )

    def test_the_same_styles_give_the_same_draws(self):
        values = np.random.default_rng(0).random(400)
        styles = np.arange(400) // 2
        one, other = (Resampling(styles).of_queries(values, styles) for _ in range(2))
        assert one.interval == other.interval
        named = np.array([f"{style:03}" for style in styles], object)
        again = Resampling(named).of_queries(values, named)
        assert one.interval == again.interval

    def test_is_as_wide_as_the_standard_error(self):
        """Of styles that are right or wrong as a whole, by the binomial formula."""
        styles = np.arange(1600).repeat(2)
        values = (styles % 4 > 0).astype(float)
        low, high = Resampling(styles).of_queries(values, styles).interval
        half = 1.96 * np.sqrt(0.75 * 0.25 / 1600)
        assert (low, high) == pytest.approx((0.75 - half, 0.75 + half), abs=0.002)

    def test_what_is_common_to_both_cancels_out(self):
        styles = np.arange(1000)
        first = (styles % 2).astype(float)
        second = first.copy()
        second[:20] = 1
        draws = Resampling(styles)
        one, other = (draws.of_queries(of, styles) for of in (second, first))
        low, high = (one - other).interval
        assert 0 < low < 0.01 < high < 0.02
        assert high - low < (one.interval[1] - one.interval[0]) / 4

    def test_of_many_styles_random_groups_are_drawn(self, monkeypatch):
        styles = np.arange(4000)
        values = np.random.default_rng(1).random(4000)
        each = Resampling(styles).of_queries(values, styles)
        monkeypatch.setattr(resampling, "_MOST_DRAWN", 1500)
        grouped = Resampling(styles).of_queries(values, styles)
        assert grouped.value == pytest.approx(each.value)
        assert grouped.interval == pytest.approx(each.interval, abs=0.001)
        assert grouped.interval != each.interval

    def test_styles_that_are_not_drawn(self):
        with pytest.raises(UserError, match=r"not drawn\. Make the Resampling"):
            Resampling(STYLES).of_queries(np.ones(2), np.array([3, 4]))
