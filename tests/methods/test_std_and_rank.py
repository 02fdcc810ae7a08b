import numpy as np
import pytest
import tensorflow as tf

from cv_tf.methods.method import effective_rank, embedding_std


@pytest.mark.parametrize(
    ("embeddings", "expected"),
    [
        # Evenly over the circle: each dimension deviates by the root of 1 / 2.
        ([[1, 0], [0, 1], [-1, 0], [0, -1]], 1.0),
        ([[5, 0], [0, 0.1], [-2, 0], [0, -7]], 1.0),
        # All in one place, near or far.
        ([[3, 4], [0.3, 0.4], [6, 8]], 0.0),
        # On one axis of four: deviations 1, 0, 0, 0; their mean, twice.
        ([[1, 0, 0, 0], [-1, 0, 0, 0]], 0.5),
    ],
)
def test_standard_deviation_by_hand(embeddings, expected):
    value = float(embedding_std(tf.constant(embeddings, tf.float32)))
    assert value == pytest.approx(expected, abs=1e-6)


def test_standard_deviation_of_random_directions_is_1():
    generator = np.random.default_rng(0)
    embeddings = generator.normal(size=(4000, 16)).astype(np.float32)
    assert float(embedding_std(tf.constant(embeddings))) == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize(
    ("embeddings", "expected"),
    [
        # Evenly over the circle: both directions alike.
        ([[1, 0], [0, 1], [-1, 0], [0, -1]], 2.0),
        # On one line, whatever their length, and wherever it lies.
        ([[2, 0, 1], [-4, 0, 2]], 1.0),
        ([[1, 1], [-3, -3], [2, 2]], 1.0),
        # Variances of 1 / 3 along one axis and 1 / 6 along the other, around the
        # mean: (1 / 3 + 1 / 6)^2 / (1 / 9 + 1 / 36).
        ([[1, 0, 0], [-1, 0, 0], [1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0]], 1.8),
        ([[3, 4], [0.3, 0.4], [6, 8]], 0.0),
    ],
)
def test_rank_by_hand(embeddings, expected):
    value = float(effective_rank(tf.constant(embeddings, tf.float32)))
    assert value == pytest.approx(expected, abs=1e-5)


def test_rank_of_dimensions_that_are_the_same_is_1_whatever_their_deviation():
    signs = np.sign(np.random.default_rng(0).normal(size=(64, 1)))
    embeddings = tf.constant(signs * np.ones((1, 32)), tf.float32)
    assert float(embedding_std(embeddings)) > 0.9
    assert float(effective_rank(embeddings)) == pytest.approx(1.0)


def test_rank_of_random_directions_is_their_number():
    embeddings = np.random.default_rng(0).normal(size=(4000, 16)).astype(np.float32)
    assert float(effective_rank(tf.constant(embeddings))) == pytest.approx(16, rel=0.02)
