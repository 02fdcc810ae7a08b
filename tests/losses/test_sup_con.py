import math

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from few import few

from cv_tf.losses import SupConLoss, nt_xent_loss, sup_con_loss, sup_con_per_anchor

# Labels of one, two, three and four embeddings, and two unknown ones.
LABELS = [4, 0, 2, -1, 2, 7, 0, 7, 2, -1, 7, 7]


def by_loops(embeddings, labels, temperature):
    """Equation 2 of the paper, anchor by anchor, in float64."""
    z = np.asarray(embeddings, np.float64)
    z = z / np.linalg.norm(z, axis=1, keepdims=True)
    losses = np.zeros(len(z))
    for i in range(len(z)):
        others = [a for a in range(len(z)) if a != i]
        positives = [p for p in others if labels[p] == labels[i] >= 0]
        total = sum(math.exp(z[i] @ z[a] / temperature) for a in others)
        for p in positives:
            share = math.exp(z[i] @ z[p] / temperature) / total
            losses[i] += -math.log(share) / len(positives)
    return losses


def mean_by_loops(embeddings, labels, temperature):
    labels = list(labels)
    num_anchors = sum(label >= 0 and labels.count(label) > 1 for label in labels)
    return by_loops(embeddings, labels, temperature).sum() / num_anchors


def value_and_gradient(embeddings, labels, temperature=0.1, loss=sup_con_loss):
    embeddings = tf.convert_to_tensor(embeddings)
    with tf.GradientTape() as tape:
        tape.watch(embeddings)
        value = loss(embeddings, tf.convert_to_tensor(labels), temperature)
    return value.numpy(), tape.gradient(value, embeddings).numpy()


@pytest.fixture
def embeddings():
    """Twelve embeddings of different lengths."""
    return np.random.default_rng(0).normal(size=(12, 4)).astype(np.float32)


def test_losses_worked_out_by_hand(at_degrees):
    # Three of one label at 0, 60 and 90 degrees, one of another at 180. Similarities
    # from 0 degrees: 1/2, 0 and -1; from 60: 1/2, root and -1/2; from 90: 0, root, 0.
    losses = sup_con_per_anchor(at_degrees(0, 60, 90, 180), [5, 5, 5, 3], 1.0)
    e, root = math.exp, math.sqrt(3) / 2
    expected = [
        math.log(e(0.5) + e(0) + e(-1)) - (0.5 + 0) / 2,
        math.log(e(0.5) + e(root) + e(-0.5)) - (0.5 + root) / 2,
        math.log(e(0) + e(root) + e(0)) - (0 + root) / 2,
        0.0,
    ]
    np.testing.assert_allclose(losses, expected, rtol=1e-6)
    # The anchor without a positive is no part of the mean.
    loss = sup_con_loss(at_degrees(0, 60, 90, 180), [5, 5, 5, 3], 1.0)
    assert loss.numpy() == pytest.approx(sum(expected) / 3, rel=1e-6)


@pytest.mark.parametrize("temperature", [0.05, 0.5])
def test_losses_equal_the_definition(embeddings, temperature):
    np.testing.assert_allclose(
        sup_con_per_anchor(embeddings, LABELS, temperature),
        by_loops(embeddings, LABELS, temperature),
        rtol=1e-4,
        atol=1e-5,
    )


def test_gradient_equals_finite_differences(embeddings):
    _, gradient = value_and_gradient(embeddings, LABELS, 0.3)
    step = 1e-5
    for place in np.ndindex(*embeddings.shape):
        up, down = embeddings.astype(np.float64), embeddings.astype(np.float64)
        up[place] += step
        down[place] -= step
        rise = mean_by_loops(up, LABELS, 0.3) - mean_by_loops(down, LABELS, 0.3)
        assert gradient[place] == pytest.approx(rise / (2 * step), abs=1e-5)


def test_two_of_each_label_are_nt_xent(embeddings):
    first, second = tf.split(embeddings, 2)
    value, gradient = value_and_gradient(embeddings, [0, 1, 2, 3, 4, 5] * 2, 0.2)
    with tf.GradientTape() as tape:
        tape.watch([first, second])
        expected = nt_xent_loss(first, second, 0.2)
    assert value == pytest.approx(expected.numpy(), rel=1e-5)
    expected = np.concatenate(tape.gradient(expected, [first, second]))
    np.testing.assert_allclose(gradient, expected, atol=1e-6)


def test_order_of_the_batch_and_names_of_labels_do_not_matter(embeddings):
    order = np.random.default_rng(1).permutation(12)
    # In float32 the first two of these ids are one.
    names = {0: 2**24, 2: 2**24 + 1, 4: 0, 7: 3, -1: -9}
    renamed = np.array([names[label] for label in LABELS])
    value, gradient = value_and_gradient(embeddings, LABELS)
    moved, moved_gradient = value_and_gradient(embeddings[order], renamed[order])
    assert moved == pytest.approx(value, rel=1e-5)
    np.testing.assert_allclose(moved_gradient, gradient[order], atol=1e-5)


def test_unknown_labels_are_each_a_label_of_its_own(embeddings):
    own = [label if label >= 0 else 100 + i for i, label in enumerate(LABELS)]
    losses = sup_con_per_anchor(embeddings, LABELS)
    np.testing.assert_array_equal(losses, sup_con_per_anchor(embeddings, own))
    assert losses[3] == losses[9] == 0.0


