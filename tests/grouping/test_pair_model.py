"""What similarities mean in a catalog, and the probability of pairs: by hand."""

import numpy as np
import pytest
from angles import at_degrees

from cv_tf.config import GroupingSettings
from cv_tf.embeddings import Embeddings
from cv_tf.grouping import (
    Evidence,
    PairModel,
    Scale,
    background_of,
    find_groups,
    find_neighbors,
    full_discount,
)
from cv_tf.retrieval import Neighbors


def cos(degrees):
    return np.cos(np.deg2rad(degrees))


def products(*degrees, block=None):
    block = None if block is None else np.array(block)
    return Embeddings.of_arrays(at_degrees(*degrees), block)


def neighbors_at(*similarities):
    """One row a product: its similarities, of neighbors of any row; the rest is empty.

    `similarities` are lists, of which the longest says how many neighbors there are.
    """
    width = max(map(len, similarities))
    rows = [[*row, *[-np.inf] * (width - len(row))] for row in similarities]
    found = np.array(rows, np.float32)
    return Neighbors(np.where(np.isfinite(found), 0, -1), found)


class TestBackground:
    def test_is_the_mean_of_all_pairs_of_a_block(self):
        # Three pairs; a similarity of 0 counts as much as a hundred more.
        expected = (cos(60) + cos(90) + cos(30)) / (3 + 100)
        assert background_of(products(0, 60, 90)) == pytest.approx(expected, abs=1e-6)

    def test_pairs_of_two_blocks_do_not_count(self):
        found = background_of(products(0, 20, 60, 10, 50, block=[0, 1, 0, 1, 2]))
        expected = (cos(60) + cos(10)) / (2 + 100)
        assert found == pytest.approx(expected, abs=1e-6)

    def test_many_pairs_speak_for_themselves(self):
        random = np.random.default_rng(0)
        vectors = random.standard_normal((500, 8)) + 0.8
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        vectors = vectors.astype(np.float32)
        block = random.integers(0, 3, 500)
        cosines = vectors @ vectors.T
        pairs = np.triu(block[:, None] == block, 1)
        expected = cosines[pairs].mean() * pairs.sum() / (pairs.sum() + 100)
        found = background_of(Embeddings.of_arrays(vectors, block))
        assert found == pytest.approx(expected, abs=1e-5)
        assert found > 0.3

    def test_is_never_below_zero(self):
        assert background_of(products(0, 180)) == 0

    @pytest.mark.parametrize("length", [1, 1.009])
    def test_equal_products_leave_room_for_differences(self, length):
        """Else all would hang on rounding, and on lengths that are not quite 1."""
        random = np.random.default_rng(0)
        vectors = 1 + 0.003 * random.standard_normal((400, 16))
        vectors *= length / np.linalg.norm(vectors, axis=1, keepdims=True)
        catalog = Embeddings.of_arrays(vectors.astype(np.float32))
        assert background_of(catalog) <= 0.9999
        grouped = find_groups(catalog)
        assert -1 <= grouped.threshold <= 1
        assert np.isfinite(grouped.confidence.probability).all()

    @pytest.mark.parametrize("block", [[0], [0, 1, 2], []])
    def test_without_pairs_it_is_zero(self, block):
        assert background_of(products(*[0] * len(block), block=block)) == 0


class TestScale:
    def test_strangers_have_0_and_equals_have_1(self):
        scale = Scale(0.2)
        found = scale.standard(np.array([0.2, 0.6, 1.0]))
        np.testing.assert_allclose(found, [0, 0.5, 1], atol=1e-12)
        assert scale.cosine(0.5) == pytest.approx(0.6)

    def test_crowding_is_that_of_last_neighbors(self):
        # Medians of the last of three: 0.1, 0.2 and 0.3.
        found = neighbors_at([0.9, 0.5, 0.1], [0.8, 0.7, 0.3], [0.9, 0.6, 0.2])
        scale = Scale.of(products(0, 90, 180), found)
        assert scale.background == 0
        assert scale.crowding == pytest.approx(0.2 - 0.8 * 0.2**2)

    def test_crowding_is_on_the_scale_of_strangers(self):
        random = np.random.default_rng(1)
        vectors = random.standard_normal((80, 16)) + 0.5
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        embeddings = Embeddings.of_arrays(vectors.astype(np.float32))
        neighbors = find_neighbors(embeddings)
        scale = Scale.of(embeddings, neighbors)
        last = np.median(neighbors.similarities[:, -1])
        expected = (last - scale.background) / (1 - scale.background)
        assert scale.background > 0.1
        assert 0 < expected < 0.35
        expected -= 0.8 * expected**2
        assert scale.crowding == pytest.approx(expected, abs=1e-6)

    @pytest.mark.parametrize(("last", "crowding"), [(0.9, 0.3), (-0.8, -0.168)])
    def test_crowding_is_believed_within_limits(self, last, crowding):
        found = neighbors_at(*[[0.95, last]] * 3)
        scale = Scale.of(products(0, 90, 180), found)
        assert scale.crowding == pytest.approx(crowding)

    def test_products_of_few_neighbors_tell_nothing_of_crowding(self):
        six = [0.9, 0.8, 0.7, 0.6, 0.5, 0.1]
        found = neighbors_at(six, six[:5], six[:4])
        # The last one has four, fewer than five: it is the median of 0.1 and 0.5.
        assert Scale.of(products(0, 90, 180), found).crowding == pytest.approx(
            0.3 - 0.8 * 0.3**2
        )

    def test_blocks_of_one_product_have_a_scale_of_nothing(self):
        embeddings = products(0, 10, 20, block=[0, 1, 2])
        assert Scale.of(embeddings, find_neighbors(embeddings)) == Scale()

    def test_only_products_that_count_are_looked_at(self):
        found = neighbors_at([0.9, 0.1], [0.9, 0.3], [0.9, 0.3])
        embeddings = products(0, 60, 0)
        scale = Scale.of(embeddings, found, np.array([0, 1]))
        assert scale.background == pytest.approx(cos(60) / 101, abs=1e-6)
        expected = (0.2 - scale.background) / (1 - scale.background)
        expected -= 0.8 * expected**2
        assert scale.crowding == pytest.approx(expected, abs=1e-6)

    @pytest.mark.parametrize(
        ("setting", "weight"), [("off", 0), ("0", 0), ("1.85", 1), ("0.37", 0.2)]
    )
    def test_a_setting_is_the_discount_for_one_color(self, setting, weight):
        # From one color to colors far apart, the log-odds rise by 1.85.
        scale = Scale(0.3)
        assert scale.settled_weight(setting) == pytest.approx(weight)
        assert scale.usual_weight(setting) == pytest.approx(weight)

    def test_what_is_usual_is_of_the_scale(self):
        # One unit of log-odds of color, of 12 for a unit of similarity.
        assert Scale(0.0).usual_weight("auto") == pytest.approx(1 / 12)
        assert Scale(0.25).usual_weight("auto") == pytest.approx(0.75 / 12)
        assert Scale(0.0).settled_weight("auto") is None
        assert full_discount(0.1) == pytest.approx(0.185)


