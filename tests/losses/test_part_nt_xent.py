import math

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from cv_tf.losses import (
    PartNTXentLoss,
    nt_xent_loss,
    part_nt_xent_loss,
    part_nt_xent_per_product,
)


def by_loops(first, second, temperature, part_weights, queue=None):
    """Part by part, anchor by anchor, in plain Python and float64."""

    def similarity(one, other):
        dot = sum(float(a) * float(b) for a, b in zip(one, other, strict=True))
        return dot / (math.hypot(*one) * math.hypot(*other)) / temperature

    batch_size, num_parts = len(first), len(first[0])
    losses = [0.0] * batch_size
    for part in range(num_parts):
        views = [product[part] for product in (*first, *second)]
        share = part_weights[part] / sum(part_weights)
        for a, anchor in enumerate(views):
            positive = similarity(anchor, views[(a + batch_size) % (2 * batch_size)])
            others = [other for n, other in enumerate(views) if n != a]
            if queue is not None:
                others += list(queue[part])
            total = sum(math.exp(similarity(anchor, other)) for other in others)
            losses[a % batch_size] += share * (math.log(total) - positive) / 2
    return losses


@pytest.fixture
def views(at_degrees):
    """Two views of three products, two parts each."""
    first = [at_degrees(0, 40), at_degrees(50, 300), at_degrees(130, 10)]
    second = [at_degrees(20, 60), at_degrees(45, 200), at_degrees(100, 350)]
    return np.stack(first), np.stack(second)


@pytest.fixture
def queue(at_degrees):
    """Three negatives of each of the two parts."""
    return np.stack([at_degrees(15, 60, 250), at_degrees(33, 70, 180)])


def value_and_gradient(loss, first, second, **settings):
    first, second = tf.convert_to_tensor(first), tf.convert_to_tensor(second)
    with tf.GradientTape() as tape:
        tape.watch([first, second])
        value = loss(first, second, **settings)
    return value.numpy(), [g.numpy() for g in tape.gradient(value, [first, second])]


@pytest.mark.parametrize("part_weights", [None, [1.0, 3.0], [0.0, 2.0]])
@pytest.mark.parametrize("with_queue", [False, True])
def test_loss_equals_the_definition(views, queue, part_weights, with_queue):
    queue = queue if with_queue else None
    losses = part_nt_xent_per_product(
        *views, 0.3, part_weights=part_weights, queue=queue
    )
    expected = by_loops(*views, 0.3, part_weights or [1, 1], queue)
    np.testing.assert_allclose(losses, expected, rtol=1e-5)


def test_one_part_is_nt_xent(views, queue):
    first, second = (view[:, :1] for view in views)
    loss = part_nt_xent_loss(first, second, 0.2, queue=queue[:1])
    whole = nt_xent_loss(first[:, 0], second[:, 0], 0.2, queue=queue[0])
    assert loss.numpy() == pytest.approx(whole.numpy(), rel=1e-6)


def test_a_part_is_not_contrasted_with_other_parts(views):
    # Turning all of part 1 by one angle changes no similarity within part 1.
    turn = np.deg2rad(77)
    rotation = np.array(
        [[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]], np.float32
    )
    turned = [view.copy() for view in views]
    for view in turned:
        view[:, 1] = view[:, 1] @ rotation
    assert part_nt_xent_loss(*turned).numpy() == pytest.approx(
        part_nt_xent_loss(*views).numpy(), rel=1e-5
    )


def test_aggregate_contrasts_the_normalized_parts_weighted_mean(views, queue):
    # Lengths of single parts must not tell: each is normalized before the mean.
    stretched = [view * [[[5.0], [0.2]]] for view in views]
    loss = part_nt_xent_loss(
        *stretched, 0.3, part_weights=[1.0, 3.0], queue=queue, aggregate="mean"
    )
    expected = nt_xent_loss(
        *(0.25 * view[:, 0] + 0.75 * view[:, 1] for view in views),
        0.3,
        queue=0.25 * queue[0] + 0.75 * queue[1],
    )
    assert loss.numpy() == pytest.approx(expected.numpy(), rel=1e-5)


@pytest.mark.parametrize("aggregate", [None, "mean"])
def test_ignored_pairs_are_no_negatives(views, aggregate):
    everything = tf.ones([3, 3], tf.bool)
    value, gradients = value_and_gradient(
        part_nt_xent_loss, *views, ignore=everything, aggregate=aggregate
    )
    assert value == 0.0
    np.testing.assert_array_equal(gradients, np.zeros((2, 3, 2, 2)))


