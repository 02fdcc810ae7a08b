import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from cv_tf.vision.layouts import LAYOUTS, windows
from cv_tf.vision.part_pooling import PartPooling, pool_parts, pooling_weights


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
    # Every cell blown up to 12 x 12 pixels: all windows fall on whole pixels.
    features = np.random.default_rng(0).normal(size=(2, 5, 3, 4)).astype(np.float32)
    large = features.repeat(12, axis=1).repeat(12, axis=2)
    pooled = pool_parts(tf.constant(features), layout).numpy()
    scale = [60, 36, 60, 36]
    for part, window in enumerate(windows(layout)):
        top, left, height, width = np.rint(window * scale).astype(int)
        patch = large[:, top : top + height, left : left + width]
        np.testing.assert_allclose(
            pooled[:, part], patch.mean(axis=(1, 2)), rtol=1e-4, atol=1e-5
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
