from collections import Counter

import numpy as np
import pytest

from cv_tf.pipeline import StyleOrder

# Ten styles each of 2, 3, 4 and 6 products, and twenty of one.
SIZES = np.array([2, 3, 4, 6] * 10 + [1] * 20)
STYLES = np.repeat(np.arange(len(SIZES)), SIZES)


def counts(rows, styles=STYLES):
    return Counter(styles[rows].tolist())


def test_with_enough_products_a_batch_is_exactly_p_times_k():
    styles = np.repeat(np.arange(20), 5)
    order = StyleOrder(styles, 4, 32, seed=0)
    for step in range(50):
        rows = order(step)
        assert len(set(rows)) == 32
        assert list(counts(rows, styles).values()) == [4] * 8


def test_small_styles_give_all_they_have_and_the_batch_is_still_full():
    order = StyleOrder(STYLES, 4, 32, seed=0)
    for step in range(100):
        rows = order(step)
        assert len(rows) == len(set(rows)) == 32
        for count in counts(rows).values():
            assert 2 <= count <= 4


def test_styles_of_one_product_and_unknown_ones_are_never_drawn():
    styles = np.concatenate([STYLES, np.full(50, -1)])
    order = StyleOrder(styles, 2, 16, seed=0)
    drawn = np.concatenate([order(step) for step in range(200)])
    expected = {style for style, size in enumerate(SIZES) if size >= 2}
    assert set(styles[drawn]) == expected


def test_each_style_comes_once_an_epoch_and_all_products_in_time():
    styles = np.repeat(np.arange(24), 5)
    order = StyleOrder(styles, 2, 16, seed=0)
    assert order.steps_per_epoch == 3  # 24 styles, 8 a batch
    for epoch in range(5):
        steps = range(epoch * 3, epoch * 3 + 3)
        epoch_rows = np.concatenate([order(step) for step in steps])
        assert counts(epoch_rows, styles) == dict.fromkeys(range(24), 2)
    drawn = np.concatenate([order(step) for step in range(100)])
    assert set(drawn) == set(range(120))


def test_a_last_place_alone_is_paired_where_a_style_can_lend_one():
    styles = np.repeat(np.arange(6), 3)
    order = StyleOrder(styles, 3, 10, seed=0)  # 3 + 3 + 3 + 1 becomes 3 + 3 + 2 + 2
    for step in range(20):
        assert sorted(counts(order(step), styles).values()) == [2, 2, 3, 3]


def test_batches_of_one_block():
    styles = np.repeat(np.arange(40), 2)
    blocks = np.repeat([0, 1, 2, 3], [40, 30, 6, 4])
    order = StyleOrder(styles, 2, 8, seed=0, blocks=blocks)
    # Pools of 20, 15 and 3 + 2 styles, four a batch.
    assert order.steps_per_epoch == 5 + 3 + 1
    kinds = Counter(
        tuple(sorted({0: {0}, 1: {1}}.get(blocks[order(step)[0]], {2, 3})))
        for step in range(9)
    )
    assert kinds == {(0,): 5, (1,): 3, (2, 3): 1}
    for step in range(50):
        there = set(blocks[order(step)])
        assert len(there) == 1 or there <= {2, 3}


def test_a_step_is_the_same_whatever_was_asked_before():
    order = StyleOrder(STYLES, 4, 32, seed=5)
    forwards = [order(step) for step in range(30)]
    for step in (29, 3, 17):
        fresh = StyleOrder(STYLES, 4, 32, seed=5)
        np.testing.assert_array_equal(fresh(step), forwards[step])
    assert not np.array_equal(forwards[0], StyleOrder(STYLES, 4, 32, seed=6)(0))


def test_too_few_styles_say_what_there_is_and_what_to_do():
    with pytest.raises(ValueError, match=r"40 styles .* give 110 products.* takes 120"):
        StyleOrder(np.concatenate([STYLES, STYLES[:0]]), 3, 120, seed=0)
    with pytest.raises(ValueError, match="products_per_style is 1"):
        StyleOrder(STYLES, 1, 16, seed=0)
    with pytest.raises(ValueError, match="between 2 and the batch size"):
        StyleOrder(STYLES, 32, 16, seed=0)


class TestDifferent:
    """Styles that people said are different are drawn together."""

    STYLES = np.concatenate([np.arange(60).repeat(3), np.arange(60, 90), [-1] * 10])
    # Style 2k is not 2k + 1; product 180 + k, which is alone, is not of style k.
    DIFFERENT = np.array(
        [[6 * it, 6 * it + 3] for it in range(30)]
        + [[3 * it, 180 + it] for it in range(30)]
    )

    def order(self, **settings):
        settings = {"different": self.DIFFERENT} | settings
        return StyleOrder(self.STYLES, 3, 24, 0, **settings)

    def epoch(self, order):
        return [order(step) for step in range(order.steps_per_epoch)]

    def test_batches_are_full_and_hold_no_product_twice(self):
        order = self.order()
        for step in range(60):
            batch = order(step)
            assert len(batch) == len(set(batch.tolist())) == 24
            assert batch.dtype == np.int32
            assert (self.STYLES[batch] >= 0).all()

    def test_most_pairs_meet_in_a_batch(self):
        def share(order):
            """Of 30 pairs of styles, those that meet in an epoch."""
            drawn = [set(self.STYLES[batch].tolist()) for batch in self.epoch(order)]
            pairs = [{2 * it, 2 * it + 1} for it in range(30)]
            return np.mean([any(pair <= batch for batch in drawn) for pair in pairs])

        assert share(self.order()) > 0.7
        assert share(self.order(different=None)) < 0.3

    def test_products_alone_come_with_a_style_they_are_not_of(self):
        order, num_alone = self.order(), 0
        for step in range(40):
            batch = order(step)
            alone = batch[(batch >= 180) & (batch < 210)]
            num_alone += len(alone)
            beside = set(self.STYLES[batch].tolist())
            # The first of a batch may follow a style of the batch before.
            assert sum(row - 180 not in beside for row in alone.tolist()) <= 1
        assert num_alone > 60

    def test_products_that_nobody_compared_are_not_drawn_alone(self):
        order = self.order(different=self.DIFFERENT[:35])
        rows = np.concatenate([order(step) for step in range(60)])
        assert {*rows[rows >= 180]} == {*range(180, 185)}

    def test_is_a_function_of_seed_and_step(self):
        order, again = self.order(), self.order()
        for step in (7, 0, 25):
            np.testing.assert_array_equal(order(step), again(step))

    def test_without_pairs_nothing_changes(self):
        order, plain = (
            self.order(different=np.zeros((0, 2), int)),
            self.order(different=None),
        )
        for step in range(30):
            np.testing.assert_array_equal(order(step), plain(step))

    def test_pairs_of_two_blocks_do_not_meet(self):
        blocks = np.where(self.STYLES % 2 == 1, 1, 0)
        order = self.order(blocks=blocks)
        for step in range(40):
            assert len(set(blocks[order(step)])) == 1
