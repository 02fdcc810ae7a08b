"""Splitting rows into blocks."""

import numpy as np
import pytest

from cv_tf.retrieval import rows_by_block


def _as_lists(blocks, num_products):
    return [(b, r.tolist()) for b, r in rows_by_block(blocks, num_products)]


def test_rows_of_each_block_are_ascending():
    blocks = np.array([7, 2, 7, 7, 2, 5])
    assert _as_lists(blocks, 6) == [(2, [1, 4]), (5, [5]), (7, [0, 2, 3])]


def test_no_blocks_are_one_block():
    assert _as_lists(None, 3) == [(0, [0, 1, 2])]


def test_no_products_are_no_blocks():
    assert _as_lists(None, 0) == []


def test_refuses_blocks_of_other_rows():
    with pytest.raises(ValueError, match=r"\(2,\); expected \(3,\)"):
        _as_lists(np.array([0, 1]), 3)
