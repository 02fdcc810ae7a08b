import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from cv_tf.vision import ColorInput, color_input

PIXELS = np.array([[[[255, 0, 0], [10, 20, 30]]]], np.uint8)


def test_modes_by_hand():
    rgb = color_input(PIXELS, "rgb")
    assert rgb.dtype == tf.float32
    assert rgb.numpy().tolist() == PIXELS.tolist()
    grey = color_input(PIXELS, "grey").numpy()
    np.testing.assert_allclose(grey[0, 0], [[76.245] * 3, [18.15] * 3], atol=1e-3)


def test_float32_under_mixed_precision():
    previous = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        layer = ColorInput("grey")
        grey = layer(PIXELS)
    finally:
        keras.mixed_precision.set_global_policy(previous)
    np.testing.assert_allclose(grey[0, 0, 0], [76.245] * 3, atol=1e-3)


def test_saved_with_a_model(tmp_path):
    inputs = keras.Input((1, 2, 3), dtype="uint8")
    keras.Model(inputs, ColorInput("grey")(inputs)).save(tmp_path / "grey.keras")
    loaded = keras.models.load_model(tmp_path / "grey.keras")
    np.testing.assert_allclose(loaded(PIXELS), color_input(PIXELS, "grey"))


def test_unknown_modes_are_named():
    with pytest.raises(ValueError, match=r"mode is 'gray'.*rgb, grey"):
        ColorInput("gray")
    with pytest.raises(ValueError, match=r"mode is 'lab'"):
        color_input(PIXELS, "lab")
