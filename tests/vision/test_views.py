import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from cv_tf.vision import (
    ColorViews,
    GaussianBlur,
    RandomCrops,
    Rows,
    SmallMoves,
    Views,
    color_input,
)
from cv_tf.vision.random import split_seed


def _photos():
    generator = np.random.default_rng(0)
    return generator.integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("kind", "moves"), [("whole", SmallMoves), ("crops", RandomCrops)]
)
def test_geometry_comes_first_then_color_each_with_its_own_seed(kind, moves):
    photos = _photos()
    geometry_seed, color_seed = split_seed([1, 2], 2)
    expected = ColorViews()(moves()(photos, geometry_seed), color_seed)
    np.testing.assert_array_equal(Views(kind)(photos, [1, 2]), expected)


def test_layers_that_are_given_take_the_place_of_the_default():
    photos = _photos()
    geometry_seed, color_seed = split_seed([1, 2], 2)
    mirror = SmallMoves(shift=0.0, zoom=(1.0, 1.0), flip=1.0)
    grey = ColorViews(grey=1.0)
    views = Views("crops", geometry=mirror, color=grey)(photos, [1, 2])
    expected = grey(mirror(photos, geometry_seed), color_seed)
    np.testing.assert_array_equal(views, expected)


@pytest.mark.parametrize("mode", ["rgb", "grey"])
def test_blur_comes_last_and_with_a_seed_of_its_own(mode):
    photos, blur = _photos(), GaussianBlur(1.0)
    plain = Views("crops")(photos, [1, 2])
    expected = blur(plain, split_seed([1, 2], 3)[2])
    views = Views("crops", blur=blur)(photos, [1, 2], mode=mode)
    np.testing.assert_allclose(views, color_input(expected, mode), atol=1e-3)
    assert np.abs(views - color_input(plain, mode)).mean() > 0.1


def test_blurred_views_survive_the_config():
    layer = Views("crops", blur=GaussianBlur(0.8))
    copy = Views.from_config(layer.get_config())
    assert copy.get_config() == layer.get_config()
    np.testing.assert_array_equal(copy(_photos(), [1, 2]), layer(_photos(), [1, 2]))


def test_two_seeds_give_two_views():
    photos, layer = _photos(), Views()
    one, other = layer(photos, [1, 2]).numpy(), layer(photos, [1, 3]).numpy()
    assert np.abs(one - other).mean(axis=(1, 2, 3)).min() > 1.0
    np.testing.assert_array_equal(layer(photos, [1, 2]), one)


@pytest.mark.parametrize("kind", ["whole", "crops"])
def test_grey_views_have_the_luma_of_the_views(kind):
    layer, photos = Views(kind), _photos()
    grey = layer(photos, [1, 2], mode="grey")
    assert grey.shape == photos.shape
    np.testing.assert_array_equal(grey, color_input(layer(photos, [1, 2]), "grey"))


def test_an_unknown_mode_is_named():
    with pytest.raises(ValueError, match=r"mode is 'gray'.*rgb, grey"):
        Views()(_photos(), [1, 2], mode="gray")


@pytest.mark.slow
@pytest.mark.integration
@pytest.mark.parametrize("kind", ["whole", "crops"])
def test_compiled_equals_eager(kind):
    layer = Views(kind)
    photos, seed = tf.constant(_photos()), tf.constant([5, 6])
    compiled = tf.function(layer, jit_compile=True)
    np.testing.assert_allclose(compiled(photos, seed), layer(photos, seed), atol=0.05)


@pytest.mark.integration
def test_saved_with_a_model(tmp_path):
    views = Views("whole", geometry=SmallMoves(shift=0.3), color=ColorViews(hue=0.1))
    images = keras.Input((16, 16, 3), dtype="uint8")
    seed = keras.Input(batch_shape=(2,), dtype="int32")
    model = keras.Model([images, seed], views(images, seed))
    model.save(tmp_path / "views.keras")
    loaded = keras.models.load_model(tmp_path / "views.keras")
    photos, seed = tf.constant(_photos()), tf.constant([1, 2])
    np.testing.assert_array_equal(loaded([photos, seed]), views(photos, seed))


@pytest.mark.parametrize("kind", ["whole", "crops"])
def test_arguments_survive_the_config(kind):
    layer = Views(kind)
    copy = Views.from_config(layer.get_config())
    assert copy.get_config() == layer.get_config()
    np.testing.assert_array_equal(copy(_photos(), [1, 2]), layer(_photos(), [1, 2]))


def test_an_unknown_kind_is_named():
    with pytest.raises(ValueError, match=r"kind is 'half'.*whole, crops"):
        Views("half")


@pytest.mark.parametrize("kind", ["whole", "crops"])
def test_a_view_depends_on_the_row_in_the_whole_batch_alone(kind):
    photos = _photos()
    views = Views(kind)
    whole = views(photos, [1, 2])
    for row in range(3):
        alone = views(photos[row : row + 1], [1, 2], Rows(row, 3))
        np.testing.assert_allclose(alone[0], whole[row], atol=1e-3)
    other = views(photos[:1], [1, 2], Rows(1, 3))
    assert np.abs(other[0] - whole[0]).max() > 1
