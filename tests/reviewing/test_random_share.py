"""Precision and recall from groups drawn at random: hand-worked, then simulated."""

import numpy as np
import pytest
from few import few

from cv_tf.grouping import Constraints
from cv_tf.reviewing.random_share import RandomShare

NOTHING = np.empty((0, 2), np.int64)


class Catalog:
    """Groups of products, of which some are wrong and some are torn.

    Attributes:
      style: [n] int, the truth, named by the lowest of the rows.
      of: [n] int, groups, named in the same way.
      wrong: [n] what a model expects that is wrong in each product's group.
      missed: [n] what it expects to be missed.
    """

    def __init__(self, seed, num_styles=160, share=0.15, belief=1.0, noise=0.5):
        random = np.random.default_rng(seed)
        size = random.integers(1, 6, num_styles)
        style = np.repeat(np.arange(num_styles), size)
        number = len(style)
        # Some styles are torn in two, and some pieces are joined to others.
        piece = 2 * style + ((random.random(num_styles) < share)[style]) * (
            random.random(number) < 0.5
        )
        joined = np.where(
            random.random(2 * num_styles) < share,
            random.integers(0, 2 * num_styles, 2 * num_styles),
            np.arange(2 * num_styles),
        )
        order = random.permutation(number)
        self.style, self.of = (lowest(it[order]) for it in (style, joined[piece]))
        same = self.style[:, None] == self.style
        grouped = self.of[:, None] == self.of
        self.true_wrong = (grouped & ~same).sum(axis=1)
        self.true_missed = (same & ~grouped).sum(axis=1)
        # A model that knows something of it.
        self.wrong, self.missed = (
            np.clip(belief * it + noise * random.gamma(0.3, 1.0, number) - 0.1, 0, None)
            for it in (self.true_wrong, self.true_missed)
        )
        self.wrong = np.minimum(self.wrong, np.bincount(self.of)[self.of] - 1)
        right, total = (grouped & same).sum() - number, same.sum() - number
        self.precision = right / (grouped.sum() - number)
        self.recall = right / total

    def share(self, seed=0):
        return RandomShare(self.of, self.wrong + self.missed, seed=seed)

    def known(self, drawn):
        """What people say of groups: all that is true of their products."""
        rows = np.flatnonzero(np.isin(self.of, list(drawn)))
        first, second = np.nonzero(self.of[rows][:, None] == self.of)
        apart = self.style[rows[first]] != self.style[second]
        mates = np.flatnonzero(np.isin(self.style, self.style[rows]))
        same = np.stack([mates, self.style[mates]], axis=1)
        apart = np.stack([rows[first], second], axis=1)[apart]
        return Constraints.of_pairs(len(self.of), same, apart)

    def draw(self, number, share):
        """Strata of so many groups that are drawn one after another."""
        drawn = {}
        for _ in range(number):
            name = share.next(drawn, ())
            if name is None:
                break
            drawn[int(name)] = share.stratum(name)
        return drawn

    def estimate(self, number, seed=0, of=None):
        share = self.share(seed)
        drawn = self.draw(number, share)
        of = self.of if of is None else of
        known = self.known(drawn)
        return share.estimate(drawn, of, known, self.wrong, self.missed)


def lowest(groups):
    return np.unique(groups, return_index=True)[1][
        np.unique(groups, return_inverse=True)[1]
    ]


class TestByHand:
    """Groups 0, 0, 0 and 3, 3 and 5; of the first, 2 is no variant but is one of 5."""

    OF = np.array([0, 0, 0, 3, 3, 5])
    KNOWN = Constraints.of_pairs(
        6, np.array([[0, 1], [2, 5], [3, 4]]), np.array([[0, 2]])
    )

    def estimate(self, wrong=0.0, known=None, drawn=(0, 3, 5)):
        share = RandomShare(self.OF, np.ones(6))
        strata = {row: share.stratum(row) for row in drawn}
        wrong, missed = np.full(6, wrong), np.zeros(6)
        return share.estimate(strata, self.OF, known or self.KNOWN, wrong, missed)

    def test_where_all_are_drawn_the_truth_is_known(self):
        found = self.estimate()
        # Of the ordered pairs in groups, 6 + 2, 2 + 2 are right; of true ones, 6.
        assert found.precision == pytest.approx((4 / 8,) * 3, abs=1e-3)
        assert found.recall == pytest.approx((4 / 6,) * 3, abs=1e-3)

    def test_the_model_does_not_matter_then(self):
        found = self.estimate(wrong=0.7)
        assert found.recall == pytest.approx((4 / 6,) * 3, abs=1e-3)

    def test_what_nobody_knows_counts_as_it_is_expected(self):
        nothing = Constraints.of_pairs(6, NOTHING, NOTHING)
        found = self.estimate(wrong=0.5, known=nothing)
        # Half a product of each group is wrong: of 8 ordered pairs, 2.5 are.
        assert found.precision.estimate == pytest.approx(5.5 / 8)
        assert found.recall.estimate == pytest.approx(1.0)

    def test_nothing_is_said_while_too_little_is_known(self):
        assert self.estimate(drawn=()) is None
        assert self.estimate(drawn=(0,)) is None

    def test_of_groups_that_are_not_drawn_nothing_is_taken(self):
        with_all = self.estimate(drawn=(0, 3, 5), known=self.KNOWN)
        assert with_all == self.estimate(drawn=(1, 4, 5), known=self.KNOWN)


