import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras


@pytest.fixture
def byol(build):
    """A function from settings to BYOL on two parts."""

    def byol(**settings):
        method = build(**{"method": "byol", "views": "parts", **settings})
        for (
            weight
        ) in method.momentum_encoder.weights:  # Not the network, as after some steps.
            weight.assign(weight * 0.9)
        return method

    return byol


def _per_part(head, projections):
    flat = head(tf.reshape(projections, [-1, projections.shape[-1]]), training=True)
    return tf.reshape(flat, projections.shape).numpy()


def test_it_is_the_squared_distance_of_predictions_and_targets(
    byol, objective, views_of
):
    method = byol()
    views = tf.concat(views_of(method), axis=0)
    projections = method.encoder(views, training=True)
    predictions = _per_part(method.predictor, projections)
    targets = method.momentum_encoder(views, training=True).numpy()
    predictions /= np.linalg.norm(predictions, axis=-1, keepdims=True)
    targets /= np.linalg.norm(targets, axis=-1, keepdims=True)
    # The first view predicts the second's target, and the other way round (eq. 2).
    one_way = np.square(predictions[:8] - targets[8:]).sum(-1).mean()
    other_way = np.square(predictions[8:] - targets[:8]).sum(-1).mean()
    loss, embeddings = objective(method)
    assert float(loss) == pytest.approx(one_way + other_way, rel=1e-4)
    np.testing.assert_allclose(embeddings, projections[:8, 0], atol=1e-4)


def test_a_perfect_prediction_has_no_loss_and_an_opposite_one_the_most(byol, objective):
    method = byol(views="whole")
    constant = tf.ones([1, 8])
    method.momentum_encoder.project = lambda features, training: tf.ones(
        [len(features), 1, 8]
    )
    for sign, expected in ((1.0, 0.0), (-1.0, 2 * 4.0)):
        method.predictor = lambda flat, training, sign=sign: (
            0.0 * flat + sign * constant
        )
        assert float(objective(method)[0]) == pytest.approx(expected, abs=1e-5)


def test_no_gradient_flows_through_the_targets(byol, objective):
    method = byol()
    learned = list(method.learned_variables)
    followers = list(method.momentum_encoder.trainable_weights)
    assert not {id(v) for v in learned} & {id(v) for v in followers}
    assert {id(v) for v in method.predictor.trainable_weights} <= {
        id(v) for v in learned
    }
    with tf.GradientTape() as tape:
        loss, _ = objective(method)
    gradients = tape.gradient(loss, learned + followers)
    assert all(gradient is not None for gradient in gradients[: len(learned)])
    assert all(gradient is None for gradient in gradients[len(learned) :])


@pytest.mark.slow
@pytest.mark.integration
def test_the_momentum_encoder_follows_ever_more_slowly(byol, batch):
    method = byol(momentum=0.5, steps=4)
    method.compile(keras.optimizers.SGD(0.5))
    # Half of the rest at first, and nothing of it at the end.
    for share in (0.5, 0.25 * (1 + np.sqrt(0.5)), 0.25, 0.25 * (1 - np.sqrt(0.5)), 0):
        before = [
            weight.numpy() for weight in method.momentum_encoder.trainable_weights
        ]
        method.train_step(batch)
        for slow, fast, old in zip(
            method.momentum_encoder.trainable_weights,
            method.encoder.trainable_weights,
            before,
            strict=True,
        ):
            expected = old + share * (fast.numpy() - old)
            np.testing.assert_allclose(slow, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.integration
def test_heads_normalize_their_hidden_layer(byol):
    names = [layer.name for layer in byol().encoder.part_head.layers]
    assert names == ["hidden0", "hidden0_norm", "hidden0_relu", "output"]
    assert byol().predictor.output_shape == (None, 8)


@pytest.mark.slow
@pytest.mark.integration
def test_predictor_and_momentum_encoder_are_saved_with_the_method(
    byol, batch, objective, tmp_path
):
    method = byol()
    method.compile(keras.optimizers.SGD(0.5))
    method.train_step(batch)
    path = tf.train.Checkpoint(method=method).write(str(tmp_path / "saved"))
    fresh = byol(seed=0)
    tf.train.Checkpoint(method=fresh).read(path).assert_existing_objects_matched()
    assert objective(fresh, step=1)[0] == objective(method, step=1)[0]
