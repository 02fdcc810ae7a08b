import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from cv_tf.vision import FixedParts, slice_parts

# One channel, 4 x 4: pixel value = 10 * row + column.
BOARD = (10 * np.arange(4)[:, None] + np.arange(4))[None, :, :, None]


def test_windows_in_table_order():
    parts = slice_parts(tf.constant(BOARD), "corners_center").numpy()[0, ..., 0]
    assert parts.tolist() == [
        [[0, 1], [10, 11]],
        [[2, 3], [12, 13]],
        [[20, 21], [30, 31]],
        [[22, 23], [32, 33]],
        [[11, 12], [21, 22]],
    ]


def test_samples_and_channels_are_kept_apart():
    images = np.random.default_rng(0).integers(0, 256, (3, 9, 6, 2), dtype=np.uint8)
    parts = slice_parts(tf.constant(images), "thirds").numpy()
    assert parts.dtype == np.uint8
    for sample in range(3):
        for band in range(3):
            expected = images[sample, 3 * band : 3 * band + 3]
            np.testing.assert_array_equal(parts[sample, band], expected)


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32"])
def test_the_layer_keeps_the_dtype_of_the_images(dtype):
    images = tf.constant(BOARD.astype(dtype))
    parts = FixedParts("halves")(images)
    assert parts.dtype == dtype
    np.testing.assert_array_equal(parts[0, 1], BOARD[0, 2:])


@pytest.mark.integration
def test_compiled_equals_eager():
    layer = FixedParts("grid_2x2")
    images = tf.constant(BOARD)
    compiled = tf.function(layer, jit_compile=True)
    np.testing.assert_array_equal(compiled(images), layer(images))


def test_a_custom_table_survives_saving_with_a_model(tmp_path):
    table = np.array([[0.0, 0.25, 0.5, 0.5], [0.5, 0.25, 0.5, 0.5]])
    inputs = keras.Input((4, 4, 1), dtype="float32")
    model = keras.Model(inputs, FixedParts(table)(inputs))
    model.save(tmp_path / "parts.keras")
    loaded = keras.models.load_model(tmp_path / "parts.keras")
    expected = [[[1, 2], [11, 12]], [[21, 22], [31, 32]]]
    assert loaded(BOARD.astype("float32")).numpy()[0, ..., 0].tolist() == expected
    layer = FixedParts.from_config(FixedParts(table).get_config())
    assert layer.layout == table.tolist()
    assert layer.num_parts == 2
