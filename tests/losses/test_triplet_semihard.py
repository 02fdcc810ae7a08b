import math

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from few import few

from cv_tf import choices
from cv_tf.losses import TripletSemiHardLoss, triplet_semihard_loss


def on_a_line(*positions):
    """One-dimensional embeddings: distances can be read off."""
    return np.array(positions, np.float32)[:, np.newaxis]


def value_and_gradient(labels, embeddings, *args, loss=triplet_semihard_loss):
    embeddings = tf.convert_to_tensor(embeddings)
    with tf.GradientTape() as tape:
        tape.watch(embeddings)
        value = loss(tf.convert_to_tensor(labels), embeddings, *args)
    return value.numpy(), tape.gradient(value, embeddings).numpy()


def by_loops(labels, embeddings, margin, distance):
    """The definition, in plain Python and float64."""
    points = [[float(x) for x in row] for row in embeddings]

    def between(one, other):
        if distance == "angular":
            cosine = sum(a * b for a, b in zip(one, other, strict=True))
            return 1 - cosine / (math.hypot(*one) * math.hypot(*other))
        squared = sum((a - b) ** 2 for a, b in zip(one, other, strict=True))
        return squared if distance == "squared-L2" else math.sqrt(squared)

    hinges = []
    for a, anchor in enumerate(points):
        negatives = [
            between(anchor, points[n])
            for n in range(len(points))
            if labels[n] != labels[a]
        ]
        for p, other in enumerate(points):
            if p == a or labels[p] != labels[a]:
                continue
            positive = between(anchor, other)
            farther = [negative for negative in negatives if negative > positive]
            chosen = min(farther) if farther else max(negatives, default=0.0)
            hinges.append(max(margin + positive - chosen, 0.0))
    return sum(hinges) / len(hinges)


def test_value_and_gradient_worked_out_by_hand():
    # Anchor at 0: positive at 2, semi-hard negative at 3: 1.5 + 2 - 3 = 0.5.
    # Anchor at 2: positive at 2, semi-hard negative at 5: nothing to mend.
    # Anchor at 3: positive at 4, none farther, farthest at 3: 1.5 + 4 - 3 = 2.5.
    # Anchor at 7: positive at 4, semi-hard negative at 5: 1.5 + 4 - 5 = 0.5.
    value, gradient = value_and_gradient([0, 0, 1, 1], on_a_line(0, 2, 3, 7), 1.5)
    assert value == pytest.approx((0.5 + 0 + 2.5 + 0.5) / 4)
    # The three live hinges add up to x0 + 2 x1 - 4 x2 + x3 + constant.
    np.testing.assert_allclose(gradient[:, 0], [0.25, 0.5, -1.0, 0.25], atol=1e-6)


def test_negatives_tied_at_one_distance_share_the_gradient():
    # Anchor at 0: positive at 1, negatives both at 3: 4 + 1 - 3 = 2.
    # Anchor at 1: positive at 1, closest negative at 2: 4 + 1 - 2 = 3.
    value, gradient = value_and_gradient([0, 0, 1, 2], on_a_line(0, 1, 3, -3), 4.0)
    assert value == pytest.approx((2 + 3) / 2)
    np.testing.assert_allclose(gradient[:, 0], [-1.0, 1.5, -0.75, 0.25], atol=1e-6)


@pytest.mark.parametrize("distance", choices.DISTANCES)
def test_value_on_a_circle_equals_the_definition(at_degrees, distance):
    labels = [0, 0, 1, 1, 1, 2, 3, 0]
    embeddings = at_degrees(0, 20, 25, 70, 75, 130, 200, 310)
    for margin in (0.0, 0.2, 1.0):
        value, _ = value_and_gradient(labels, embeddings, margin, distance)
        expected = by_loops(labels, embeddings, margin, distance)
        assert value == pytest.approx(expected, abs=2e-6)


@pytest.mark.parametrize("distance", choices.DISTANCES)
@pytest.mark.parametrize("num_labels", [2, 5, 40])
def test_value_of_any_labels_equals_the_definition(distance, num_labels):
    random = np.random.default_rng(num_labels)
    labels = random.integers(0, num_labels, 24)
    labels[0] = labels[1]
    embeddings = random.normal(size=(24, 3)).astype(np.float32)
    value, _ = value_and_gradient(labels, embeddings, 0.5, distance)
    assert value == pytest.approx(by_loops(labels, embeddings, 0.5, distance), rel=1e-5)


