import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from cv_tf.pipeline.resample import box_thumbnail, scale_and_translate

STILL = np.zeros(2, np.float32)


def noise(height, width):
    random = np.random.default_rng(height * width)
    return random.integers(0, 256, (height, width, 3)).astype(np.uint8)


def test_half_the_size_has_the_triangle_filters_means():
    # Centers lie 1 and 3 pixels from the start: 0.5, 0.5 (reach 2) give weights
    # 1/4, 3/4, 3/4, 1/4 of which those outside are left out.
    line = np.array([0, 70, 140, 210], np.uint8)
    pixels = np.repeat(line[None, :, None], 3, axis=2)
    half = np.array([1, 0.5], np.float32)
    scaled = scale_and_translate(pixels, half, STILL, np.array([1, 2]))
    # (0.75 * 0 + 0.75 * 70 + 0.25 * 140) / 1.75 = 50; mirrored, 210 - 50 = 160.
    np.testing.assert_array_equal(scaled[0, :, 0], [50, 160])


def test_what_keeps_its_size_is_left_as_it_is():
    pixels = noise(17, 23)
    one = np.ones(2, np.float32)
    same = scale_and_translate(pixels, one, STILL, np.array([17, 23]))
    np.testing.assert_array_equal(same, pixels)


@pytest.mark.parametrize("size", [(254, 118), (300, 170), (120, 96), (700, 3), (1, 9)])
@pytest.mark.parametrize("shift", [0.0, 0.3125])
def test_pixels_are_those_of_tensorflow_to_the_bit(size, shift):
    pixels = noise(*size)
    scale = np.array([224 / size[0], 160 / (size[1] - shift)], np.float32)
    moved = np.array([0, -shift * scale[1]], np.float32)
    expected = tf.raw_ops.ScaleAndTranslate(
        images=pixels[None],
        size=[224, 160],
        scale=scale,
        translation=moved,
        kernel_type="triangle",
        antialias=True,
    )[0]
    expected = tf.cast(expected + 0.5, tf.uint8)
    scaled = scale_and_translate(pixels, scale, moved, np.array([224, 160]))
    np.testing.assert_array_equal(scaled, expected)


# In some of these, the center of a pixel lies on the edge of a box.
SIZES = [(1, 1), (128, 128), (192, 288), (149, 237), (75, 1015), (640, 480)]


@pytest.mark.parametrize("size", SIZES)
def test_thumbnails_are_those_of_pillow_to_the_bit(size):
    pixels = noise(*size)
    image = Image.fromarray(pixels)
    for shape in ((128, image.height), (128, 128)):
        image = image.resize(shape, Image.Resampling.BOX)
    np.testing.assert_array_equal(box_thumbnail(pixels, 128), np.asarray(image))
