"""From vectors to groups, and the threshold that labelled ones choose."""

import numpy as np
import pytest

from cv_tf.config import GroupingSettings
from cv_tf.embeddings import Embeddings, EmbeddingsError
from cv_tf.grouping import calibrate_on, group
from cv_tf.grouping.calibration import crowd

SETTINGS = GroupingSettings(retrieval="exact")


def _products(num_styles=60, seed=0):
    """Three noisy variants of each design, in four blocks."""
    rng = np.random.default_rng(seed)
    style = np.repeat(np.arange(num_styles), 3)
    vectors = rng.standard_normal((num_styles, 12))[style]
    vectors = vectors + 0.6 * rng.standard_normal(vectors.shape)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return Embeddings.of_arrays(vectors.astype(np.float32), style % 4, style=style)


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [([7], 1), ([0, 0, 0, 0], 4), ([0, 1, 2], 1), ([0, 0, 0, 5], (9 + 1) / 4), ([], 1)],
)
def test_crowd(blocks, expected):
    assert crowd(np.array(blocks, int)) == pytest.approx(expected)


def test_groups_reach_what_the_calibration_expects():
    labelled = _products()
    style = labelled.style
    calibration = calibrate_on(labelled, SETTINGS)
    groups = group(labelled, calibration.threshold, SETTINGS)
    same_group = groups[:, None] == groups[None]
    same_style = style[:, None] == style[None]
    right = (same_group & same_style).sum() - len(style)
    expected = calibration.expected
    recall = right / (same_style.sum() - len(style))
    assert recall == pytest.approx(expected.recall.estimate)
    found = same_group.sum() - len(style)
    assert right / found == pytest.approx(expected.precision.estimate)


def test_larger_blocks_ask_for_a_higher_threshold():
    labelled = _products()
    same = calibrate_on(labelled, SETTINGS, for_blocks=labelled.block)
    plain = calibrate_on(labelled, SETTINGS)
    assert same.expected == plain.expected
    larger = np.zeros(4000, int)
    crowded = calibrate_on(labelled, SETTINGS, for_blocks=larger)
    assert crowded.threshold > plain.threshold


def test_more_blocks_of_the_same_size_change_nothing():
    labelled = _products()
    many = np.concatenate([labelled.block + 10 * i for i in range(50)])
    more = calibrate_on(labelled, SETTINGS, for_blocks=many)
    assert more.expected == calibrate_on(labelled, SETTINGS).expected


def test_one_block_is_as_none():
    products = _products()
    none, one = (
        Embeddings.of_arrays(products.vectors, block, style=products.style)
        for block in (None, np.full(len(products), 3))
    )
    expected = calibrate_on(none, SETTINGS).expected
    assert expected == calibrate_on(one, SETTINGS).expected


def test_products_without_styles_are_refused():
    unknown = Embeddings.of_arrays(_products().vectors)
    with pytest.raises(EmbeddingsError, match="have no styles"):
        calibrate_on(unknown, SETTINGS)