@pytest.mark.parametrize("labels", [[0, 1, 2], [-1, -1, -1], [0]])
@pytest.mark.parametrize("loss", [sup_con_loss, sup_con_per_anchor])
@pytest.mark.parametrize("jit_compile", few(False, more=[True]))
def test_without_any_positive_loss_and_gradient_are_zero(
    at_degrees, labels, loss, jit_compile
):
    embeddings = at_degrees(0, 40, 90)[: len(labels)]
    loss = tf.function(loss, jit_compile=jit_compile)
    value, gradient = value_and_gradient(embeddings, labels, loss=loss)
    np.testing.assert_array_equal(value, np.zeros_like(value))
    np.testing.assert_array_equal(gradient, np.zeros_like(embeddings))


@pytest.mark.parametrize(
    "embedding", [[0.6, 0.8], [0.0, 0.0], [1e-20, 0.0], [1e15, 1e15]]
)
def test_identical_embeddings_cannot_be_told_apart(embedding):
    value, gradient = value_and_gradient([embedding] * 6, [0, 0, 1, 1, 1, -1], 0.01)
    assert value == pytest.approx(math.log(5), rel=1e-4)
    assert np.all(np.isfinite(gradient))


def test_only_positives_of_one_direction_have_the_least_loss(at_degrees):
    # The loss of an anchor with k positives is never below log k.
    value, gradient = value_and_gradient(
        at_degrees(10, 10, 10, 190), [0, 0, 0, 1], 0.01
    )
    assert value == pytest.approx(math.log(2), rel=1e-6)
    np.testing.assert_allclose(gradient, np.zeros((4, 2)), atol=1e-5)


@pytest.mark.parametrize("sick", [0, 1])
def test_an_embedding_that_is_not_a_number_shows_in_the_loss(embeddings, sick):
    # Product 0 has no positive: the loss must not pass it over.
    embeddings[sick, 0] = np.nan
    assert np.isnan(sup_con_loss(embeddings, LABELS))


def test_leading_dimensions_are_separate_problems(embeddings):
    parts = np.stack([embeddings, embeddings[::-1], embeddings**2])
    value, gradient = value_and_gradient(parts, LABELS)
    for part in range(3):
        alone, alone_gradient = value_and_gradient(parts[part], LABELS)
        assert value[part] == pytest.approx(alone, rel=1e-5)
        np.testing.assert_allclose(gradient[part], alone_gradient, atol=1e-5)
    folded = sup_con_per_anchor(parts[:, np.newaxis], LABELS)
    np.testing.assert_allclose(
        folded[:, 0], [sup_con_per_anchor(part, LABELS) for part in parts], rtol=1e-5
    )


@pytest.mark.integration
@pytest.mark.parametrize("shape", [(12, 4), (2, 12, 2)])
def test_compiled_equals_eager(embeddings, shape):
    embeddings = embeddings.reshape(shape)
    compiled = tf.function(sup_con_loss, jit_compile=True)
    value, gradient = value_and_gradient(embeddings, LABELS, 0.2)
    same, same_gradient = value_and_gradient(embeddings, LABELS, 0.2, loss=compiled)
    np.testing.assert_allclose(same, value, rtol=1e-5)
    np.testing.assert_allclose(same_gradient, gradient, atol=1e-5)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_computed_in_float32(dtype):
    # Exact in half precision; exp(1 / 0.05) is not even finite in float16.
    embeddings = [[1.0, 0.0], [0.0, 4.0], [0.0, 2.0], [1.0, 0.0], [0.0, 1.0]]
    labels = [0, 0, 1, 1, 1]
    value, gradient = value_and_gradient(tf.cast(embeddings, dtype), labels, 0.05)
    assert value.dtype == np.float32
    assert value == pytest.approx(mean_by_loops(embeddings, labels, 0.05), rel=1e-6)
    assert gradient.dtype == tf.as_dtype(dtype).as_numpy_dtype


def test_batch_size_may_be_unknown_when_traced(embeddings):
    traced = tf.function(
        sup_con_loss,
        input_signature=[
            tf.TensorSpec([None, 4], tf.float32),
            tf.TensorSpec([None], tf.int32),
        ],
    )
    for size in (7, 12):
        expected = mean_by_loops(embeddings[:size], LABELS[:size], 0.1)
        loss = traced(embeddings[:size], LABELS[:size])
        assert loss.numpy() == pytest.approx(expected, rel=1e-5)


def test_labels_that_are_not_integers_are_refused():
    for loss in (sup_con_loss, sup_con_per_anchor):
        with pytest.raises(TypeError, match="labels are float32, expected integers"):
            loss(tf.zeros([2, 2]), tf.constant([0.0, 1.0]))


def test_class_takes_keras_columns_of_labels_and_keeps_its_settings(tmp_path):
    loss = SupConLoss(temperature=0.4, name="styles")
    twin = SupConLoss.from_config(loss.get_config())
    assert twin.get_config() == loss.get_config()

    model = keras.Sequential([keras.layers.Dense(3, input_shape=(2,))])
    model.compile(loss=loss)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.loss.get_config() == loss.get_config()

    photos = np.random.default_rng(0).normal(size=(8, 2)).astype(np.float32)
    labels = np.array([0, 0, 1, 1, 1, 2, -1, -1], np.int32)
    expected = mean_by_loops(model.predict(photos, verbose=0), labels, 0.4)
    measured = loaded.evaluate(photos, labels, batch_size=8, verbose=0)
    assert measured == pytest.approx(expected, rel=1e-5)
