"""Learning the model of pairs, on catalogs whose curve is known."""

import dataclasses

import numpy as np
import pytest
from simulated import Curve, simulate

from cv_tf.grouping import Evidence, Scale
from cv_tf.grouping.expectation import expect
from cv_tf.grouping.learning import Answered, learn


def learned(catalog, number=0, setting="auto", seed=0, **known):
    """The model after so many answers, on the scale where strangers have 0."""
    scale = known.pop("scale", Scale())
    answered = catalog.answers(number, seed) if number else None
    evidence = catalog.evidence
    products = catalog.products
    has_colors = products.lab is not None
    number = len(products)
    return learn(scale, evidence, number, has_colors, setting, answered, **known)


class TestNothingIsKnown:
    def test_it_is_what_other_shops_tell(self):
        """0.41 in the middle, deviating by 0.12; slopes of 12, give or take 20%."""
        model = learned(simulate())
        assert model.middle.mean() == pytest.approx(0.41, abs=0.02)
        assert model.middle.std() == pytest.approx(0.12, abs=0.02)
        assert np.exp(np.log(model.slope).mean()) == pytest.approx(12, abs=0.4)
        assert np.log(model.slope).std() == pytest.approx(0.2, abs=0.02)
        assert model.num_answers == 0

    def test_the_middle_is_above_what_is_alike_by_chance(self):
        model = learned(simulate(), scale=Scale(0.0, 0.2))
        assert model.middle.mean() == pytest.approx(0.61, abs=0.02)

    def test_vectors_that_are_all_alike_are_known_less_well(self):
        model = learned(simulate(), scale=Scale(0.4, 0.0))
        assert model.middle.mean() == pytest.approx(0.41 + 0.25 * 0.4, abs=0.03)
        assert model.middle.std() == pytest.approx(0.12 + 0.15 * 0.4, abs=0.02)

    def test_without_merges_it_is_the_same(self):
        catalog = simulate(num_merges=3)
        none = Evidence(*np.empty((3, 0)))
        model = learn(Scale(), none, len(catalog.products), False, variants="few")
        assert model.middle.mean() == pytest.approx(0.41, abs=0.02)

    def test_without_colors_color_counts_for_nothing(self):
        model = learned(simulate())
        assert not model.color.any()

    def test_with_colors_it_counts_as_is_usual(self):
        model = learned(simulate(colored=True))
        assert 0.5 < np.exp(np.log(model.color).mean()) < 2
        assert model.color_weight == pytest.approx(1 / 12)


class TestAnswers:
    @pytest.mark.parametrize("colored", [False, True])
    @pytest.mark.parametrize(
        "curve", [Curve(0.5, 11, 0.8), Curve(0.3, 14, 1.5), Curve(0.65, 9, 0.4)]
    )
    def test_many_find_the_curve_again(self, curve, colored):
        catalog = simulate(curve, 2000, seed=3, colored=colored)
        model = learned(catalog, 2000)
        assert model.num_answers == 2000
        drawn = {"middle": model.middle, "slope": model.slope}
        if colored:
            drawn["color"] = model.color
        for name, draws in drawn.items():
            apart = abs(draws.mean() - getattr(curve, name))
            assert apart < 3 * draws.std(), name
        assert model.middle.std() < 0.02
        assert model.slope.std() < 1
        assert model.color.std() < 0.4

    def test_thousands_tell_more_than_hundreds_of_color_too(self):
        catalog = simulate(Curve(0.5), 6000, colored=True)
        spread = [learned(catalog, n).color.std() for n in (600, 6000)]
        # A tenth of the variance, less what is usual adds to the fewer.
        assert spread[1] < spread[0] / 2

    def test_more_of_them_tell_more(self):
        catalog = simulate(Curve(0.5), 1000)
        spread = [learned(catalog, n).middle.std() for n in (0, 20, 200)]
        assert spread[0] > 2 * spread[1] > 4 * spread[2]

    def test_thousands_outweigh_what_is_usual(self):
        """At 0.85 with a slope of 30, far from all other shops."""
        curve = Curve(0.85, 30)
        model = learned(simulate(curve, 3000), 3000)
        assert model.middle.mean() == pytest.approx(0.85, abs=0.01)
        assert model.slope.mean() == pytest.approx(30, rel=0.2)

    @pytest.mark.parametrize(("same", "rises"), [(True, False), (False, True)])
    def test_all_alike_move_the_middle_and_leave_it_finite(self, same, rises):
        catalog = simulate(num_merges=100)
        answered = Answered(catalog.evidence, np.full(100, float(same)))
        model = learn(
            Scale(), catalog.evidence, len(catalog.products), False, "auto", answered
        )
        assert np.isfinite(model.middle).all()
        assert (model.middle.mean() > 0.43) == rises

    def test_a_share_counts_as_so_many_answers(self):
        """Half a yes is a yes and a no of half the weight: even odds."""
        half = Evidence(np.full(400, 0.7), np.zeros(400), np.ones(400))
        answered = Answered(half, np.full(400, 0.5))
        model = learn(Scale(), half, len(simulate().products), False, "auto", answered)
        found = model.probability(np.array([0.7]), np.zeros(1))
        assert found == pytest.approx(0.5, abs=0.05)

    def test_none_are_as_if_nobody_was_asked(self):
        catalog = simulate()
        none = Answered(Evidence(*np.empty((3, 0))), np.empty(0))
        model = learn(
            Scale(), catalog.evidence, len(catalog.products), False, "auto", none
        )
        assert model.summary() == learned(catalog).summary()

    def test_the_background_is_taken_into_account(self):
        catalog = simulate(Curve(0.5), 2000)
        scale = Scale(0.3)
        evidence = dataclasses.replace(
            catalog.evidence, cosine=0.3 + 0.7 * catalog.evidence.cosine
        )
        answered = Answered(evidence, catalog.same.astype(float))
        model = learn(scale, evidence, len(catalog.products), False, "auto", answered)
        assert model.middle.mean() == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("setting", ["off", "0.185", "0.925"])
