"""A threshold without labels."""

import numpy as np
import pytest

from cv_tf.config import GroupingSettings
from cv_tf.embeddings import Embeddings
from cv_tf.grouping import Similarity, find_neighbors, group, guess_threshold

SETTINGS = GroupingSettings(retrieval="exact")


def guess(vectors, blocks=None, lab=None):
    embeddings = Embeddings.of_arrays(vectors, blocks, lab)
    similarity = Similarity.of(embeddings, SETTINGS.group_color_weight)
    return guess_threshold(similarity, find_neighbors(embeddings, SETTINGS))


def pairs_at(*similarities):
    """Two products with each similarity; those of different pairs are at 0."""
    vectors = np.zeros((2 * len(similarities), 2 * len(similarities)), np.float32)
    for i, similarity in enumerate(similarities):
        vectors[2 * i, 2 * i] = 1.0
        vectors[2 * i + 1, 2 * i : 2 * i + 2] = similarity, (1 - similarity**2) ** 0.5
    return vectors


def test_joins_85_of_100_pairs_of_nearest_products():
    # The quantile 0.15 of 0.5 and 0.9.
    assert guess(pairs_at(0.5, 0.9)) == pytest.approx(0.5 + 0.15 * 0.4)
    assert guess(pairs_at(0.5)) == pytest.approx(0.5)


def test_products_of_one_color_are_less_alike():
    lab = np.array([[50, 0, 0], [50, 0, 0], [50, 60, 60], [90, 0, 0]], np.float32)
    assert guess(pairs_at(0.9, 0.9), lab=lab) < 0.9


def test_without_pairs_nothing_is_joined():
    assert guess(np.eye(3, dtype=np.float32), np.arange(3)) == 1.0


def test_group_guesses_where_it_is_told_nothing():
    vectors = pairs_at(0.5, 0.9, 0.8)
    embeddings = Embeddings.of_arrays(vectors)
    guessed = group(embeddings, settings=SETTINGS)
    np.testing.assert_array_equal(guessed, group(embeddings, guess(vectors), SETTINGS))
    assert len(set(guessed)) == 4  # The pair at 0.5 stays apart.
