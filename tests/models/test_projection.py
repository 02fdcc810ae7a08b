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


@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
def test_projections_are_float32_under_mixed_precision(precision):
    keras.mixed_precision.set_global_policy(precision)
    try:
        head = projection_head(3, 2, hidden=4, name="parts")
    finally:
        keras.mixed_precision.set_global_policy("float32")
    assert head.name == "parts"
    assert [layer.compute_dtype for layer in head.layers] == [
        precision.removeprefix("mixed_"),
        "float32",
    ]
    assert head(FEATURES).dtype == "float32"