@pytest.mark.parametrize("number", [0, 100])
def test_a_setting_of_color_is_kept_in_every_draw(setting, number):
    catalog = simulate(colored=True)
    model = learned(catalog, number, setting, scale=Scale(0.2))
    weight = 0.0 if setting == "off" else float(setting) / 1.85
    assert model.color_weight == pytest.approx(weight)
    # Log-odds of a unit of color over those of a unit of cosine similarity.
    found = model.color / (model.slope / (1 - 0.2))
    np.testing.assert_allclose(found, weight, atol=1e-12)


@pytest.mark.parametrize("number", [0, 30])
def test_the_same_call_gives_the_same_model(number):
    first, second = (learned(simulate(colored=True), number) for _ in range(2))
    for name in ("middle", "slope", "color"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


class TestHint:
    def shares(self, catalog, hint, number=0):
        """The mean, and the draws, of the share of products in a right pair."""
        model = learned(catalog, number, variants=hint)
        right = model.drawn(catalog.evidence).sum(axis=1)
        return 2 * right / len(catalog.products)

    def test_moves_what_is_expected_in_its_direction(self):
        catalog = simulate(num_merges=600)
        hints = ("few", "some", "most")
        few, some, most = (self.shares(catalog, hint).mean() for hint in hints)
        assert few < some < most
        unknown = self.shares(catalog, "unknown").mean()
        assert few < unknown < most
        assert few < 0.35
        assert some == pytest.approx(0.45, abs=0.15)
        assert most > 0.6

    def test_narrows_down(self):
        catalog = simulate(num_merges=600)
        widths = [self.shares(catalog, hint).std() for hint in ("few", "unknown")]
        assert widths[0] < widths[1]

    def test_answers_outweigh_it(self):
        catalog = simulate(Curve(0.35), 2000)
        truth = catalog.same.mean()
        assert truth > 0.6
        found = self.shares(catalog, "few", 1000).mean()
        assert found == pytest.approx(truth, abs=0.06)


@pytest.mark.integration
@pytest.mark.parametrize("colored", [False, True])
def test_intervals_hold_the_truth_as_often_as_they_say(colored):
    """90% of the time: of 40 catalogs of all kinds, in 32 at least."""
    random = np.random.default_rng(8)
    held = 0
    for seed in range(40):
        curve = Curve(
            random.normal(0.43, 0.15),
            12 * np.exp(random.normal(0, 0.2)),
            np.exp(random.normal(0, 0.7)),
        )
        catalog = simulate(curve, 300, seed, colored=colored)
        model = learned(catalog, 60, seed=seed)
        level = float(catalog.evidence.cosine[random.integers(60, 200)])
        precision = expect(model, catalog.dendrograms, level).precision
        held += precision.low <= catalog.figures(level)[0] <= precision.high
    assert held >= 32
