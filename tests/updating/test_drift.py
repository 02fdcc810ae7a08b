"""What is measured of new products, and when that is unusual."""

import json
import math

import numpy as np
import pytest
from angles import at_degrees

from cv_tf.embeddings import Embeddings
from cv_tf.errors import UserError
from cv_tf.updating import (
    Baseline,
    Drift,
    Measured,
    Share,
    compare_with_baseline,
    ks_distance,
    read_drift,
    similarities_to_nearest,
    write_drift,
)

NONE = Share(0, 0)


def checks(baseline=None, measured=None, gone=NONE):
    """The comparisons by their names."""
    baseline, measured = baseline or Measured(), measured or Measured()
    return {it.name: it for it in compare_with_baseline(baseline, measured, gone)}


class TestDistance:
    @pytest.mark.parametrize(
        ("first", "second", "distance"),
        [
            # Below 3 are half of the first and none of the second.
            ([1, 2, 3, 4], [3, 4], 0.5),
            ([1, 2], [3, 4], 1.0),
            ([1, 2, 3], [1, 2, 3], 0.0),
            ([1, 1, 2], [1, 2, 2], 1 / 3),
            ([], [1], 0.0),
        ],
    )
    def test_is_that_of_the_distribution_functions(self, first, second, distance):
        assert ks_distance(first, second) == pytest.approx(distance)
        assert ks_distance(second, first) == pytest.approx(distance)

    def test_is_that_of_a_loop(self):
        random = np.random.default_rng(0)
        first, second = np.sort(random.normal(size=20)), np.sort(random.random(30))
        apart = [
            abs(np.mean(first <= at) - np.mean(second <= at))
            for at in [*first, *second]
        ]
        assert ks_distance(first, second) == pytest.approx(max(apart))


class TestNearest:
    def test_is_within_the_block_and_of_another_photo(self):
        # 0, 60 and 90 degrees in a block; a copy of the first; one alone in its block.
        vectors = at_degrees(0, 60, 90, 0, 0)
        embeddings = Embeddings.of_arrays(vectors, np.array([0, 0, 0, 0, 1]))
        found = similarities_to_nearest(embeddings, np.array([0, 2, 3, 4]))
        # Of the photo at 0 degrees, whose products count once, and of that at 90.
        expected = [math.cos(math.radians(60)), math.cos(math.radians(30))]
        assert found == pytest.approx(expected, abs=1e-4)

    def test_of_nothing_there_is_none(self):
        embeddings = Embeddings.of_arrays(at_degrees(0, 60))
        assert similarities_to_nearest(embeddings, np.array([], np.int64)) == ()


class TestSimilarity:
    def test_few_products_may_differ_by_more(self):
        # 0.1 and 2.0365 * sqrt(2 * (1 / 800 + 1 / 200)), of sqrt(-ln(0.00025) / 2).
        baseline = Measured(nearest=tuple(np.linspace(0, 1, 800)))
        measured = Measured(nearest=tuple(np.linspace(0, 1, 200)))
        check = checks(baseline, measured)["nearest"]
        assert check.limit == pytest.approx(0.1 + 2.0365 * math.sqrt(0.0125), abs=1e-4)
        assert (check.number, check.warning) == (200, "")
        few = Measured(nearest=(0.0, 0.0))
        check = checks(baseline, few)["nearest"]
        assert (check.limit, check.warning) == (1.0, "")

    @pytest.mark.parametrize(
        ("shift", "kind"), [(-0.4, "less similar"), (0.4, "more similar")]
    )
    def test_a_shift_is_told_either_way(self, shift, kind):
        baseline = Measured(nearest=tuple(np.linspace(0, 1, 800)))
        shifted = Measured(nearest=tuple(np.linspace(shift, 1 + shift, 200)))
        warning = checks(baseline, shifted)["nearest"].warning
        assert warning.startswith(f"The 200 newest products are {kind}")
        assert f"{0.5 + shift:.2f} in the median, and 0.50 there" in warning


