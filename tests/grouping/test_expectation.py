"""The best threshold and what to expect of it, on catalogs whose truth is known."""

import dataclasses

import numpy as np
import pytest
from simulated import Curve, simulate

from cv_tf.errors import UserError
from cv_tf.grouping import Dendrograms, Evidence, Interval, PairModel, Scale
from cv_tf.grouping.expectation import best_threshold, expect

CURVES = [Curve(0.45), Curve(0.3, 8), Curve(0.7, 20)]


def merges_at(*levels, evidence=None, floor=0.0):
    """Dendrograms of pairs of products, which merge at their cosine similarity."""
    levels = np.array(levels, np.float64)
    rows = np.arange(2 * len(levels), dtype=np.int32).reshape(-1, 2)
    if evidence is None:
        evidence = Evidence(levels, np.zeros(len(levels)), np.ones(len(levels)))
    return Dendrograms(2 * len(levels), rows, levels, floor, evidence=evidence)


def steep(middle):
    """A model that is sure: all above the middle are variants, none below."""
    return Curve(middle, 1e4).model()


class TestInterval:
    def test_leaves_a_twentieth_on_either_side(self):
        interval = Interval.of(np.arange(101) / 100)
        assert interval == pytest.approx((0.5, 0.05, 0.95))

    def test_the_estimate_may_be_given(self):
        assert Interval.of(np.linspace(0, 1, 9), 0.25).estimate == 0.25

    @pytest.mark.parametrize("estimate", [None, 0.25, 0.0, 1.0])
    def test_the_estimate_is_within(self, estimate):
        draws = np.ones(400)
        draws[:10] = 0.1
        for values in (draws, 1 - draws):
            interval = Interval.of(values, estimate)
            assert interval.low <= interval.estimate <= interval.high


class TestBestThreshold:
    def test_is_midway_between_what_is_right_and_what_is_wrong(self):
        dendrograms = merges_at(0.9, 0.8, 0.4, 0.2)
        assert best_threshold(steep(0.5), dendrograms) == pytest.approx(0.6)

    def test_where_all_is_right_it_is_above_the_floor(self):
        dendrograms = merges_at(0.9, 0.8, floor=0.1)
        assert best_threshold(steep(0.05), dendrograms) == pytest.approx(0.45)

    def test_where_all_is_wrong_nothing_merges(self):
        dendrograms = merges_at(0.4, 0.2)
        assert best_threshold(steep(0.5), dendrograms) > 0.4

    def test_without_merges_it_is_one(self):
        assert best_threshold(steep(0.5), merges_at()) == 1

    def test_one_merge_that_is_hardly_possible_stays_undone(self):
        assert best_threshold(Curve(0.5).model(), merges_at(0.3)) > 0.3
        assert best_threshold(Curve(0.5).model(), merges_at(0.7)) < 0.7

    def test_former_groups_stay_and_others_are_weighed(self):
        levels = [np.inf, np.inf, 0.9, 0.2]
        evidence = Evidence(np.array([0.1, 0.9, 0.9, 0.2]), np.zeros(4), np.ones(4))
        dendrograms = merges_at(*levels, evidence=evidence)
        threshold = best_threshold(steep(0.5), dendrograms)
        assert threshold == pytest.approx(0.55)

    @pytest.mark.parametrize("times", [1, 700])
    def test_former_groups_that_are_wrong_are_not_undone(self, times):
        """No threshold parts them, so none is chosen because it would be good to."""
        levels = np.repeat([np.inf, np.inf, 0.7, 0.2], times)
        cosine = np.repeat([0.9, 0.1, 0.7, 0.2], times)
        num_pairs = np.repeat([1.0, 20.0, 1.0, 1.0], times)
        evidence = Evidence(cosine, np.zeros(len(cosine)), num_pairs)
        dendrograms = merges_at(*levels, evidence=evidence)
        assert best_threshold(steep(0.5), dendrograms) == pytest.approx(0.45)

    def test_former_groups_alone(self):
        evidence = Evidence(np.array([0.1, 0.9]), np.zeros(2), np.ones(2))
        dendrograms = merges_at(np.inf, np.inf, evidence=evidence)
        assert 0 <= best_threshold(steep(0.5), dendrograms) <= 1

    @pytest.mark.parametrize("curve", CURVES)
    @pytest.mark.parametrize("criterion", ["f1", "fms"])
    def test_comes_near_the_true_best(self, curve, criterion):
        catalog = simulate(curve, 2000, seed=1)
        threshold = best_threshold(curve.model(), catalog.dendrograms, criterion)

        def figure(level):
            precision, recall, f1 = catalog.figures(level)
            return f1 if criterion == "f1" else (precision * recall) ** 0.5

        best = max(map(figure, np.arange(0.16, 0.94, 0.01)))
        assert figure(threshold) > 0.98 * best

    def test_colors_of_merges_count(self):
        """Of two merges of one cosine, the one of other colors is right."""
        evidence = Evidence(np.full(2, 0.5), np.array([0.9, -0.95]), np.ones(2))
        dendrograms = merges_at(0.5, 0.35, evidence=evidence)
        draws = np.full(9, 0.5), np.full(9, 12.0), np.full(9, 100.0)
        threshold = best_threshold(PairModel(Scale(), *draws), dendrograms)
        assert threshold == pytest.approx(0.425)

    def test_is_a_compromise_of_what_is_possible(self):
        catalog = simulate(num_merges=1000)
        low, high = (
            best_threshold(Curve(middle).model(), catalog.dendrograms)
            for middle in (0.3, 0.6)
        )
        draws = np.repeat([0.3, 0.6], 50), np.full(100, 12.0), np.zeros(100)
        both = best_threshold(PairModel(Scale(), *draws), catalog.dendrograms)
        assert low < both < high


