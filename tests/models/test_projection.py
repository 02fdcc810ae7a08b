import numpy as np
import pytest
import tf_keras as keras

from cv_tf.models import projection_head

FEATURES = np.float32([[1.0, -2.0, 0.5], [0.0, 3.0, -1.0]])


def _set(head, *arrays):
    head.set_weights([np.float32(array) for array in arrays])


def test_without_a_hidden_layer_it_is_a_linear_map():
    head = projection_head(3, 2)
    _set(head, [[1, 0], [2, 1], [0, -4]], [10, 20])
    # 1 - 4 + 10, -2 - 2 + 20; 6 + 10, 3 + 4 + 20.
    np.testing.assert_allclose(head(FEATURES), [[7, 16], [16, 27]])


def test_the_hidden_layer_has_a_relu():
    head = projection_head(3, 1, hidden=2)
    _set(head, [[1, 0], [2, 1], [0, -4]], [0, 0], [[1], [100]], [5])
    # Hidden: relu(-3), relu(-4); relu(6), relu(7).
    np.testing.assert_allclose(head(FEATURES), [[5], [711]])


def test_hidden_layers_that_are_normalized():
    head = projection_head(3, 2, hidden=4, num_hidden=2, normalize="hidden")
    names = [layer.name for layer in head.layers]
    hidden = [f"hidden{i}{part}" for i in (0, 1) for part in ("", "_norm", "_relu")]
    assert names == [*hidden, "output"]
    # A layer before a normalization needs no bias.
    assert [head.get_layer(f"hidden{i}").use_bias for i in (0, 1)] == [False, False]
    assert head.get_layer("output").use_bias


def test_an_output_that_is_normalized():
    head = projection_head(3, 2, normalize="all")
    features = np.random.default_rng(0).normal(5.0, 3.0, (50, 3)).astype(np.float32)
    found = head(features, training=True).numpy()
    np.testing.assert_allclose(found.mean(axis=0), 0.0, atol=1e-4)
    np.testing.assert_allclose(found.std(axis=0), 1.0, atol=1e-3)
    assert [v.name for v in head.trainable_variables] == ["output/kernel:0"]


def test_an_unknown_normalization_is_refused():
    with pytest.raises(ValueError, match=r"'some'; choose one of: none, hidden, all"):
        projection_head(3, 2, normalize="some")


@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
def test_projections_are_float32_under_mixed_precision(precision):
    keras.mixed_precision.set_global_policy(precision)
    try:
        head = projection_head(3, 2, hidden=4, name="parts")
    finally:
        keras.mixed_precision.set_global_policy("float32")
    assert head.name == "parts"
    half = precision.removeprefix("mixed_")
    assert [layer.compute_dtype for layer in head.layers] == [half, half, "float32"]
    assert head(FEATURES).dtype == "float32"
