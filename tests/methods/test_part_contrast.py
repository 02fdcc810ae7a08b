import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from cv_tf.losses import part_nt_xent_loss
from cv_tf.methods import PartContrast

LUMA = tf.constant([0.299, 0.587, 0.114])


def _objective(method, batch, step=0, **changes):
    batch = {**batch, **changes}
    seed = tf.constant([method.seed, step])
    return method.objective(batch["image"], batch["style"], seed)


def _views(method, batch, step=0):
    """The two views of a step, in grey, by the definition."""
    seeds = tf.random.split([method.seed, step], 2, alg="philox")
    for seed in tf.unstack(seeds):
        view = method.views(batch["image"], seed)
        yield tf.tile(tf.reduce_sum(view * LUMA, axis=-1, keepdims=True), [1, 1, 1, 3])


def test_two_views_of_each_photo_are_contrasted(build, batch):
    method = build(temperature=0.2)
    first, second = (method.encoder(view) for view in _views(method, batch))
    loss, embeddings = _objective(method, batch)
    expected = part_nt_xent_loss(first, second, 0.2, part_weights=[2.0, 1.0, 1.0])
    assert float(loss) == pytest.approx(float(expected), rel=1e-4)
    # What a collapse shows in: the whole's projections of the first view.
    np.testing.assert_allclose(embeddings, first[:, 0], atol=1e-4)


def test_both_views_get_a_gradient(build, batch):
    method = build()
    variables = method.learned_variables
    with tf.GradientTape() as tape:
        loss, _ = _objective(method, batch)
    gradients = tape.gradient(loss, variables)
    with tf.GradientTape() as tape:
        first, second = (method.encoder(view) for view in _views(method, batch))
        expected = part_nt_xent_loss(first, second, part_weights=[2.0, 1.0, 1.0])
    for got, want in zip(gradients, tape.gradient(expected, variables), strict=True):
        np.testing.assert_allclose(got, want, atol=1e-4)


def test_no_label_is_looked_at(build, batch):
    method = build(momentum=0.9, queue_size=8)
    loss, _ = _objective(method, batch)
    method = build(momentum=0.9, queue_size=8)
    relabelled, _ = _objective(method, batch, style=tf.constant([-1] * 8))
    assert loss == relabelled


def test_a_step_decides_the_views_and_nothing_else_does(build, batch):
    one, again, other = build(seed=3), build(seed=3), build(seed=4)
    loss = float(_objective(one, batch, step=5)[0])
    assert float(_objective(again, batch, step=5)[0]) == loss
    assert float(_objective(one, batch, step=5)[0]) == loss
    assert float(_objective(one, batch, step=6)[0]) != loss
    assert float(_objective(other, batch, step=5)[0]) != loss


@pytest.mark.parametrize("color_input", ["grey", "rgb"])
def test_views_have_the_color_that_the_embedder_is_trained_on(
    build, batch, color_input
):
    method = build(views="none", color_input=color_input)
    photos = tf.cast(batch["image"], tf.float32)
    grey = tf.tile(tf.reduce_sum(photos * LUMA, axis=-1, keepdims=True), [1, 1, 1, 3])
    loss, _ = _objective(method, batch, image=photos)
    loss_of_grey, _ = _objective(method, batch, image=grey)
    same = float(loss) == pytest.approx(float(loss_of_grey), rel=1e-4)
    assert same == (color_input == "grey")


def test_the_embedder_shares_the_backbone_that_learns(build, batch):
    method = build()
    assert method.embedder.backbone is method.encoder.backbone
    method.compile(keras.optimizers.SGD(0.1))
    before = method.embedder(batch["image"])
    method.train_step(batch)
    assert np.abs(method.embedder(batch["image"]) - before).max() > 1e-4


def test_a_twin_encodes_the_second_view_and_gets_no_gradient(build, batch):
    method = build(momentum=0.9)
    # Now the twin differs from the encoder, as it does after some steps.
    for weight in method.twin.weights:
        weight.assign(weight * 0.9)
    with tf.GradientTape() as tape:
        loss, _ = _objective(method, batch)
    learned = [id(variable) for variable in method.learned_variables]
    twins = [id(variable) for variable in method.twin.weights]
    assert not set(learned) & set(twins)
    sources = method.learned_variables + list(method.twin.trainable_weights)
    gradients = tape.gradient(loss, sources)
    assert all(gradient is not None for gradient in gradients[: len(learned)])
    assert all(gradient is None for gradient in gradients[len(learned) :])
    first, second = _views(method, batch)
    expected = part_nt_xent_loss(
        method.encoder(first), method.twin(second), part_weights=[2.0, 1.0, 1.0]
    )
    assert float(loss) == pytest.approx(float(expected), rel=1e-4)


