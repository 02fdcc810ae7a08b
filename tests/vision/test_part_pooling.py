import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from cv_tf.vision import LAYOUTS, PartPooling, is_symmetric, pool_parts, windows
from cv_tf.vision.parts import pooling_weights


def test_halves_of_an_odd_map_share_the_middle_row():
    # Three rows: the upper half holds row 0 and half of row 1, so 2 : 1.
    features = tf.reshape(tf.constant([3.0, 6.0, 12.0]), [1, 3, 1, 1])
    pooled = pool_parts(features, "halves").numpy()[0, :, 0]
    np.testing.assert_allclose(pooled, [4.0, 10.0], rtol=1e-6)


def test_a_window_inside_one_cell_is_that_cell():
    features = tf.reshape(tf.range(4.0), [1, 2, 2, 1])
    pooled = pool_parts(features, [[0.6, 0.1, 0.2, 0.2]]).numpy()
    assert pooled[0, 0, 0] == 2.0


@pytest.mark.parametrize("layout", list(LAYOUTS))
def test_agrees_with_averaging_a_magnified_map(layout):
    # Every cell blown up until all windows fall on whole pixels of 420 x 420.
    features = np.random.default_rng(0).normal(size=(2, 5, 3, 4))
    large = features.repeat(84, axis=1).repeat(140, axis=2)
    pooled = pool_parts(tf.constant(features), layout).numpy()
    for part, window in enumerate(windows(layout)):
        top, left, height, width = np.rint(window * 420).astype(int)
        patch = large[:, top : top + height, left : left + width]
        expected = patch.mean(axis=(1, 2))
        if is_symmetric(layout):
            mirrored = large[:, top : top + height, 420 - left - width : 420 - left]
            expected = (expected + mirrored.mean(axis=(1, 2))) / 2
        np.testing.assert_allclose(pooled[:, part], expected, rtol=1e-4, atol=1e-5)


def test_a_symmetric_part_is_the_mean_of_a_window_and_its_mirror_image():
    # Cells of a 5 x 5 map are 0..24, row by row: the first part holds 0 and 4, the
    # third, in the middle, the cell 2 alone.
    features = tf.reshape(tf.range(25.0), [1, 5, 5, 1])
    pooled = pool_parts(features, "symmetric_5x5").numpy()[0, :, 0]
    np.testing.assert_allclose(pooled[:6], [2, 2, 2, 7, 7, 7], rtol=1e-6)
    weights = pooling_weights("symmetric_5x5", 5, 5)
    np.testing.assert_allclose(weights[0, 0], [0.5, 0, 0, 0, 0.5], atol=1e-6)
    np.testing.assert_allclose(weights[1, 0], [0, 0.5, 0, 0.5, 0], atol=1e-6)
    np.testing.assert_allclose(weights[2, 0], [0, 0, 1, 0, 0], atol=1e-6)


@pytest.mark.parametrize("layout", filter(is_symmetric, LAYOUTS))
def test_a_mirrored_map_has_the_same_symmetric_parts(layout):
    features = np.random.default_rng(0).normal(size=(2, 6, 7, 4)).astype(np.float32)
    np.testing.assert_allclose(
        pool_parts(tf.constant(features[:, :, ::-1]), layout),
        pool_parts(tf.constant(features), layout),
        rtol=1e-4,
        atol=1e-5,
    )


def test_weights_of_each_part_sum_to_one():
    weights = pooling_weights("grid_3x3", 7, 4)
    np.testing.assert_allclose(weights.sum(axis=(1, 2)), np.ones(9), rtol=1e-6)


def test_half_precision_features_are_averaged_in_float32():
    features = tf.fill([1, 16, 16, 1], tf.constant(60000.0, tf.float16))
    previous = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        pooled = PartPooling("halves")(features)
    finally:
        keras.mixed_precision.set_global_policy(previous)
    assert pooled.dtype == pool_parts(features, "halves").dtype == tf.float32
    np.testing.assert_allclose(pooled, np.full((1, 2, 1), 60000.0), rtol=1e-3)


@pytest.mark.integration
def test_saved_with_a_model_and_compiled(tmp_path):
    features = np.random.default_rng(1).normal(size=(2, 4, 4, 3)).astype(np.float32)
    inputs = keras.Input((4, 4, 3))
    model = keras.Model(inputs, PartPooling("thirds")(inputs))
    model.save(tmp_path / "pooling.keras")
    loaded = keras.models.load_model(tmp_path / "pooling.keras")
    expected = pool_parts(tf.constant(features), "thirds")
    np.testing.assert_allclose(loaded(features), expected, rtol=1e-6)
    compiled = tf.function(loaded, jit_compile=True)
    np.testing.assert_allclose(compiled(features), expected, rtol=1e-5, atol=1e-6)
