import math

import numpy as np
import pytest
import tensorflow as tf

from cv_tf.losses import info_nce


def test_loss_worked_out_by_hand(at_degrees):
    # Similarities 1/2 (positive), 1, 0 and, from the queue, -1; temperature 1/2.
    losses = info_nce(
        anchors=at_degrees(0),
        candidates=at_degrees(60, 0, 90),
        positives=[0],
        temperature=0.5,
        queue=at_degrees(180),
    )
    total = math.e + math.e**2 + 1 + math.e**-2
    np.testing.assert_allclose(losses, [math.log(total / math.e)], rtol=1e-6)


def test_queue_holds_negatives_of_every_anchor_worked_out_by_hand(at_degrees):
    # Similarities from 0 degrees: 1/2 (positive), -1 and, to the queue, -1 and 0;
    # from 90 degrees: sqrt(3)/2, 0 (positive) and, to the queue, 0 and 1.
    losses = info_nce(
        anchors=at_degrees(0, 90),
        candidates=at_degrees(60, 180),
        positives=[0, 1],
        temperature=1.0,
        queue=2 * at_degrees(180, 90),
    )
    e = math.exp
    expected = [
        math.log(e(0.5) + e(-1) + e(-1) + e(0)) - 0.5,
        math.log(e(math.sqrt(3) / 2) + e(0) + e(0) + e(1)),
    ]
    np.testing.assert_allclose(losses, expected, rtol=1e-6)


def test_excluded_candidates_do_not_count_but_the_positive_always_does(at_degrees):
    losses = info_nce(
        anchors=at_degrees(0),
        candidates=at_degrees(60, 0, 90),
        positives=[0],
        temperature=0.5,
        excluded=tf.constant([[True, True, False]]),
    )
    np.testing.assert_allclose(losses, [math.log((math.e + 1) / math.e)], rtol=1e-6)


def test_lengths_of_the_vectors_do_not_matter(at_degrees):
    anchors, candidates = at_degrees(0, 70), at_degrees(10, 50, 200)
    queue = at_degrees(120, 300)
    losses = info_nce(anchors, candidates, [1, 0], queue=queue)
    longer = info_nce(3 * anchors, 0.1 * candidates, [1, 0], queue=7 * queue)
    np.testing.assert_allclose(longer, losses, rtol=1e-5)


def test_leading_dimensions_are_separate_problems(at_degrees):
    anchors = np.stack([at_degrees(0, 70), at_degrees(5, 20)])
    candidates = np.stack([at_degrees(10, 50, 200), at_degrees(90, 80, 10)])
    queue = np.stack([at_degrees(120), at_degrees(31)])
    losses = info_nce(anchors, candidates, [1, 0], queue=queue)
    for one in range(2):
        alone = info_nce(anchors[one], candidates[one], [1, 0], queue=queue[one])
        np.testing.assert_allclose(losses[one], alone, rtol=1e-6)


def test_local_anchors_among_global_candidates_are_rows_of_the_whole():
    random = np.random.default_rng(0)
    anchors = random.normal(size=(8, 5)).astype(np.float32)
    candidates = random.normal(size=(8, 5)).astype(np.float32)
    positives, excluded = tf.constant([7, 6, 5, 4, 3, 2, 1, 0]), tf.eye(8) > 0
    whole = info_nce(anchors, candidates, positives, 0.2, excluded=excluded)
    local = slice(2, 5)
    part = info_nce(
        anchors[local], candidates, positives[local], 0.2, excluded=excluded[local]
    )
    np.testing.assert_allclose(part, whole[local], rtol=1e-5)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_excluding_every_negative_leaves_no_loss_and_no_gradient(jit_compile):
    anchors = tf.constant([[0.6, 0.8], [1.0, 0.0]])

    @tf.function(jit_compile=jit_compile)
    def loss_and_gradient(anchors):
        with tf.GradientTape() as tape:
            tape.watch(anchors)
            everything = tf.ones([2, 2], tf.bool)
            losses = info_nce(anchors, anchors, [1, 0], 0.01, excluded=everything)
        return losses, tape.gradient(losses, anchors)

    losses, gradient = loss_and_gradient(anchors)
    np.testing.assert_array_equal(losses, [0.0, 0.0])
    np.testing.assert_array_equal(gradient, np.zeros((2, 2)))


def test_empty_places_of_a_queue_count_for_nothing(at_degrees):
    anchors, candidates = at_degrees(0, 90), at_degrees(80, 20)
    queue = at_degrees(120, 300)
    half_empty = np.concatenate([queue, np.zeros_like(queue)])
    np.testing.assert_allclose(
        info_nce(anchors, candidates, [1, 0], queue=half_empty),
        info_nce(anchors, candidates, [1, 0], queue=queue),
        rtol=1e-6,
    )
    np.testing.assert_allclose(
        info_nce(anchors, candidates, [1, 0], queue=np.zeros_like(queue)),
        info_nce(anchors, candidates, [1, 0]),
        rtol=1e-6,
    )


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("num_empty", [0, 3])
def test_gradient_with_a_queue_worked_out_by_hand(at_degrees, num_empty, jit_compile):
    # Similarities 1/2 (positive) and 0 (queue), temperature 1/2: the negative's
    # probability is p = 1 / (e + 1). Turning the anchor towards both raises the
    # negative's similarity by sin(90) = 1 and the positive's by sin(60).
    anchors = tf.constant(at_degrees(0))
    queue = np.concatenate([at_degrees(90), np.zeros((num_empty, 2), np.float32)])

    @tf.function(jit_compile=jit_compile)
    def loss_and_gradients(anchors, queue):
        with tf.GradientTape() as tape:
            tape.watch([anchors, queue])
            losses = info_nce(anchors, at_degrees(60), [0], 0.5, queue=queue)
        return losses, *tape.gradient(losses, [anchors, queue])

    losses, of_anchors, of_queue = loss_and_gradients(anchors, tf.constant(queue))
    p = 1 / (math.e + 1)
    np.testing.assert_allclose(losses, [-math.log(1 - p)], rtol=1e-6)
    slope = p * (1 - math.sqrt(3) / 2) / 0.5
    np.testing.assert_allclose(of_anchors, [[0.0, slope]], atol=1e-6)
    # Turning the queue's vector towards the anchor raises the similarity by 1; an
    # empty place has no part in it.
    expected = np.zeros_like(queue)
    expected[0, 0] = p / 0.5
    np.testing.assert_allclose(of_queue, expected, atol=1e-6)
