from collections import Counter

import numpy as np
import pytest

from cv_tf.pipeline import BlockOrder

BLOCKS = np.repeat([0, 1, 2, 3, 4], [100, 60, 12, 9, 3])
SMALL = {2, 3, 4}


def test_every_batch_comes_from_one_block_or_from_small_ones_together():
    order = BlockOrder(BLOCKS, 20, seed=0)
    for step in range(100):
        there = set(BLOCKS[order(step)])
        assert len(there) == 1 or there <= SMALL


def test_blocks_are_drawn_in_proportion_to_their_size():
    order = BlockOrder(BLOCKS, 20, seed=0)
    assert order.steps_per_epoch == 5 + 3 + 1  # 100 / 20, 60 / 20, 24 // 20
    for epoch in range(4):
        steps = range(epoch * 9, epoch * 9 + 9)
        blocks = [BLOCKS[order(step)[0]] for step in steps]
        kinds = Counter("small" if block in SMALL else block for block in blocks)
        assert kinds == {0: 5, 1: 3, "small": 1}


def test_no_product_comes_twice_an_epoch_and_all_come_in_time():
    order = BlockOrder(BLOCKS, 20, seed=3)
    seen = set()
    for epoch in range(20):
        steps = range(epoch * 9, epoch * 9 + 9)
        rows = np.concatenate([order(step) for step in steps])
        assert len(rows) == len(set(rows)) == 9 * 20
        seen |= set(rows)
    assert seen == set(range(len(BLOCKS)))


def test_products_of_a_small_block_meet_in_one_batch():
    blocks = np.repeat(np.arange(30), 8)  # no block fills a batch of 16 alone
    order = BlockOrder(blocks, 16, seed=0)
    for step in range(30):
        assert len(set(blocks[order(step)])) <= 3


def test_too_few_small_products_are_filled_up_from_anywhere():
    blocks = np.repeat([0, 1], [50, 4])
    order = BlockOrder(blocks, 10, seed=0)
    mixed = [order(s) for s in range(6) if 1 in blocks[order(s)]]
    assert order.steps_per_epoch == 6
    assert len(mixed) == 1
    assert len(set(mixed[0])) == 10
    assert set(range(50, 54)) <= set(mixed[0])


def test_a_step_is_the_same_whatever_was_asked_before():
    order = BlockOrder(BLOCKS, 20, seed=5)
    forwards = [order(step) for step in range(30)]
    for step in (29, 3, 17):
        fresh = BlockOrder(BLOCKS, 20, seed=5)
        np.testing.assert_array_equal(fresh(step), forwards[step])


def test_a_batch_that_does_not_fit_says_what_to_do():
    with pytest.raises(ValueError, match="Lower --batch_size"):
        BlockOrder(np.zeros(5), 6, seed=0)
