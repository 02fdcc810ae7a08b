"""Pairs that groups miss and make wrongly, product by product."""

import itertools

import numpy as np

from cv_tf.metrics import pair_errors


def test_worked_by_hand():
    # Style 0 is in two groups, two products each; group 1 also has one of style 1.
    groups = np.array([0, 0, 1, 1, 1, 2])
    styles = np.array([0, 0, 0, 0, 1, 1])
    errors = pair_errors(groups, styles)
    assert errors.missed.tolist() == [4, 4, 4, 4, 1, 1]
    assert errors.wrong.tolist() == [0, 0, 2, 2, 2, 0]


def test_products_of_unknown_style_are_in_no_pair():
    errors = pair_errors(np.array([5, 5, 5, 7]), np.array([3, -1, -1, 3]))
    assert errors.missed.tolist() == [1, 0, 0, 1]
    assert errors.wrong.tolist() == [0, 0, 0, 0]
    nothing = pair_errors(np.array([5, 5]), np.array([-1, -1]))
    assert nothing.missed.tolist() == nothing.wrong.tolist() == [0, 0]


def test_counts_every_pair_once():
    rng = np.random.default_rng(0)
    groups, styles = rng.integers(0, 12, 60), rng.integers(-1, 15, 60)
    errors = pair_errors(groups, styles)
    for row in range(60):
        pairs = [
            (a, b)
            for a, b in itertools.combinations(range(60), 2)
            if styles[a] >= 0 and styles[b] >= 0
        ]
        missed = sum(
            styles[a] == styles[b] == styles[row] and groups[a] != groups[b]
            for a, b in pairs
        )
        wrong = sum(
            groups[a] == groups[b] == groups[row] and styles[a] != styles[b]
            for a, b in pairs
        )
        assert errors.missed[row] == missed
        assert errors.wrong[row] == wrong