class TestExpect:
    @pytest.mark.parametrize("curve", CURVES)
    @pytest.mark.parametrize("level", [0.3, 0.5, 0.8])
    def test_is_what_comes_true_at_any_threshold(self, curve, level):
        catalog = simulate(curve, 4000, seed=2)
        expected = expect(curve.model(), catalog.dendrograms, level)
        precision, _, _ = catalog.figures(level)
        assert expected.precision.estimate == pytest.approx(precision, abs=0.03)

    def test_recall_is_of_all_that_merges_show(self):
        """Where nearly all of the right ones are probable, hardly any are missed."""
        curve = Curve(0.45, 60)
        catalog = simulate(curve, 2000, seed=2)
        for level in (0.5, 0.7):
            expected = expect(curve.model(), catalog.dendrograms, level)
            _, recall, f1 = catalog.figures(level)
            assert expected.recall.low <= recall <= 1.05 * expected.recall.high
            assert expected.f1.estimate == pytest.approx(f1, abs=0.1)

    def test_vectors_that_see_little_miss_more(self):
        sharp, blurred = (
            expect(curve.model(), simulate(curve, 1000).dendrograms, 0.2)
            for curve in (Curve(0.45, 40), Curve(0.9, 4))
        )
        assert blurred.recall.estimate < 0.8 < sharp.recall.estimate

    def test_chance_alone_leaves_an_interval(self):
        """100 merges of even odds: 50 right ones, give or take 1.645 * 5."""
        level = np.full(100, 0.5)
        model = Curve(0.5).model()
        model = PairModel(
            Scale(),
            *(np.resize(of, 4000) for of in (model.middle, model.slope, model.color)),
        )
        precision = expect(model, merges_at(*level), 0.4).precision
        assert precision.estimate == pytest.approx(0.5, abs=0.01)
        assert precision.low == pytest.approx(0.5 - 0.082, abs=0.01)
        assert precision.high == pytest.approx(0.5 + 0.082, abs=0.01)

    def test_merges_of_many_pairs_leave_a_wider_one(self):
        """25 merges of 4 pairs each are all right or all wrong: 1.645 * 0.1."""
        level = np.full(25, 0.5)
        evidence = Evidence(level, np.zeros(25), np.full(25, 4.0))
        draws = np.full(4000, 0.5), np.full(4000, 12.0), np.zeros(4000)
        model = PairModel(Scale(), *draws)
        precision = expect(model, merges_at(*level, evidence=evidence), 0.4).precision
        assert precision.high - precision.low == pytest.approx(0.33, abs=0.03)

    def test_nothing_that_merges_is_nothing_to_expect(self):
        assert expect(steep(0.5), merges_at(0.9), 0.95) is None
        assert expect(steep(0.5), merges_at(), 0.5) is None

    @pytest.mark.parametrize(
        ("level", "expected"), [(0.51, 1), (0.5, 0.75), (0.1, 0.3)]
    )
    def test_pairs_that_merge_are_counted(self, level, expected):
        """Three right ones at 0.9, one wrong at 0.5, and six wrong ones at 0.1."""
        levels = np.array([0.9, 0.5, 0.1])
        evidence = Evidence(levels, np.zeros(3), np.array([3.0, 1, 6]))
        dendrograms = merges_at(*levels, evidence=evidence)
        precision = expect(steep(0.7), dendrograms, level).precision
        assert precision == pytest.approx((expected,) * 3)

    def test_figures_are_between_0_and_1_and_in_order(self):
        random = np.random.default_rng(0)
        for seed in range(20):
            catalog = simulate(Curve(random.uniform(0.1, 0.9)), 30, seed)
            draws = random.normal(0.5, 0.2, 99), np.full(99, 12.0), np.zeros(99)
            model = PairModel(Scale(), *draws)
            for figure in expect(model, catalog.dendrograms, 0.4):
                assert 0 <= figure.low <= figure.estimate <= figure.high <= 1

    def test_many_merges_are_as_few_of_the_same_kind(self):
        """They are summed up in bins."""
        few = simulate(num_merges=400, seed=5)
        rows = np.repeat(np.arange(400), 20)
        evidence = few.evidence[rows]
        many = merges_at(*evidence.cosine, evidence=evidence)
        model = Curve().model()
        for level in (0.3, 0.6):
            of_few = expect(model, few.dendrograms, level)
            of_many = expect(model, many, level)
            expected = of_few.precision.estimate
            assert of_many.precision.estimate == pytest.approx(expected, abs=0.01)
        found = best_threshold(model, many)
        assert found == pytest.approx(best_threshold(model, few.dendrograms), abs=0.01)

    def test_dendrograms_of_other_tools_are_refused(self):
        plain = dataclasses.replace(merges_at(0.9), evidence=None)
        with pytest.raises(ValueError, match="Nothing is known of the pairs"):
            expect(steep(0.5), plain, 0.5)

    def test_summary(self):
        summary = expect(steep(0.7), merges_at(0.9, 0.5), 0.4).summary()
        assert summary.keys() == {"precision", "recall", "f1"}
        assert summary["precision"] == pytest.approx(
            {"estimate": 0.5, "low": 0.5, "high": 0.5}
        )


class TestPrecisionThatIsAskedFor:
    def test_is_expected_at_the_lowest_such_threshold(self):
        # Merges that are right with probabilities of 0.9, 0.8 and 0.3: their means
        # are 0.9, 0.85 and 0.67.
        levels = 0.5 + np.log(np.array([9, 4, 3 / 7])) / 10
        dendrograms, model = merges_at(*levels), Curve(0.5, 10).model()
        for least, between in ((0.88, levels[:2]), (0.84, levels[1:])):
            threshold = best_threshold(model, dendrograms, min_precision=least)
            assert threshold == pytest.approx(between.mean())

    def test_that_cannot_be_had_is_an_error(self):
        with pytest.raises(UserError, match="Ask for less, or answer questions"):
            best_threshold(Curve(0.5).model(), merges_at(0.6, 0.4), min_precision=0.99)
