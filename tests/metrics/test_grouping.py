"""Grouping figures: hand-worked, against scikit-learn and plain loops."""

import itertools

import numpy as np
import pytest
from sklearn import metrics

from cv_tf.metrics import grouping_figures


def _random(num_products=90, seed=0):
    rng = np.random.default_rng(seed)
    styles = rng.integers(0, 30, num_products)
    # Groups that agree with the styles for two thirds of the products.
    groups = np.where(rng.random(num_products) < 2 / 3, styles, rng.integers(0, 40, 90))
    return groups, styles


def _by_loops(groups, styles):
    grouped = same = both = 0
    for i, j in itertools.combinations(range(len(styles)), 2):
        grouped += groups[i] == groups[j]
        same += styles[i] == styles[j]
        both += groups[i] == groups[j] and styles[i] == styles[j]

    def sets(labels):
        members = (
            {i for i, x in enumerate(labels) if x == label} for label in set(labels)
        )
        return [m for m in members if len(m) > 1]

    predicted, true = sets(groups.tolist()), sets(styles.tolist())
    return {
        "cgacc": sum(group in predicted for group in true) / len(true),
        "pairwise_precision": both / grouped,
        "pairwise_recall": both / same,
        "pairwise_f1": 2 * both / (grouped + same),
        "num_groups_predicted": len(predicted),
        "num_groups_true": len(true),
    }


def test_worked_by_hand():
    styles = np.array([0, 0, 1, 1, 1, 2, 3])
    groups = np.array([5, 5, 6, 6, 7, 7, 8])
    # Predicted pairs: 01, 23, 45; true pairs: 01, 23, 24, 34; of the two true groups
    # only the first is matched exactly.
    figures = grouping_figures(groups, styles)
    assert figures["cgacc"] == 1 / 2
    assert figures["pairwise_precision"] == pytest.approx(2 / 3)
    assert figures["pairwise_recall"] == pytest.approx(2 / 4)
    assert figures["pairwise_f1"] == pytest.approx(4 / 7)
    assert figures["fms"] == pytest.approx(2 / np.sqrt(3 * 4))
    # Rand index adjusted: (2 - 3 * 4 / 21) / ((3 + 4) / 2 - 3 * 4 / 21).
    assert figures["ari"] == pytest.approx((2 - 12 / 21) / (3.5 - 12 / 21))
    assert figures["num_groups_predicted"] == 3
    assert figures["num_groups_true"] == 2


@pytest.mark.parametrize("seed", range(3))
def test_equals_plain_loops_and_scikit_learn(seed):
    groups, styles = _random(seed=seed)
    figures = grouping_figures(groups, styles)
    expected = _by_loops(groups, styles) | {
        "ari": metrics.adjusted_rand_score(styles, groups),
        "fms": metrics.fowlkes_mallows_score(styles, groups),
        "nmi": metrics.normalized_mutual_info_score(styles, groups),
    }
    assert figures == pytest.approx(expected)
    (_, wrong), (missed, right) = metrics.cluster.pair_confusion_matrix(styles, groups)
    assert figures["pairwise_precision"] == pytest.approx(right / (right + wrong))
    assert figures["pairwise_recall"] == pytest.approx(right / (right + missed))


def test_perfect_groups():
    styles = np.array([3, 3, 0, 0, 0, 1])
    figures = grouping_figures(np.array([0, 0, 1, 1, 1, 2]), styles)
    counts = {"num_groups_predicted": 2, "num_groups_true": 2}
    assert figures == pytest.approx(dict.fromkeys(figures, 1.0) | counts)


def test_nothing_grouped():
    figures = grouping_figures(np.arange(4), np.array([0, 0, 1, 1]))
    for name in ("cgacc", "ari", "fms", "pairwise_precision", "pairwise_f1"):
        assert figures[name] == 0, name
    assert figures["num_groups_predicted"] == 0


def test_a_group_that_holds_two_styles_matches_neither():
    figures = grouping_figures(np.zeros(4, int), np.array([0, 0, 1, 1]))
    assert figures["cgacc"] == 0
    assert figures["pairwise_precision"] == pytest.approx(2 / 6)
    assert figures["pairwise_recall"] == 1


def test_products_of_unknown_style_do_not_count():
    groups, styles = _random()
    rng = np.random.default_rng(4)
    unknown_groups = rng.integers(0, 40, 50)
    more = grouping_figures(
        np.append(groups, unknown_groups), np.append(styles, np.full(50, -1))
    )
    assert more == grouping_figures(groups, styles)


def test_order_and_names_do_not_matter():
    groups, styles = _random()
    rng = np.random.default_rng(5)
    order = rng.permutation(90)
    names = rng.permutation(100)
    shuffled = grouping_figures(names[groups][order], names[::-1][styles][order])
    assert shuffled == pytest.approx(grouping_figures(groups, styles))


def test_pairs_beyond_32_bits_are_counted():
    figures = grouping_figures(np.zeros(100_000, np.int32), np.arange(100_000) % 2)
    right, predicted = 2 * 50_000 * 49_999 // 2, 100_000 * 99_999 // 2
    assert figures["pairwise_precision"] == right / predicted
    assert figures["pairwise_recall"] == 1


@pytest.mark.parametrize("styles", [[0, 1, 2], [-1, -1, 0], [-1, -1, -1]])
def test_refuses_styles_without_groups(styles):
    with pytest.raises(ValueError, match="No style has two products"):
        grouping_figures(np.array([0, 0, 1]), np.array(styles))


def test_refuses_groups_of_other_products():
    with pytest.raises(ValueError, match=r"Groups have shape \(3,\) and styles \(2,\)"):
        grouping_figures(np.array([0, 0, 1]), np.array([0, 0]))
