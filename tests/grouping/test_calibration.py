"""Choosing a threshold: hand-worked, and against scikit-learn at every cut."""

import dataclasses

import numpy as np
import pytest
from sklearn import metrics

from cv_tf.grouping import Dendrograms, calibrate

STYLES = np.array([0, 0, 1, 1, 2, 2])
# Right and wrong pairs after each merge: (1, 0), (1, 1), (2, 2), (3, 4), (3, 12).
DENDROGRAMS = Dendrograms(
    num_products=6,
    merges=np.array([[0, 1], [2, 4], [2, 3], [2, 5], [0, 2]], np.int32),
    similarities=np.array([0.9, 0.8, 0.6, 0.5, 0.1]),
)


@pytest.fixture(scope="module")
def linked(link_all, seed=0, num_products=120):
    """Noisy products of 40 styles, linked in 3 blocks."""
    rng = np.random.default_rng(seed)
    styles = rng.integers(0, 40, num_products)
    embeddings = rng.standard_normal((40, 8))[styles]
    embeddings = embeddings + 0.6 * rng.standard_normal((num_products, 8))
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    return link_all(embeddings, styles % 3), styles


def test_curve_worked_by_hand():
    curve = calibrate(DENDROGRAMS, STYLES).curve
    expected = {
        "precision": [0, 1, 1 / 2, 2 / 4, 3 / 7, 3 / 15],
        "recall": [0, 1 / 3, 1 / 3, 2 / 3, 1, 1],
        "f1": [0, 2 / 4, 2 / 5, 4 / 7, 6 / 10, 6 / 18],
        "fms": np.sqrt([0, 1 / 3, 1 / 6, 4 / 12, 9 / 21, 9 / 45]),
        "threshold": [0.95, 0.85, 0.7, 0.55, 0.3, -0.45],
    }
    assert curve.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(curve[name], values, rtol=1e-7, err_msg=name)


def test_chooses_the_middle_between_two_merges():
    assert calibrate(DENDROGRAMS, STYLES).threshold == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("crowding", "f1", "threshold"),
    [
        # Wrong pairs doubled: 2/4, 2/6, 4/9, 6/14, 6/30.
        (2.0, [0, 1 / 2, 1 / 3, 4 / 9, 3 / 7, 1 / 5], 0.85),
        # Wrong pairs halved: 2/4, 2/4.5, 4/6, 6/8, 6/12.
        (0.5, [0, 1 / 2, 4 / 9, 2 / 3, 3 / 4, 1 / 2], 0.3),
    ],
)
def test_wrong_pairs_grow_with_the_catalog(crowding, f1, threshold):
    calibration = calibrate(DENDROGRAMS, STYLES, crowding=crowding)
    np.testing.assert_allclose(calibration.curve["f1"], f1)
    assert calibration.threshold == pytest.approx(threshold)


def test_the_same_number_of_labelled_products_changes_nothing():
    plain = calibrate(DENDROGRAMS, STYLES)
    same = calibrate(DENDROGRAMS, STYLES, crowding=1.0)
    for name, values in plain.curve.items():
        np.testing.assert_array_equal(values, same.curve[name])


@pytest.mark.parametrize("criterion", ["f1", "fms"])
def test_equals_scikit_learn_at_every_cut(linked, criterion):
    dendrograms, styles = linked
    calibration = calibrate(dendrograms, styles, criterion)
    scores = []
    for i, threshold in enumerate(calibration.curve["threshold"]):
        groups = dendrograms.cut(threshold)
        fms = metrics.fowlkes_mallows_score(styles, groups)
        # Counts of ordered pairs: [apart in both, grouped only], [style only, both].
        (_, wrong), (missed, right) = metrics.cluster.pair_confusion_matrix(
            styles, groups
        )
        f1 = 2 * right / (2 * right + wrong + missed)
        assert calibration.curve["fms"][i] == pytest.approx(fms)
        assert calibration.curve["f1"][i] == pytest.approx(f1)
        scores.append({"f1": f1, "fms": fms}[criterion])
    reached = scores[list(calibration.curve["threshold"]).index(calibration.threshold)]
    assert reached == max(scores) > 0.5


def test_names_of_styles_do_not_matter(linked):
    dendrograms, styles = linked
    renamed = np.random.default_rng(3).permutation(1000)[styles]
    assert (
        calibrate(dendrograms, styles).threshold
        == calibrate(dendrograms, renamed).threshold
    )


