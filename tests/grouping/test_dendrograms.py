"""Cutting a list of merges."""

import dataclasses

import numpy as np
import pytest

from cv_tf.grouping import Dendrograms

# Rows 1 and 4 merge, then 0 and 3, then both pairs; 2 and 5 never.
DENDROGRAMS = Dendrograms(
    num_products=6,
    merges=np.array([[1, 4], [0, 3], [0, 1]], np.int32),
    similarities=np.array([0.9, 0.7, 0.4]),
)


@pytest.mark.parametrize(
    ("threshold", "groups"),
    [
        (0.95, [0, 1, 2, 3, 4, 5]),
        (0.9, [0, 1, 2, 3, 1, 4]),
        (0.8, [0, 1, 2, 3, 1, 4]),
        (0.7, [0, 1, 2, 0, 1, 3]),
        (0.5, [0, 1, 2, 0, 1, 3]),
        (0.4, [0, 0, 1, 0, 0, 2]),
        (-1.0, [0, 0, 1, 0, 0, 2]),
    ],
)
def test_groups_are_those_of_all_merges_from_the_threshold_on(threshold, groups):
    cut = DENDROGRAMS.cut(threshold)
    assert cut.tolist() == groups
    assert cut.dtype == np.int32


def test_nothing_to_merge_leaves_every_product_alone():
    alone = Dendrograms(3, np.empty((0, 2), np.int32), np.empty(0))
    assert alone.cut(0.0).tolist() == [0, 1, 2]


def test_refuses_a_threshold_below_the_floor():
    floored = dataclasses.replace(DENDROGRAMS, floor=0.3)
    assert floored.cut(0.3).tolist() == [0, 0, 1, 0, 0, 2]
    with pytest.raises(ValueError, match=r"0\.2 is below 0\.3"):
        floored.cut(0.2)


def test_refuses_a_threshold_that_is_not_a_number():
    with pytest.raises(ValueError, match="threshold is NaN"):
        DENDROGRAMS.cut(float("nan"))