class TestStrata:
    def test_are_of_more_doubt_the_fewer_groups_they_have(self):
        random = np.random.default_rng(0)
        doubt = random.gamma(0.2, 1.0, 500)
        share = RandomShare(np.arange(500), doubt)
        stratum = np.array([int(share.stratum(row).split()[0]) for row in range(500)])
        size = np.bincount(stratum)[1:]
        assert len(size) == 5
        assert size.sum() == 500
        assert (np.diff(size) > 0).all()
        mean = [doubt[stratum == it].mean() for it in range(1, 6)]
        assert (np.diff(mean) < 0).all()
        assert share.stratum(int(doubt.argmax())) == f"1 of {size[0]}"

    def test_are_drawn_from_equally_often_and_never_twice(self):
        catalog = Catalog(0)
        share = catalog.share()
        drawn = catalog.draw(40, share)
        assert len(drawn) == 40
        numbers = [name.split()[0] for name in drawn.values()]
        assert [numbers.count(str(it)) for it in range(1, 6)] == [8] * 5

    def test_are_drawn_from_until_no_group_is_left(self):
        catalog = Catalog(0, num_styles=30)
        drawn = catalog.draw(1000, catalog.share())
        assert set(drawn) == set(catalog.of.tolist())

    def test_the_order_is_that_of_the_seed_and_can_be_left_off(self):
        catalog = Catalog(0)
        first = catalog.draw(30, catalog.share())
        assert list(first) == list(catalog.draw(30, catalog.share()))
        assert list(first) != list(catalog.draw(30, catalog.share(seed=1)))
        share = catalog.share()
        begun = dict(list(first.items())[:12])
        assert share.next(begun, ()) == list(first)[12]

    def test_what_waits_is_not_drawn_again(self):
        catalog = Catalog(0)
        share = catalog.share()
        first = share.next({}, ())
        second = share.next({}, [first])
        assert first != second
        assert share.stratum(first) != share.stratum(second)

    def test_of_other_vectors_do_not_count(self):
        catalog = Catalog(0)
        share = catalog.share()
        drawn = catalog.draw(30, share)
        other = dict.fromkeys(drawn, "2 of 7")
        assert share.next(other, ()) == share.next({}, ())
        known = catalog.known(drawn)
        expected = catalog.wrong, catalog.missed
        assert share.estimate(other, catalog.of, known, *expected) is None

    def test_a_product_with_nothing_beside_it_is_not_drawn(self):
        has_beside = np.array([0, 0, 1, 0, 1], bool)
        share = RandomShare(np.array([0, 0, 2, 3, 4]), np.ones(5), has_beside)
        drawn = {}
        while (name := share.next(drawn, ())) is not None:
            drawn[name] = share.stratum(name)
        assert sorted(drawn) == [0, 2, 4]
        known = Constraints.of_pairs(5, np.array([[0, 1]]), NOTHING)
        found = share.estimate(
            drawn, np.array([0, 0, 2, 3, 4]), known, np.zeros(5), np.zeros(5)
        )
        assert found.recall.estimate == 1.0

    def test_where_no_product_has_anything_beside_it(self):
        share = RandomShare(np.arange(3), np.ones(3), np.zeros(3, bool))
        assert share.next({}, ()) is None
        known = Constraints.of_pairs(3, NOTHING, NOTHING)
        found = share.estimate({}, np.arange(3), known, np.zeros(3), np.zeros(3))
        assert found is None


@pytest.mark.integration
@pytest.mark.parametrize(
    ("belief", "noise", "share"),
    few((0.3, 0.5, 0.15), more=[(1, 0.5, 0.15), (0, 1, 0.3)]),
)
def test_estimates_are_unbiased_and_intervals_hold_the_truth(belief, noise, share):
    """Whatever the model is worth; of 160 styles, 50 groups are drawn."""
    off, holds = [], []
    for seed in range(120):
        catalog = Catalog(seed, share=share, belief=belief, noise=noise)
        found = catalog.estimate(50, seed)
        truth = catalog.precision, catalog.recall
        off.append([it.estimate - true for it, true in zip(found, truth, strict=True)])
        holds.append(
            [it.low <= true <= it.high for it, true in zip(found, truth, strict=True)]
        )
    error = np.std(off, axis=0) / len(off) ** 0.5
    assert (np.abs(np.mean(off, axis=0)) < 3 * error + 0.01).all()
    assert np.mean(holds) >= 0.93


@pytest.mark.integration
def test_groups_that_others_answers_have_changed_are_told_of_as_well():
    """The groups that are estimated are not those that were drawn."""
    off = []
    for seed in range(60):
        catalog = Catalog(seed)
        random = np.random.default_rng(seed)
        # Half of the styles are grouped rightly by now.
        settled = random.random(len(catalog.of))[catalog.style] < 0.5
        of = lowest(np.where(settled, catalog.style, len(settled) + catalog.of))
        same = catalog.style[:, None] == catalog.style
        grouped = of[:, None] == of
        number = len(of)
        right = (grouped & same).sum() - number
        truth = right / (grouped.sum() - number), right / (same.sum() - number)
        found = catalog.estimate(50, seed, of)
        off.append([it.estimate - true for it, true in zip(found, truth, strict=True)])
    error = np.std(off, axis=0) / len(off) ** 0.5
    assert (np.abs(np.mean(off, axis=0)) < 3 * error + 0.01).all()
