import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from cv_tf.methods.two_views import follow, rising_momentum


def _layer(kernel, bias):
    layer = keras.Sequential([keras.layers.Dense(1)])
    layer.build((None, len(kernel)))
    layer.set_weights([np.float32(kernel).reshape(-1, 1), np.float32([bias])])
    return layer


def test_a_follower_goes_the_rest_of_the_way():
    slow, fast = _layer([0.0, 4.0], 1.0), _layer([1.0, -4.0], 1.0)
    follow(slow, fast, 0.75)
    kernel, bias = slow.get_weights()
    np.testing.assert_allclose(kernel.ravel(), [0.25, 2.0])
    np.testing.assert_allclose(bias, [1.0])
    np.testing.assert_array_equal(fast.get_weights()[0].ravel(), [1.0, -4.0])


def test_weights_that_are_equal_stay_equal_to_the_last_bit():
    values = np.random.default_rng(0).normal(size=1000).astype(np.float32)
    slow, fast = _layer(values, 0.0), _layer(values, 0.0)
    for _ in range(5):
        follow(slow, fast, tf.constant(0.99))
    np.testing.assert_array_equal(slow.get_weights()[0], fast.get_weights()[0])


@pytest.mark.parametrize(
    ("step", "momentum"),
    # One minus 0.2 times half of (1 + cosine of 0, 60, 90, 120 and 180 degrees).
    [(0, 0.8), (2, 0.85), (3, 0.9), (4, 0.95), (6, 1.0)],
)
def test_a_momentum_rises_to_1_by_half_a_cosine(step, momentum):
    found = rising_momentum(0.8, tf.constant(step, tf.int64), 6)
    assert float(found) == pytest.approx(momentum, abs=1e-6)