@pytest.mark.parametrize("aggregate", [None, "mean"])
def test_order_of_products_and_of_parts_does_not_matter(views, aggregate):
    first, second = views
    order = [2, 0, 1]
    loss = part_nt_xent_loss(
        first, second, part_weights=[1.0, 3.0], aggregate=aggregate
    )
    moved = part_nt_xent_loss(
        first[order][:, ::-1],
        second[order][:, ::-1],
        part_weights=[3.0, 1.0],
        aggregate=aggregate,
    )
    assert moved.numpy() == pytest.approx(loss.numpy(), rel=1e-5)


@pytest.mark.parametrize("aggregate", [None, "mean"])
@pytest.mark.parametrize("embedding", [[0.6, 0.8], [0.0, 0.0]])
def test_identical_embeddings_cannot_be_told_apart(aggregate, embedding):
    view = np.tile(np.float32(embedding), [3, 2, 1])
    value, gradients = value_and_gradient(
        part_nt_xent_loss, view, view, temperature=0.01, aggregate=aggregate
    )
    assert value == pytest.approx(math.log(5), rel=1e-4)
    assert np.all(np.isfinite(gradients))


def test_parts_that_cancel_out_have_a_finite_gradient():
    view = np.tile(np.float32([[1.0, 0.0], [-1.0, 0.0]]), [3, 1, 1])
    value, gradients = value_and_gradient(
        part_nt_xent_loss, view, view, aggregate="mean"
    )
    assert value == pytest.approx(math.log(5), rel=1e-4)
    assert np.all(np.isfinite(gradients))


@pytest.mark.parametrize("aggregate", [None, "mean"])
def test_half_precision_is_computed_in_float32(aggregate):
    first = [[[1.0, 0.0], [0.0, 2.0]], [[0.0, 4.0], [1.0, 0.0]]]
    second = [[[0.0, 4.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 8.0]]]
    value, _ = value_and_gradient(
        part_nt_xent_loss,
        tf.constant(first, tf.float16),
        tf.constant(second, tf.float16),
        temperature=0.05,
        aggregate=aggregate,
    )
    full = part_nt_xent_loss(
        tf.constant(first), tf.constant(second), 0.05, aggregate=aggregate
    )
    assert value.dtype == np.float32
    assert value == full.numpy()


@pytest.mark.parametrize("aggregate", [None, "mean"])
def test_compiled_equals_eager(views, queue, aggregate):
    settings = {
        "temperature": 0.2,
        "queue": queue,
        "part_weights": tf.constant([1.0, 3.0]),
        "ignore": tf.constant([[i + j == 2 for i in range(3)] for j in range(3)]),
        "aggregate": aggregate,
    }
    compiled = tf.function(part_nt_xent_loss, jit_compile=True)
    value, gradients = value_and_gradient(part_nt_xent_loss, *views, **settings)
    same, same_gradients = value_and_gradient(compiled, *views, **settings)
    assert same == pytest.approx(value, rel=1e-5)
    np.testing.assert_allclose(same_gradients, gradients, atol=1e-5)


def test_batch_size_may_be_unknown_when_traced(views):
    spec = tf.TensorSpec([None, 2, 2], tf.float32)
    traced = tf.function(part_nt_xent_per_product, input_signature=[spec, spec])
    expected = by_loops(*views, 0.1, [1, 1])
    np.testing.assert_allclose(traced(*views), expected, rtol=1e-4)


def test_class_gives_one_loss_a_product_and_keeps_its_settings(tmp_path, views):
    loss = PartNTXentLoss(0.3, part_weights=[1, 3], aggregate=None, name="parts")
    expected = by_loops(*views, 0.3, [1, 3])
    assert loss(*views).numpy() == pytest.approx(np.mean(expected), rel=1e-5)
    weights = [2.0, 0.0, 1.0]
    assert loss(*views, sample_weight=weights).numpy() == pytest.approx(
        np.mean(np.multiply(weights, expected)), rel=1e-5
    )

    model = keras.Sequential([keras.layers.Reshape((2, 2), input_shape=(4,))])
    model.compile(loss=loss)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.loss.get_config() == loss.get_config()
    assert loaded.loss(*views).numpy() == loss(*views).numpy()


def test_unknown_aggregates_and_impossible_weights_are_refused(views):
    with pytest.raises(ValueError, match=r"Unknown aggregate 'max'. Use None"):
        part_nt_xent_loss(*views, aggregate="max")
    with pytest.raises(ValueError, match="Unknown aggregate 'max'"):
        PartNTXentLoss(aggregate="max")
    for weights in ([1.0, -1.0], [0.0, 0.0], []):
        with pytest.raises(ValueError, match=r"part_weights are .* non-negative"):
            PartNTXentLoss(part_weights=weights)
