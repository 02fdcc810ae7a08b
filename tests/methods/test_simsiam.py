import numpy as np
import pytest
import tensorflow as tf

from cv_tf.methods import Method


@pytest.fixture
def simsiam(build):
    """A function from settings to SimSiam on two parts."""

    def simsiam(**settings):
        return build(**{"method": "simsiam", "views": "parts", **settings})

    return simsiam


def _forward(method, views):
    """Projections and predictions, `[2 * batch, parts, dimensions]`."""
    projections = method.encoder(tf.concat(views, axis=0), training=True)
    flat = tf.reshape(projections, [-1, projections.shape[-1]])
    predictions = tf.reshape(method.predictor(flat, training=True), projections.shape)
    return projections, predictions


def _cosines(one, other):
    one = one / tf.norm(one, axis=-1, keepdims=True)
    return tf.reduce_sum(one * (other / tf.norm(other, axis=-1, keepdims=True)), -1)


def test_it_is_the_negative_cosine_of_predictions_and_projections(
    simsiam, objective, views_of
):
    method = simsiam()
    projections, predictions = _forward(method, views_of(method))
    one_way = tf.reduce_mean(_cosines(predictions[:8], projections[8:]))
    other_way = tf.reduce_mean(_cosines(predictions[8:], projections[:8]))
    loss, embeddings = objective(method)
    # Equation 2: half of both.
    assert float(loss) == pytest.approx(float(-(one_way + other_way) / 2), rel=1e-4)
    np.testing.assert_allclose(embeddings, projections[:8, 0], atol=1e-4)


def test_the_gradient_through_the_targets_is_exactly_zero(simsiam, objective, views_of):
    method = simsiam()
    variables = method.learned_variables
    projections, _ = _forward(method, views_of(method))
    targets = tf.constant(projections.numpy())  # Numbers: nothing can flow through.
    with tf.GradientTape() as tape:
        _, predictions = _forward(method, views_of(method))
        swapped = tf.concat([targets[8:], targets[:8]], axis=0)
        expected = -tf.reduce_mean(_cosines(predictions, swapped))
    wanted = tape.gradient(expected, variables)
    with tf.GradientTape() as tape:
        loss, _ = objective(method)
    for got, want in zip(tape.gradient(loss, variables), wanted, strict=True):
        np.testing.assert_allclose(got, want, atol=1e-5)


def test_a_predictor_that_ignores_its_input_leaves_nothing_to_learn(simsiam, objective):
    # The loss still depends on the targets, and no gradient comes of that.
    method = simsiam()
    method.predictor = lambda flat, training: 0.0 * tf.stop_gradient(flat) + 1.0
    with tf.GradientTape() as tape:
        loss, _ = objective(method)
    weights = method.encoder.trainable_variables
    assert tape.gradient(loss, weights) == [None] * len(weights)


def test_the_predictor_keeps_its_learning_rate(simsiam):
    method = simsiam()
    constant = {id(variable) for variable in method.constant_rate_variables}
    assert constant == {id(v) for v in method.predictor.trainable_variables}
    assert constant < {id(variable) for variable in method.learned_variables}
    assert Method.constant_rate_variables.fget(method) == []


@pytest.mark.integration
def test_projections_are_normalized_throughout(simsiam, batch):
    method = simsiam()
    head = method.encoder.part_head
    names = [layer.name for layer in head.layers]
    hidden = [f"hidden{i}{part}" for i in (0, 1) for part in ("", "_norm", "_relu")]
    assert names == [*hidden, "output", "output_norm"]
    out = head(np.random.default_rng(0).normal(3.0, 2.0, (64, 64)), training=True)
    np.testing.assert_allclose(tf.reduce_mean(out, axis=0), 0.0, atol=1e-5)
    np.testing.assert_allclose(tf.math.reduce_std(out, axis=0), 1.0, atol=1e-2)