@pytest.mark.parametrize("batch_size", few(2, 3, 5, 8, 17, more=range(2, 18)))
def test_a_negative_exactly_as_far_as_the_positive_is_not_farther(batch_size):
    # Whole numbers from a small range: ties everywhere, and no rounding.
    random = np.random.default_rng(batch_size)
    labels = random.integers(0, 3, batch_size)
    labels[0] = labels[1]
    embeddings = on_a_line(*random.integers(0, 6, batch_size))
    value, _ = value_and_gradient(labels, embeddings, 0.5)
    assert value == pytest.approx(by_loops(labels, embeddings, 0.5, "L2"), rel=1e-6)


@pytest.mark.parametrize("distance", choices.DISTANCES)
def test_order_of_the_batch_does_not_matter(distance):
    random = np.random.default_rng(0)
    labels = random.integers(0, 6, 20).astype(np.int32)
    embeddings = random.normal(size=(20, 4)).astype(np.float32)
    order = random.permutation(20)
    value, gradient = value_and_gradient(labels, embeddings, 1.0, distance)
    moved, moved_gradient = value_and_gradient(
        labels[order], embeddings[order], 1.0, distance
    )
    assert moved == pytest.approx(value, rel=1e-5)
    np.testing.assert_allclose(moved_gradient, gradient[order], atol=1e-5)


@pytest.mark.parametrize("distance", choices.DISTANCES)
def test_without_any_positive_loss_and_gradient_are_zero(at_degrees, distance):
    embeddings = at_degrees(0, 40, 90)
    value, gradient = value_and_gradient([0, 1, 2], embeddings, 1.0, distance)
    assert value == 0.0
    np.testing.assert_array_equal(gradient, np.zeros_like(embeddings))


def test_without_any_negative_the_negative_is_at_distance_zero():
    value, gradient = value_and_gradient([5, 5], on_a_line(1, 4), 0.5)
    assert value == pytest.approx(0.5 + 3)
    np.testing.assert_allclose(gradient[:, 0], [-1, 1], atol=1e-6)


@pytest.mark.parametrize("distance", choices.DISTANCES)
@pytest.mark.parametrize("labels", [[0, 0, 1, 1], [0, 0, 0, 0], [0, 0, 1, 2]])
@pytest.mark.parametrize("embedding", [[0.6, 0.8], [0.0, 0.0]])
def test_identical_embeddings_lose_the_margin(distance, labels, embedding):
    if distance == "angular" and embedding == [0.0, 0.0]:
        embedding = [1e-3, 0.0]  # The cosine with a zero vector is no distance.
    value, gradient = value_and_gradient(labels, [embedding] * 4, 0.7, distance)
    assert value == pytest.approx(0.7)
    np.testing.assert_allclose(gradient, np.zeros([4, 2]), atol=1e-6)


def test_a_single_product_has_no_loss():
    value, gradient = value_and_gradient([3], [[0.6, 0.8]])
    assert value == 0.0
    np.testing.assert_array_equal(gradient, [[0.0, 0.0]])


@pytest.mark.parametrize("sick", [0, 3])
def test_an_embedding_that_is_not_a_number_shows_in_the_loss(sick):
    # Product 3 has no positive: the loss must not pass it over.
    embeddings = on_a_line(0, 1, 2, 3)
    embeddings[sick] = np.nan
    value, _ = value_and_gradient([0, 0, 1, 2], embeddings)
    assert np.isnan(value)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_computed_in_float32(dtype):
    # All positions and distances are exact in half precision; 2049 is not.
    embeddings = tf.cast(on_a_line(0, 2, 3, 7), dtype)
    value, gradient = value_and_gradient([0, 0, 1, 1], embeddings, 2048.25)
    assert value.dtype == np.float32
    assert value == pytest.approx(2048.25 + (2 + 2 + 4 + 4 - 3 - 5 - 3 - 5) / 4)
    assert gradient.dtype == tf.as_dtype(dtype).as_numpy_dtype


@pytest.mark.slow
@pytest.mark.integration
@pytest.mark.parametrize("distance", choices.DISTANCES)
def test_compiled_equals_eager(distance):
    random = np.random.default_rng(1)
    labels = random.integers(0, 5, 16).astype(np.int32)
    embeddings = random.normal(size=(16, 4)).astype(np.float32)
    compiled = tf.function(triplet_semihard_loss, jit_compile=True)
    value, gradient = value_and_gradient(labels, embeddings, 1.0, distance)
    same, same_gradient = value_and_gradient(
        labels, embeddings, 1.0, distance, loss=compiled
    )
    assert same == pytest.approx(value, rel=1e-5)
    np.testing.assert_allclose(same_gradient, gradient, atol=1e-5)


