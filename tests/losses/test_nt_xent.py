import math

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from cv_tf.losses import NTXentLoss, WholeBatch, nt_xent_loss, nt_xent_per_product


def by_loops(first, second, temperature):
    """Equation 1 of SimCLR in plain Python and float64: one loss a product."""

    def similarity(one, other):
        dot = sum(float(a) * float(b) for a, b in zip(one, other, strict=True))
        return dot / (math.hypot(*one) * math.hypot(*other)) / temperature

    views = [*first, *second]
    batch_size = len(first)
    losses = [0.0] * batch_size
    for a, anchor in enumerate(views):
        product = a % batch_size
        positive = similarity(anchor, views[(a + batch_size) % (2 * batch_size)])
        terms = [math.exp(positive)]
        for n, other in enumerate(views):
            if n % batch_size != product:
                terms.append(math.exp(similarity(anchor, other)))
        losses[product] += (math.log(sum(terms)) - positive) / 2
    return losses


def value_and_gradient(loss, first, second, **settings):
    first, second = tf.convert_to_tensor(first), tf.convert_to_tensor(second)
    with tf.GradientTape() as tape:
        tape.watch([first, second])
        value = loss(first, second, **settings)
    return value.numpy(), [g.numpy() for g in tape.gradient(value, [first, second])]


@pytest.fixture
def views(at_degrees):
    return at_degrees(0, 50, 130, 310), at_degrees(20, 45, 100, 200)


def test_loss_worked_out_by_hand(at_degrees):
    # Views at 0 and 60 degrees of one product, at 90 and 180 of the other:
    # similarities within the products 1/2 and 0, across them
    # 0, -1 (from 0 degrees) and sqrt(3)/2, -1/2 (from 60 degrees).
    first, second = at_degrees(0, 90), at_degrees(60, 180)
    e = math.exp
    root = math.sqrt(3) / 2
    expected = [
        -math.log(e(0.5) / (e(0.5) + e(0) + e(-1))),
        -math.log(e(0) / (e(0) + e(0) + e(root))),
        -math.log(e(0.5) / (e(0.5) + e(root) + e(-0.5))),
        -math.log(e(0) / (e(0) + e(-1) + e(-0.5))),
    ]
    loss = nt_xent_loss(first, second, temperature=1.0)
    assert loss.numpy() == pytest.approx(sum(expected) / 4, rel=1e-6)


@pytest.mark.parametrize("temperature", [0.07, 0.5])
def test_loss_on_a_circle_equals_the_definition(views, temperature):
    losses = nt_xent_per_product(*views, temperature)
    np.testing.assert_allclose(losses, by_loops(*views, temperature), rtol=1e-4)


def test_order_of_products_and_of_views_does_not_matter(views):
    first, second = views
    order = [2, 0, 3, 1]
    value, gradients = value_and_gradient(nt_xent_loss, first, second)
    moved, moved_gradients = value_and_gradient(
        nt_xent_loss, second[order], first[order]
    )
    assert moved == pytest.approx(value, rel=1e-5)
    np.testing.assert_allclose(moved_gradients[0], gradients[1][order], atol=1e-5)
    np.testing.assert_allclose(moved_gradients[1], gradients[0][order], atol=1e-5)


@pytest.mark.parametrize(
    "embedding", [[0.6, 0.8], [0.0, 0.0], [1e-20, 0.0], [1e15, 1e15]]
)
def test_identical_embeddings_cannot_be_told_apart(embedding):
    value, gradients = value_and_gradient(
        nt_xent_loss, [embedding] * 3, [embedding] * 3, temperature=0.01
    )
    assert value == pytest.approx(math.log(5), rel=1e-4)
    assert np.all(np.isfinite(gradients))


def test_a_single_product_has_no_loss():
    value, gradients = value_and_gradient(nt_xent_loss, [[0.6, 0.8]], [[1.0, 0.0]])
    assert value == 0.0
    np.testing.assert_array_equal(gradients, np.zeros((2, 1, 2)))


