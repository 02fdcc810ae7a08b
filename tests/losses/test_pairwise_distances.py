import numpy as np
import pytest
import tensorflow as tf

from cv_tf.losses import pairwise_distances


@pytest.mark.parametrize(
    ("distance", "expected"),
    [
        ("L2", [[0, 5, 2], [5, 0, 13**0.5], [2, 13**0.5, 0]]),
        ("squared-L2", [[0, 25, 4], [25, 0, 13], [4, 13, 0]]),
        # Angles 0, acos(0.96) and acos(0.6): the middle one is (0.96, 0.28).
        ("angular", [[0, 0.04, 0.4], [0.04, 0, 0.2], [0.4, 0.2, 0]]),
    ],
)
def test_distances_worked_out_by_hand(distance, expected):
    if distance == "angular":
        points = [[2.0, 0.0], [0.96, 0.28], [1.8, 2.4]]
    else:
        points = [[0.0, 0.0], [3.0, 4.0], [0.0, 2.0]]
    np.testing.assert_allclose(
        pairwise_distances(tf.constant(points), distance), expected, atol=1e-6
    )


@pytest.mark.parametrize("distance", ["L2", "squared-L2", "angular"])
def test_identical_embeddings_are_at_distance_zero_with_gradient_zero(distance):
    embeddings = tf.constant([[0.6, 0.8], [0.6, 0.8]])
    with tf.GradientTape() as tape:
        tape.watch(embeddings)
        distances = pairwise_distances(embeddings, distance)
    np.testing.assert_array_equal(distances, np.zeros((2, 2)))
    np.testing.assert_array_equal(
        tape.gradient(distances, embeddings), np.zeros((2, 2))
    )


def test_gradient_of_l2_is_the_unit_vector_between_the_two():
    embeddings = tf.constant([[0.0, 0.0], [3.0, 4.0]])
    with tf.GradientTape() as tape:
        tape.watch(embeddings)
        distance = pairwise_distances(embeddings, "L2")[0, 1]
    np.testing.assert_allclose(
        tape.gradient(distance, embeddings), [[-0.6, -0.8], [0.6, 0.8]], atol=1e-6
    )


def test_an_unknown_distance_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"distance is 'cosine'.*angular"):
        pairwise_distances(tf.zeros([2, 2]), "cosine")