def test_unlabelled_products_leave_the_counts_alone():
    # Products 6 and 7 of unknown style join both groups of the hand-worked case.
    dendrograms = Dendrograms(
        8,
        np.insert(DENDROGRAMS.merges, [1, 3], [[0, 6], [2, 7]], axis=0),
        np.insert(DENDROGRAMS.similarities, [1, 3], [0.85, 0.55]),
    )
    labelled = calibrate(DENDROGRAMS, STYLES)
    partly = calibrate(dendrograms, np.append(STYLES, [-1, -1]))
    assert sorted(set(partly.curve["f1"])) == sorted(set(labelled.curve["f1"]))
    assert partly.curve["f1"].max() == labelled.curve["f1"].max()


def test_no_threshold_lies_between_tied_merges():
    tied = Dendrograms(6, DENDROGRAMS.merges, np.array([0.9, 0.5, 0.5, 0.5, 0.1]))
    curve = calibrate(tied, STYLES).curve
    np.testing.assert_allclose(curve["threshold"], [0.95, 0.7, 0.3, -0.45])
    np.testing.assert_allclose(curve["f1"], [0, 2 / 4, 6 / 10, 6 / 18])


def test_identical_embeddings_can_be_told_from_nothing_grouped(link_all):
    dendrograms = link_all(np.tile(np.array([1, 0], np.float32), (4, 1)))
    calibration = calibrate(dendrograms, np.array([0, 0, 0, 1]))
    # All grouped: 3 right and 3 wrong pairs of 3 true ones.
    assert calibration.curve["f1"].tolist() == [0, 6 / 9]
    assert dendrograms.cut(calibration.threshold).tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("styles", "arguments", "message"),
    [
        (np.arange(6), {}, "No two products of one style"),
        (np.full(6, -1), {}, "No two products of one style"),
        (STYLES[:5], {}, r"expected \(6,\)"),
        (STYLES, {"criterion": "ari"}, "'ari' is unknown"),
        (STYLES, {"crowding": 0}, "crowding is 0"),
        (STYLES[[0, 2, 1, 3, 4, 5]], {"min_precision": 0.99}, r"highest is 0\.200"),
    ],
)
def test_says_what_is_wrong(styles, arguments, message):
    with pytest.raises(ValueError, match=message):
        calibrate(DENDROGRAMS, styles, **arguments)


@pytest.mark.parametrize(
    ("min_precision", "threshold"), [(1.0, 0.85), (0.5, 0.55), (0.45, 0.55), (0.4, 0.3)]
)
def test_takes_the_highest_recall_at_a_precision(min_precision, threshold):
    calibration = calibrate(DENDROGRAMS, STYLES, min_precision=min_precision)
    assert calibration.threshold == pytest.approx(threshold)
    assert calibration.expected.precision.estimate >= min_precision


def test_thresholds_stay_above_the_floor():
    floored = dataclasses.replace(DENDROGRAMS, floor=0.05)
    thresholds = calibrate(floored, STYLES).curve["threshold"]
    assert thresholds[-1] == pytest.approx((0.1 + 0.05) / 2)
    np.testing.assert_allclose(
        thresholds[:-1], calibrate(DENDROGRAMS, STYLES).curve["threshold"][:-1]
    )


def test_says_what_to_expect():
    expected = calibrate(DENDROGRAMS, STYLES).expected
    assert expected.precision.estimate == pytest.approx(3 / 7)
    assert expected.recall.estimate == pytest.approx(1)
    assert expected.f1.estimate == pytest.approx(6 / 10)


def test_what_is_to_be_expected_is_within_its_interval(linked):
    for figure in calibrate(*linked).expected:
        assert 0 <= figure.low < figure.estimate < figure.high <= 1


def test_few_styles_tell_less_than_many(linked, link_all):
    dendrograms, styles = linked
    few = np.where(styles < 10, styles, -1)
    of_few, of_many = (
        calibrate(dendrograms, known).expected.recall for known in (few, styles)
    )
    assert of_few.high - of_few.low > 1.2 * (of_many.high - of_many.low)


def test_perfect_groups_are_as_certain_as_resampling_can_say():
    perfect = Dendrograms(4, np.array([[0, 1], [2, 3]]), np.array([0.9, 0.8]))
    expected = calibrate(perfect, np.array([0, 0, 1, 1])).expected
    assert expected.precision.estimate == expected.recall.estimate == 1
    assert expected.precision.high == expected.recall.high == 1


def test_merges_without_evidence_have_no_model():
    assert calibrate(DENDROGRAMS, STYLES).model is None