@pytest.mark.integration
def test_batch_size_may_be_unknown_when_traced():
    traced = tf.function(
        triplet_semihard_loss,
        input_signature=[
            tf.TensorSpec([None], tf.int32),
            tf.TensorSpec([None, 1], tf.float32),
        ],
    )
    for size in (1, 2, 3, 5, 8):
        embeddings = on_a_line(*np.arange(size) ** 1.5)
        labels = np.arange(size, dtype=np.int32) % 2
        expected, _ = value_and_gradient(labels, embeddings)
        assert float(traced(labels, embeddings)) == pytest.approx(expected)


def test_no_table_is_larger_than_batch_times_batch():
    batch_size = 48
    graph = (
        tf.function(triplet_semihard_loss)
        .get_concrete_function(
            tf.TensorSpec([batch_size], tf.int32),
            tf.TensorSpec([batch_size, 8], tf.float32),
        )
        .graph
    )
    largest = max(
        tensor.shape.num_elements() or 0
        for function in [graph, *graph._functions.values()]
        for operation in getattr(function, "graph", function).get_operations()
        for tensor in operation.outputs
    )
    assert largest == batch_size**2


@pytest.mark.integration
@pytest.mark.parametrize("distance", choices.DISTANCES)
@pytest.mark.parametrize("margin", few(0.0, 0.3, more=[1.0]))
@pytest.mark.parametrize("num_labels", few(1, 5, 60, more=[2, 16]))
def test_value_and_gradient_equal_addons(tfa, distance, margin, num_labels):
    random = np.random.default_rng(num_labels)
    for _ in range(4):
        labels = random.integers(0, num_labels, 32).astype(np.int32)
        labels[0] = labels[1]
        embeddings = random.normal(size=(32, 6)).astype(np.float32)
        value, gradient = value_and_gradient(labels, embeddings, margin, distance)
        expected, expected_gradient = value_and_gradient(
            labels, embeddings, margin, distance, loss=tfa.losses.triplet_semihard_loss
        )
        assert value == pytest.approx(expected, rel=1e-5, abs=1e-6)
        np.testing.assert_allclose(gradient, expected_gradient, atol=1e-5)


@pytest.mark.parametrize("distance", choices.DISTANCES)
@pytest.mark.parametrize("num_labels", few(4, more=[1, 10]))
def test_copies_in_the_batch_equal_addons(tfa, distance, num_labels):
    random = np.random.default_rng(num_labels)
    for _ in range(8):
        source = np.concatenate([np.arange(12), random.integers(0, 12, 12)])
        labels = random.integers(0, num_labels, 12).astype(np.int32)[source]
        embeddings = random.normal(size=(12, 6)).astype(np.float32)[source]
        value, gradient = value_and_gradient(labels, embeddings, 0.5, distance)
        expected, expected_gradient = value_and_gradient(
            labels, embeddings, 0.5, distance, loss=tfa.losses.triplet_semihard_loss
        )
        assert value == pytest.approx(expected, rel=1e-5, abs=1e-6)
        # Rounding decides whether two copies tie, and so how they share; not what
        # they get together.
        together = np.zeros((12, 6))
        np.add.at(together, source, gradient - expected_gradient)
        np.testing.assert_allclose(together, np.zeros((12, 6)), atol=2e-5)


def test_labels_that_are_not_integers_are_refused():
    with pytest.raises(TypeError, match="labels are float32, expected integers"):
        triplet_semihard_loss(tf.constant([0.0, 1.0]), tf.zeros([2, 2]))


def test_large_labels_are_told_apart():
    # In float32 these two ids are one.
    labels = [2**24, 2**24 + 1, 2**24, 2**24 + 1]
    value, _ = value_and_gradient(labels, on_a_line(0, 3, 2, 7), 1.5)
    assert value == pytest.approx((0.5 + 0 + 2.5 + 0.5) / 4)


def test_class_takes_keras_columns_of_labels_and_keeps_its_settings(tmp_path):
    loss = TripletSemiHardLoss(margin=0.4, distance="squared-L2", name="semihard")
    twin = TripletSemiHardLoss.from_config(loss.get_config())
    assert twin.get_config() == loss.get_config()

    model = keras.Sequential([keras.layers.Dense(3, input_shape=(2,))])
    model.compile(loss=loss)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.loss.get_config() == loss.get_config()

    photos = np.random.default_rng(0).normal(size=(8, 2)).astype(np.float32)
    labels = np.array([0, 0, 1, 1, 2, 2, 3, 3], np.int32)
    expected = by_loops(labels, model.predict(photos, verbose=0), 0.4, "squared-L2")
    measured = loaded.evaluate(photos, labels, batch_size=8, verbose=0)
    assert measured == pytest.approx(expected, rel=1e-5)


def test_class_refuses_an_unknown_distance_at_once():
    with pytest.raises(ValueError, match="distance is 'cosine'"):
        TripletSemiHardLoss(distance="cosine")
