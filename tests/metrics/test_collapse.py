"""The spread of embeddings."""

import numpy as np
import pytest

from cv_tf.metrics import embedding_std


def test_opposite_corners_worked_by_hand():
    # Per dimension: values 1, -1, 0, 0 have a standard deviation of sqrt(2 / 4).
    embeddings = np.array([[1, 0], [-1, 0], [0, 1], [0, -1]], np.float32)
    assert embedding_std(embeddings) == pytest.approx(np.sqrt(1 / 2) * np.sqrt(2))


def test_dimensions_are_averaged():
    # Standard deviations 1 and 0, of two dimensions.
    embeddings = np.array([[1, 0], [-1, 0]], np.float32)
    assert embedding_std(embeddings) == pytest.approx((1 + 0) / 2 * np.sqrt(2))


def test_equal_embeddings_have_none():
    embeddings = np.full((1000, 48), 1 / np.sqrt(48), np.float32)
    assert embedding_std(embeddings) == pytest.approx(0, abs=1e-9)


def test_random_directions_have_nearly_one():
    embeddings = np.random.default_rng(0).standard_normal((4000, 64))
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    assert embedding_std(embeddings) == pytest.approx(1, abs=0.01)


def test_refuses_embeddings_that_are_not_finite():
    with pytest.raises(ValueError, match="NaN"):
        embedding_std(np.array([[np.nan, 1]], np.float32))