def model_of(middle, slope, color, scale=None, **known):
    draws = (np.array(of, np.float64) for of in (middle, slope, color))
    return PairModel(scale or Scale(), *draws, **known)


class TestPairModel:
    MODEL = model_of([0.4, 0.5], [10, 14], [1, 3], Scale(0.2))

    def test_probability_worked_by_hand(self):
        # The means are 0.45, 12 and 2. A cosine of 0.6 is 0.5 on the scale: 12 * 0.05.
        odds = np.array([0.6, 0.6 + 2 * 0.9, 0.6 - 2 * 0.95])
        expected = np.exp(odds) / (1 + np.exp(odds))
        found = self.MODEL.probability(np.full(3, 0.6), np.array([0, 0.9, -0.95]))
        np.testing.assert_allclose(found, expected, rtol=1e-9)

    def test_even_odds_are_in_the_middle(self):
        middle = 0.2 + 0.45 * 0.8
        found = self.MODEL.probability(np.array([middle]), np.zeros(1))
        assert found == pytest.approx(0.5)

    def test_never_overflows(self):
        model = model_of([0.4], [1e6], [1])
        found = model.probability(np.array([-1.0, 1.0]), np.zeros(2))
        np.testing.assert_allclose(found, [0, 1], atol=1e-12)

    def test_each_draw_has_its_own(self):
        evidence = Evidence(np.array([0.6, 0.2]), np.array([0.5, 0]), np.ones(2))
        odds = [[10 * 0.1 + 0.5, -4.0], [0 + 1.5, -7.0]]
        expected = 1 / (1 + np.exp(-np.array(odds)))
        np.testing.assert_allclose(self.MODEL.drawn(evidence), expected, rtol=1e-9)

    @pytest.mark.parametrize("probability", [0.1, 0.5, 0.9])
    @pytest.mark.parametrize("color", [-0.95, 0.0, 0.9])
    def test_level_is_where_the_probability_is_reached(self, probability, color):
        level = self.MODEL.level(probability, color)
        cosine = level + self.MODEL.color_weight * (0.9 - color)
        found = self.MODEL.probability(np.array([cosine]), np.array([color]))
        assert found == pytest.approx(probability)

    def test_the_weight_of_color_is_the_usual_one_until_somebody_answers(self):
        draws = [0.4], [10], [3]
        silent = model_of(*draws, Scale(0.2))
        assert silent.color_weight == pytest.approx(0.8 / 12)
        answered = model_of(*draws, Scale(0.2), num_answers=1)
        assert answered.color_weight == pytest.approx(0.8 * 3 / 10)

    def test_the_discount_is_2_at_most_which_the_next_run_can_be_given(self):
        learned = model_of([0.4], [2], [9], num_answers=500)
        assert full_discount(learned.color_weight) == pytest.approx(2)
        setting = str(full_discount(learned.color_weight))
        assert GroupingSettings(color=setting).color == setting

    @pytest.mark.parametrize("weight", [0.0, 0.2])
    def test_a_weight_that_is_settled_stays(self, weight):
        known = {"num_answers": 50, "settled_weight": weight}
        assert model_of([0.4], [10], [3], **known).color_weight == weight

    def test_summary(self):
        assert self.MODEL.summary() == pytest.approx(
            {
                "background": 0.2,
                "middle": 0.45,
                "slope": 12,
                "color": 2,
                "middle_deviation": 0.05,
                "slope_deviation": 2,
                "color_deviation": 1,
            }
        )