def test_an_embedding_that_is_not_a_number_shows_in_the_loss(views):
    first, second = views
    first[1, 0] = np.nan
    assert np.isnan(nt_xent_loss(first, second))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_computed_in_float32(dtype):
    # Exact in half precision; exp(1 / 0.05) is not even finite in float16.
    first, second = [[1.0, 0.0], [0.0, 2.0]], [[0.0, 4.0], [1.0, 0.0]]
    value, gradients = value_and_gradient(
        nt_xent_loss, tf.cast(first, dtype), tf.cast(second, dtype), temperature=0.05
    )
    assert value.dtype == np.float32
    assert value == pytest.approx(np.mean(by_loops(first, second, 0.05)), rel=1e-6)
    assert gradients[0].dtype == tf.as_dtype(dtype).as_numpy_dtype


@pytest.mark.integration
def test_compiled_equals_eager(views):
    compiled = tf.function(nt_xent_loss, jit_compile=True)
    value, gradients = value_and_gradient(nt_xent_loss, *views, temperature=0.2)
    same, same_gradients = value_and_gradient(compiled, *views, temperature=0.2)
    assert same == pytest.approx(value, rel=1e-5)
    np.testing.assert_allclose(same_gradients, gradients, atol=1e-5)


def test_batch_size_may_be_unknown_when_traced(views):
    spec = tf.TensorSpec([None, 2], tf.float32)
    traced = tf.function(nt_xent_per_product, input_signature=[spec, spec])
    np.testing.assert_allclose(traced(*views), by_loops(*views, 0.1), rtol=1e-4)


def test_class_gives_one_loss_a_product_and_keeps_its_settings(tmp_path, views):
    loss = NTXentLoss(temperature=0.3, name="contrast")
    assert loss(*views).numpy() == pytest.approx(np.mean(by_loops(*views, 0.3)))
    weights = [2.0, 0.0, 1.0, 1.0]
    assert loss(*views, sample_weight=weights).numpy() == pytest.approx(
        np.mean(np.multiply(weights, by_loops(*views, 0.3)))
    )

    model = keras.Sequential([keras.layers.Dense(2, input_shape=(2,))])
    model.compile(loss=loss)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.loss.get_config() == loss.get_config()
    assert loaded.loss.temperature == 0.3


def test_rows_of_a_batch_have_the_losses_that_they_have_in_the_whole():
    generator = np.random.default_rng(5)
    first, second = generator.normal(size=(2, 6, 4)).astype(np.float32)
    expected = nt_xent_per_product(first, second, 0.2).numpy()
    for start, stop in ((0, 2), (2, 5), (5, 6), (0, 6)):
        losses = nt_xent_per_product(
            first[start:stop],
            second[start:stop],
            0.2,
            whole=WholeBatch(first, second, start),
        )
        np.testing.assert_allclose(losses, expected[start:stop], rtol=1e-5)


def test_the_gradient_of_rows_reaches_the_whole():
    """Summed over pieces of the batch, it is that of the whole."""
    generator = np.random.default_rng(6)
    first, second = tf.constant(generator.normal(size=(2, 4, 3)), tf.float32)

    def loss(first, second):
        return tf.reduce_sum(nt_xent_per_product(first, second, 0.5))

    def in_pieces(first, second):
        return tf.add_n(
            tf.reduce_sum(
                nt_xent_per_product(
                    first[start : start + 2],
                    second[start : start + 2],
                    0.5,
                    whole=WholeBatch(first, second, start),
                )
            )
            for start in (0, 2)
        )

    value, gradients = value_and_gradient(loss, first, second)
    pieces_value, pieces_gradients = value_and_gradient(in_pieces, first, second)
    assert pieces_value == pytest.approx(value, rel=1e-5)
    for one, other in zip(pieces_gradients, gradients, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
