import numpy as np
import pytest
import tensorflow as tf

from cv_tf.vision import Rows
from cv_tf.vision.random import per_image, split_seed, uniform


@pytest.mark.integration
def test_compiled_equals_eager():
    def draw(seed):
        first, second = split_seed(seed, 2)
        return uniform([50], first), uniform([3, 7], second, -2.0, 5.0)

    seed = tf.constant([3, -8])
    compiled = tf.function(draw, jit_compile=True)
    for eager, fast in zip(draw(seed), compiled(seed), strict=True):
        np.testing.assert_allclose(fast, eager, rtol=1e-6)


def test_fills_its_range_evenly():
    draws = uniform([20000], [1, 2], -1.0, 3.0).numpy()
    assert draws.min() >= -1.0
    assert draws.max() < 3.0
    counts, _ = np.histogram(draws, bins=8, range=(-1.0, 3.0))
    # 2,500 each, with a standard deviation of 47.
    assert np.abs(counts - 2500).max() < 250


def test_seeds_decide():
    one, other = split_seed([1, 2], 2)
    np.testing.assert_array_equal(uniform([9], one), uniform([9], one))
    assert np.abs(uniform([9], one) - uniform([9], other)).min() > 0


@pytest.mark.parametrize("shape", [[None], [5, None], [None, 3, 2]])
def test_images_get_what_they_get_in_the_whole_batch(shape):
    seed = tf.constant([4, 7])
    whole = per_image(shape, 6, seed)
    axis = shape.index(None)
    expected = uniform([6 if size is None else size for size in shape], seed)
    np.testing.assert_array_equal(whole, expected)
    parts = [
        per_image(shape, count, seed, Rows(first, 6))
        for first, count in ((0, 2), (2, 3), (5, 1))
    ]
    np.testing.assert_array_equal(tf.concat(parts, axis), whole)