class TestShares:
    def test_the_limit_is_that_of_two_shares(self):
        # 10 of 100, and 30 of 100: together 0.2, so the error of one is 0.4; of their
        # difference, of half as many, 0.4 * sqrt(2 * (1 / 100 + 1 / 100)) = 0.08.
        baseline = Measured(doubtful=Share(10, 100))
        check = checks(baseline, Measured(doubtful=Share(30, 100)))["doubtful"]
        assert check.value == 0.3
        assert check.limit == pytest.approx(0.1 + 0.1 + 3.29 * 0.08)
        assert check.warning == ""

    @pytest.mark.parametrize(
        ("name", "words"),
        [
            ("no_frame", "Of 1,000 new photos, 60.0% have no plausible frame"),
            ("doubtful", "Of the 1,000 newest products, 60.0% are in doubtful groups"),
            ("rejected", "Of all 1,000 products, 60.0% have a photo that cannot be"),
        ],
    )
    def test_much_more_than_in_the_first_run_is_told(self, name, words):
        baseline = Measured(**{name: Share(100, 1000)})
        measured = Measured(**{name: Share(600, 1000)})
        warning = checks(baseline, measured)[name].warning
        assert warning.startswith(words)
        assert warning.endswith("in the first run 10.0%.")
        assert checks(measured, baseline)[name].warning == ""

    def test_doubts_of_all_products_are_no_drift(self):
        baseline = Measured(doubtful=Share(100, 1000))
        measured = Measured(doubtful=Share(600, 1000), doubtful_others=Share(550, 1000))
        assert checks(baseline, measured)["doubtful"].warning == ""
        measured = Measured(doubtful=Share(600, 1000), doubtful_others=Share(200, 1000))
        warning = checks(baseline, measured)["doubtful"].warning
        assert warning.endswith("60.0% are in doubtful groups; of all others 20.0%.")

    def test_a_hundredth_of_rejects_and_chance_is_the_limit(self):
        # Of 10,000 each 0 and 150: together 0.0075, the error is 0.08628, of the
        # difference 0.08628 * sqrt(2 * 0.0002) = 0.0017256.
        baseline = Measured(rejected=Share(0, 10_000))
        check = checks(baseline, Measured(rejected=Share(150, 10_000)))["rejected"]
        assert check.limit == pytest.approx(0.01 + 3.29 * 0.0017256, abs=1e-6)
        assert check.warning == ""
        measured = Measured(rejected=Share(200, 10_000))
        assert checks(baseline, measured)["rejected"].warning

    def test_nothing_new_is_nothing_unusual(self):
        baseline = Measured((0.5,), Share(1, 2), Share(1, 2), Share(1, 2))
        assert all(not it.warning for it in checks(baseline).values())


class TestGone:
    def test_more_than_a_tenth_and_chance_is_told(self):
        # 3.29 * 0.3 * sqrt(2 / 1,800) = 0.0329.
        check = checks(gone=Share(200, 1800))["gone"]
        assert check.limit == pytest.approx(0.1329)
        assert check.warning == ""
        warning = checks(gone=Share(900, 1800))["gone"].warning
        assert warning.startswith("Of the 1,800 products of the last run, 50.0% are")

    def test_of_a_handful_most_may_go(self):
        assert checks(gone=Share(3, 5))["gone"].warning == ""


def test_chance_warns_of_less_than_one_night_in_a_hundred():
    # Products in pairs that are much the same, as variants are.
    random = np.random.default_rng(0)
    warned = 0
    for _ in range(400):
        first, second = (np.repeat(random.random(n), 2) for n in (500, 100))
        baseline = Measured(
            tuple(np.sort(first)), doubtful=Share(int((first < 0.3).sum()), 1000)
        )
        measured = Measured(
            tuple(np.sort(second)), doubtful=Share(int((second < 0.3).sum()), 200)
        )
        warned += any(it.warning for it in checks(baseline, measured).values())
    assert warned < 4


class TestFile:
    DRIFT = Drift(
        Baseline(3, {"model": "m"}, Measured((0.25, 0.5), Share(1, 2))),
        Measured((0.75,), rejected=Share(2, 3)),
        checks(measured=Measured(rejected=Share(2, 3)), gone=Share(900, 1000)).values(),
    )

    def test_what_is_read_was_written(self, tmp_path):
        path = tmp_path / "drift.json"
        drift = Drift(
            self.DRIFT.baseline, self.DRIFT.measured, tuple(self.DRIFT.checks)
        )
        write_drift(path, drift)
        assert read_drift(path) == drift
        assert len(read_drift(path).warnings) == 1

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda it: it.pop("baseline"),
            lambda it: it["baseline"].update(run=0),
            lambda it: it["measured"].update(nearest=[0.5, 0.25]),
            lambda it: it["measured"].update(nearest=["much"]),
            lambda it: it["measured"]["doubtful"].update(number=-1),
            lambda it: it["checks"][0].update(value=None),
        ],
    )
    def test_a_damaged_one_is_told(self, spoil, tmp_path):
        path = tmp_path / "drift.json"
        write_drift(path, self.DRIFT)
        content = json.loads(path.read_text())
        spoil(content)
        path.write_text(json.dumps(content))
        with pytest.raises(UserError, match=r"drift.json.*cannot be read as .* Remove"):
            read_drift(path)
