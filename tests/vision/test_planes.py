import numpy as np
import pytest
import tensorflow as tf

from cv_tf.vision import (
    ColorViews,
    PlaneLayer,
    RandomCrops,
    SmallMoves,
    to_images,
    to_planes,
)

PHOTOS = np.random.default_rng(0).integers(0, 256, (2, 4, 5, 3), dtype=np.uint8)


def test_each_channel_is_a_plane_and_images_come_back():
    planes = to_planes(PHOTOS)
    assert planes.shape == (2, 3, 4, 5)
    np.testing.assert_array_equal(planes[1, 2], PHOTOS[1, :, :, 2])
    np.testing.assert_array_equal(to_images(planes), PHOTOS)


@pytest.mark.parametrize("layer", [ColorViews(), RandomCrops(), SmallMoves(size=7)])
def test_a_layer_does_to_images_what_it_does_to_planes(layer):
    changed = layer.planes(to_planes(PHOTOS), tf.constant([1, 2]))
    np.testing.assert_array_equal(layer(PHOTOS, [1, 2]), to_images(changed))


def test_pixels_are_float32_under_mixed_precision_too():
    assert PlaneLayer().compute_dtype == "float32"
    assert ColorViews()(PHOTOS, [1, 2]).dtype == tf.float32