@pytest.mark.parametrize("freeze_batch_norm", [True, False])
def test_a_twin_follows_by_an_exponential_moving_average(
    build, batch, freeze_batch_norm
):
    method = build(momentum=0.75, freeze_batch_norm=freeze_batch_norm)
    method.compile(keras.optimizers.SGD(0.5))
    expected = [weight.numpy() for weight in method.encoder.weights]
    for _ in range(2):
        method.train_step(batch)
        expected = [
            0.75 * slow + 0.25 * fast.numpy()
            for slow, fast in zip(expected, method.encoder.weights, strict=True)
        ]
    moved = 0
    for slow, fast, want in zip(
        method.twin.weights, method.encoder.weights, expected, strict=True
    ):
        np.testing.assert_allclose(slow, want, rtol=1e-5, atol=1e-7)
        moved += not np.array_equal(slow, fast)
    # Three kernels, two heads of four arrays; 4 arrays more of each batch norm.
    assert moved == (11 if freeze_batch_norm else 11 + 3 * 4)


def test_a_twin_and_a_queue_are_saved_with_the_method(build, batch, tmp_path):
    settings = {"momentum": 0.5, "queue_size": 16}
    method = build(**settings)
    method.compile(keras.optimizers.SGD(0.5))
    method.train_step(batch)
    path = tf.train.Checkpoint(method=method).write(str(tmp_path / "saved"))
    fresh = build(**settings)
    tf.train.Checkpoint(method=fresh).read(path).assert_existing_objects_matched()
    np.testing.assert_array_equal(fresh.queue, method.queue)
    for one, other in zip(fresh.twin.weights, method.twin.weights, strict=True):
        np.testing.assert_array_equal(one, other)
    loss, _ = _objective(fresh, batch, step=1)
    assert loss == _objective(method, batch, step=1)[0]


def test_a_queue_has_the_newest_first_and_drops_the_oldest(build, batch):
    # Two and a half batches long, so that a batch is cut, too.
    method = build(momentum=0.9, queue_size=16)
    method.queue = tf.Variable(tf.zeros([3, 20, 8]), trainable=False)
    seen = []
    for step in range(4):
        _, second = _views(method, batch, step)
        seen.insert(0, tf.transpose(method.twin(second), [1, 0, 2]).numpy())
        _objective(method, batch, step)
        filled = np.concatenate(seen, axis=1)[:, :20]
        np.testing.assert_allclose(method.queue[:, : 8 * (step + 1)], filled, atol=1e-4)
        assert not np.any(method.queue[:, 8 * (step + 1) :])


def test_an_empty_queue_counts_for_nothing(build, batch):
    without, _ = _objective(build(momentum=0.9), batch)
    with_queue, _ = _objective(build(momentum=0.9, queue_size=64), batch)
    assert float(with_queue) == pytest.approx(float(without), rel=1e-5)


@pytest.mark.parametrize("aggregate", ["none", "mean"])
def test_what_is_in_the_queue_are_further_negatives(build, batch, aggregate):
    method = build(momentum=0.9, queue_size=16, aggregate=aggregate)
    _objective(method, batch, step=0)
    queue = tf.identity(method.queue)
    first, second = _views(method, batch, step=1)
    expected = part_nt_xent_loss(
        method.encoder(first),
        method.twin(second),
        part_weights=[2.0, 1.0, 1.0] if aggregate == "none" else None,
        # Eight places are filled; the others are empty.
        queue=queue[:, :8],
        aggregate=None if aggregate == "none" else aggregate,
    )
    loss, _ = _objective(method, batch, step=1)
    assert float(loss) == pytest.approx(float(expected), rel=1e-4)


def test_without_momentum_there_is_neither_twin_nor_queue(build):
    method = build()
    assert method.twin is None
    assert method.queue is None
    names = {weight.name for weight in method.weights}
    assert not any("twin" in name or "queue" in name for name in names)
    assert isinstance(method, PartContrast)


VARIANTS = [
    {},
    {"parts_from": "pixels", "aggregate": "mean", "views": "crops"},
    {"momentum": 0.9, "queue_size": 16, "freeze_batch_norm": False},
]


@pytest.mark.parametrize("settings", VARIANTS)
def test_it_learns(build, assert_learns, settings):
    assert_learns(build(**settings), factor=0.8)


@pytest.mark.parametrize("settings", VARIANTS)
def test_a_compiled_step_equals_an_eager_one(assert_compiled_equals_eager, settings):
    assert_compiled_equals_eager(**settings)


@pytest.mark.parametrize("precision", ["float16", "bfloat16"])
@pytest.mark.parametrize("settings", [{}, {"momentum": 0.9, "queue_size": 16}])
def test_it_trains_in_half_precision(
    assert_trains_in_half_precision, precision, settings
):
    assert_trains_in_half_precision(precision, **settings)


def test_it_runs_compiled_under_fit_several_steps_a_call(build, batch):
    method = build(momentum=0.9, queue_size=8, views="none", part_weight=0.0)
    method.compile(keras.optimizers.SGD(0.1), jit_compile=True, steps_per_execution=2)
    steps = tf.data.Dataset.from_tensors(batch).repeat()
    history = method.fit(steps, steps_per_epoch=4, verbose=0).history
    assert int(method.step) == 4
    assert np.isfinite(history["loss"]).all()
    assert np.all(np.linalg.norm(method.queue, axis=-1) > 0)
