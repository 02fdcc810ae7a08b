import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from cv_tf.losses import info_nce


@pytest.fixture
def moco(build):
    """A function from settings to MoCo on two parts."""

    def moco(**settings):
        return build(**{"method": "moco", "views": "parts", **settings})

    return moco


def _parts_first(projections):
    return tf.transpose(projections, [1, 0, 2])


def _differ(method):
    """Makes the momentum encoder another network, as it is after some steps."""
    for weight in method.momentum_encoder.weights:
        weight.assign(weight * 0.9)


def test_a_query_finds_its_key_among_those_of_the_queue(moco, objective, views_of):
    method = moco(temperature=0.2)
    _differ(method)
    objective(method, step=0)
    queue = tf.identity(method.queue)
    first, second = views_of(method, step=1)
    queries = _parts_first(method.encoder(first))
    keys = _parts_first(method.momentum_encoder(second))
    # Product by product: its key is the one candidate; half of the queue is filled.
    expected = [
        info_nce(
            queries[:, row : row + 1],
            keys[:, row : row + 1],
            [0],
            0.2,
            queue=queue[:, :8],
        )
        for row in range(8)
    ]
    loss, embeddings = objective(method, step=1)
    assert float(loss) == pytest.approx(np.mean(expected), rel=1e-4)
    np.testing.assert_allclose(embeddings, queries[0], atol=1e-4)


@pytest.mark.slow
@pytest.mark.integration
def test_an_empty_queue_has_nothing_to_tell_apart(moco, batch, objective):
    method = moco()
    variables = method.learned_variables
    with tf.GradientTape() as tape:
        loss, _ = objective(method)
    assert float(loss) == 0.0
    for gradient in tape.gradient(loss, variables):
        np.testing.assert_array_equal(gradient, np.zeros_like(gradient))
    # And a step on it changes nothing but the queue.
    method = moco()
    method.compile(keras.optimizers.Adam(0.1))
    before = [variable.numpy() for variable in method.learned_variables]
    method.train_step(batch)
    for variable, old in zip(method.learned_variables, before, strict=True):
        np.testing.assert_array_equal(variable, old)


@pytest.mark.integration
def test_the_queue_has_the_newest_first_and_drops_the_oldest(moco, objective, views_of):
    # Two and a half batches long, so that a batch is cut, too.
    method = moco()
    method.queue = tf.Variable(tf.zeros([2, 20, 8]), trainable=False)
    seen = []
    for step in range(4):
        _, second = views_of(method, step)
        seen.insert(0, _parts_first(method.momentum_encoder(second)).numpy())
        objective(method, step)
        filled = np.concatenate(seen, axis=1)[:, :20]
        np.testing.assert_allclose(method.queue[:, : 8 * (step + 1)], filled, atol=1e-4)
        assert not np.any(method.queue[:, 8 * (step + 1) :])


@pytest.mark.slow
def test_an_aggregate_has_one_queue(moco, objective, views_of):
    method = moco(aggregate="mean")
    assert method.queue.shape == (1, 16, 8)
    _, second = views_of(method)
    objective(method)
    combined = method.momentum_encoder(second)[:, 0]
    np.testing.assert_allclose(method.queue[0, :8], combined, atol=1e-4)


def test_the_momentum_encoder_gets_no_gradient(moco, objective):
    method = moco()
    _differ(method)
    objective(method, step=0)  # Fills the queue, so that there is a loss.
    learned = list(method.learned_variables)
    followers = list(method.momentum_encoder.trainable_weights)
    assert not {id(v) for v in learned} & {id(v) for v in followers}
    with tf.GradientTape() as tape:
        loss, _ = objective(method, step=1)
    gradients = tape.gradient(loss, learned + followers)
    assert all(gradient is not None for gradient in gradients[: len(learned)])
    assert all(gradient is None for gradient in gradients[len(learned) :])


@pytest.mark.integration
@pytest.mark.parametrize("freeze_batch_norm", [True, False])
def test_the_momentum_encoder_follows_by_an_exponential_moving_average(
    moco, batch, freeze_batch_norm
):
    method = moco(momentum=0.75, freeze_batch_norm=freeze_batch_norm)
    method.compile(keras.optimizers.SGD(0.5))
    expected = [weight.numpy() for weight in method.encoder.weights]
    for _ in range(3):
        method.train_step(batch)
        expected = [
            0.75 * slow + 0.25 * fast.numpy()
            for slow, fast in zip(expected, method.encoder.weights, strict=True)
        ]
    moved = 0
    for slow, fast, want in zip(
        method.momentum_encoder.weights, method.encoder.weights, expected, strict=True
    ):
        np.testing.assert_allclose(slow, want, rtol=1e-5, atol=1e-7)
        moved += not np.array_equal(slow, fast)
    # Three kernels and a head of four arrays; 4 arrays more of each batch norm.
    assert moved == (7 if freeze_batch_norm else 7 + 3 * 4)


def test_the_momentum_encoder_normalizes_by_statistics_not_by_its_batch(
    moco, batch, objective, views_of
):
    method = moco(freeze_batch_norm=False)
    _, second = views_of(method)
    one_by_one = tf.concat(
        [method.momentum_encoder(view[None]) for view in second], axis=0
    )
    objective(method)
    np.testing.assert_allclose(method.queue[:, :8], _parts_first(one_by_one), atol=1e-4)


@pytest.mark.slow
@pytest.mark.integration
def test_momentum_encoder_and_queue_are_saved_with_the_method(
    moco, batch, objective, tmp_path
):
    method = moco(momentum=0.5)
    method.compile(keras.optimizers.SGD(0.5))
    for _ in range(2):
        method.train_step(batch)
    path = tf.train.Checkpoint(method=method).write(str(tmp_path / "saved"))
    fresh = moco(momentum=0.5)
    tf.train.Checkpoint(method=fresh).read(path).assert_existing_objects_matched()
    np.testing.assert_array_equal(fresh.queue, method.queue)
    for one, other in zip(
        fresh.momentum_encoder.weights, method.momentum_encoder.weights, strict=True
    ):
        np.testing.assert_array_equal(one, other)
    assert objective(fresh, step=1)[0] == objective(method, step=1)[0]
