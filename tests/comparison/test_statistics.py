"""Means over seeds, worked out by hand."""

import math

import pytest

from cv_tf.comparison.results import (
    BEST,
    EQUAL,
    OTHER,
    Summary,
    can_be_told_apart,
    mark,
)


def test_mean_and_deviation():
    summary = Summary((1.0, 2.0, 6.0))
    assert summary.mean == 3.0
    # Squares of -2, -1 and 3 are 14, by one value less than there are.
    assert summary.deviation == pytest.approx(math.sqrt(7.0))
    assert Summary((0.5,)).deviation is None


class TestTelling:
    """Three runs at a distance of 1 have a deviation of 1, and variances of 1/3.

    With two such recipes Welch's degrees of freedom are (2/3)² / (2 · (1/3)² / 2) = 4,
    Student's t there is 2.7764, and it reaches 2.7764 · √(2/3) = 2.2669.
    """

    @pytest.mark.parametrize(("shift", "expected"), [(2.266, False), (2.268, True)])
    def test_two_that_spread_alike(self, shift, expected):
        first, second = Summary((0.0, 1.0, 2.0)), Summary((0.0, 1.0, 2.0))
        shifted = Summary(tuple(value + shift for value in second.values))
        assert can_be_told_apart(first, shifted) is expected
        assert can_be_told_apart(shifted, first) is expected

    # One that does not spread adds nothing: 2 degrees, t = 4.3027, · √(1/3) = 2.4842.
    @pytest.mark.parametrize(("shift", "expected"), [(2.483, False), (2.485, True)])
    @pytest.mark.parametrize("values", [(0.0, 0.0), (0.0, 0.0, 0.0)])
    def test_one_that_does_not_spread(self, shift, expected, values):
        spread = Summary((shift - 1, shift, shift + 1))
        assert can_be_told_apart(Summary(values), spread) is expected

    @pytest.mark.parametrize(("shift", "expected"), [(2.483, False), (2.485, True)])
    def test_one_that_has_no_seeds_counts_as_exact(self, shift, expected):
        spread = Summary((shift - 1, shift, shift + 1))
        assert can_be_told_apart(spread, Summary((0.0,), True)) is expected

    def test_several_seeds_tell_more(self):
        few, many = Summary((0.0, 1.0, 2.0)), Summary((0.0, 1.0, 2.0) * 5)
        assert not can_be_told_apart(few, Summary((2.0, 3.0, 4.0)))
        assert can_be_told_apart(many, Summary((2.0, 3.0, 4.0) * 5))

    def test_of_one_seed_nothing_can_be_told(self):
        assert can_be_told_apart(Summary((0.0,)), Summary((9.0, 9.1))) is None
        assert can_be_told_apart(Summary((9.0, 9.1)), Summary((0.0,))) is None

    def test_where_nothing_spreads_any_difference_counts(self):
        assert can_be_told_apart(Summary((1.0, 1.0)), Summary((1.1,), True)) is True
        assert can_be_told_apart(Summary((1.0, 1.0)), Summary((1.0, 1.0))) is False


SUMMARIES = {
    "far": Summary((0.0, 1.0, 2.0)),
    "near": Summary((3.0, 4.0, 5.0)),
    "top": Summary((4.0, 5.0, 6.0)),
    "single": Summary((4.9,)),
}


class TestMarks:
    def test_the_best_and_its_equals(self):
        assert mark(SUMMARIES, "higher") == {
            "far": OTHER,
            "near": EQUAL,
            "top": BEST,
            "single": OTHER,
        }

    def test_the_lowest_may_be_the_best(self):
        marks = mark(SUMMARIES, "lower")
        assert marks == dict.fromkeys(SUMMARIES, OTHER) | {"far": BEST}

    def test_what_is_given_has_no_best(self):
        assert set(mark(SUMMARIES, "").values()) == {OTHER}

    def test_all_that_tie_are_the_best(self):
        tied = {"a": Summary((0.5,)), "b": Summary((0.4,)), "c": Summary((0.5,))}
        assert mark(tied, "higher") == {"a": BEST, "b": OTHER, "c": BEST}

    def test_how_a_mean_was_rounded_makes_no_difference(self):
        thrice = Summary((0.95, 0.95, 0.95))
        once = Summary((0.95,), True)
        assert thrice.mean != once.mean
        assert set(mark({"a": thrice, "b": once}, "higher").values()) == {BEST}
        assert can_be_told_apart(thrice, once) is False

    def test_of_nothing_there_is_none(self):
        assert mark({}, "higher") == {}
