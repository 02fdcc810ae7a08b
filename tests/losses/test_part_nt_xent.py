import math
from unittest import mock

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from few import few

from cv_tf.losses import (
    PartNTXentLoss,
    WholeBatch,
    nt_xent,
    nt_xent_loss,
    part_nt_xent,
    part_nt_xent_loss,
    part_nt_xent_per_product,
)


def by_loops(first, second, temperature, part_weights):
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
            total = sum(math.exp(similarity(anchor, other)) for other in others)
            losses[a % batch_size] += share * (math.log(total) - positive) / 2
    return losses


@pytest.fixture
def views(at_degrees):
    """Two views of three products, two parts each."""
    first = [at_degrees(0, 40), at_degrees(50, 300), at_degrees(130, 10)]
    second = [at_degrees(20, 60), at_degrees(45, 200), at_degrees(100, 350)]
    return np.stack(first), np.stack(second)


def value_and_gradient(loss, first, second, **settings):
    first, second = tf.convert_to_tensor(first), tf.convert_to_tensor(second)
    with tf.GradientTape() as tape:
        tape.watch([first, second])
        value = loss(first, second, **settings)
    return value.numpy(), [g.numpy() for g in tape.gradient(value, [first, second])]


@pytest.mark.parametrize("part_weights", [None, [1.0, 3.0], [0.0, 2.0]])
def test_loss_equals_the_definition(views, part_weights):
    losses = part_nt_xent_per_product(*views, 0.3, part_weights=part_weights)
    expected = by_loops(*views, 0.3, part_weights or [1, 1])
    np.testing.assert_allclose(losses, expected, rtol=1e-5)


def test_one_part_is_nt_xent(views):
    first, second = (view[:, :1] for view in views)
    loss = part_nt_xent_loss(first, second, 0.2)
    whole = nt_xent_loss(first[:, 0], second[:, 0], 0.2)
    assert loss.numpy() == pytest.approx(whole.numpy(), rel=1e-6)


@pytest.mark.integration
@pytest.mark.parametrize(
    ("jit_compile", "spread"),
    few((False, True), more=[(False, False), (True, False), (True, True)]),
)
def test_a_large_batch_takes_one_part_after_the_other(monkeypatch, jit_compile, spread):
    generator = np.random.default_rng(0)
    first, second = generator.normal(size=(2, 5, 3, 4)).astype(np.float32)

    def loss(first, second):
        whole = WholeBatch(first, second, 1) if spread else None
        rows = slice(1, 3) if spread else slice(None)
        return part_nt_xent_loss(first[rows], second[rows], 0.2, whole=whole)

    def once(first, second):
        value, gradients = value_and_gradient(loss, first, second)
        return [value, *gradients]

    expected = once(first, second)
    counted = mock.Mock(wraps=nt_xent.nt_xent_per_product)
    monkeypatch.setattr(part_nt_xent, "nt_xent_per_product", counted)
    monkeypatch.setattr(part_nt_xent, "_MOST_SIMILARITIES", 0)

    @tf.function(jit_compile=jit_compile)
    def in_graph(first, second):
        with tf.GradientTape() as tape:
            tape.watch([first, second])
            value = loss(first, second)
        return [value, *tape.gradient(value, [first, second])]

    found = in_graph(tf.constant(first), tf.constant(second))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    shapes = {call.args[0].shape.rank for call in counted.call_args_list}
    assert shapes == {2}, "a part at a time"


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


def test_order_of_products_and_of_parts_does_not_matter(views):
    first, second = views
    order = [2, 0, 1]
    loss = part_nt_xent_loss(first, second, part_weights=[1.0, 3.0])
    moved = part_nt_xent_loss(
        first[order][:, ::-1], second[order][:, ::-1], part_weights=[3.0, 1.0]
    )
    assert moved.numpy() == pytest.approx(loss.numpy(), rel=1e-5)


@pytest.mark.parametrize("embedding", [[0.6, 0.8], [0.0, 0.0]])
def test_identical_embeddings_cannot_be_told_apart(embedding):
    view = np.tile(np.float32(embedding), [3, 2, 1])
    value, gradients = value_and_gradient(
        part_nt_xent_loss, view, view, temperature=0.01
    )
    assert value == pytest.approx(math.log(5), rel=1e-4)
    assert np.all(np.isfinite(gradients))


def test_half_precision_is_computed_in_float32():
    first = [[[1.0, 0.0], [0.0, 2.0]], [[0.0, 4.0], [1.0, 0.0]]]
    second = [[[0.0, 4.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 8.0]]]
    value, _ = value_and_gradient(
        part_nt_xent_loss,
        tf.constant(first, tf.float16),
        tf.constant(second, tf.float16),
        temperature=0.05,
    )
    full = part_nt_xent_loss(tf.constant(first), tf.constant(second), 0.05)
    assert value.dtype == np.float32
    assert value == full.numpy()


@pytest.mark.integration
def test_compiled_equals_eager(views):
    settings = {"temperature": 0.2, "part_weights": tf.constant([1.0, 3.0])}
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
    loss = PartNTXentLoss(0.3, part_weights=[1, 3], name="parts")
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


def test_impossible_weights_are_refused():
    for weights in ([1.0, -1.0], [0.0, 0.0], []):
        with pytest.raises(ValueError, match=r"part_weights are .* non-negative"):
            PartNTXentLoss(part_weights=weights)


def test_rows_of_a_batch_have_the_losses_that_they_have_in_the_whole():
    generator = np.random.default_rng(5)
    first, second = generator.normal(size=(2, 6, 3, 4)).astype(np.float32)
    options = {"temperature": 0.2, "part_weights": [1.0, 2.0, 0.5]}
    expected = part_nt_xent_per_product(first, second, **options).numpy()
    losses = part_nt_xent_per_product(
        first[2:5], second[2:5], whole=WholeBatch(first, second, 2), **options
    )
    np.testing.assert_allclose(losses, expected[2:5], rtol=1e-5)
