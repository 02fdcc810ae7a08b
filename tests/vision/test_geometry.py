import numpy as np
import pytest
import tensorflow as tf

from cv_tf.vision import crop_and_resize, to_images, to_planes
from cv_tf.vision.geometry import interpolation_matrix, mirror_boxes

WHOLE = [0.0, 0.0, 1.0, 1.0]


def _photos(num_photos=2, height=6, width=8):
    generator = np.random.default_rng(0)
    return generator.uniform(0, 255, (num_photos, height, width, 3)).astype(np.float32)


def _crop(images, *arguments, **options):
    return to_images(crop_and_resize(to_planes(images), *arguments, **options))


def _reference(images, boxes, height, width):
    """Linear interpolation at each output pixel's center, edges repeated."""
    num_images, image_height, image_width, channels = images.shape
    result = np.empty((num_images, height, width, channels))
    for sample, (top, left, box_height, box_width) in enumerate(boxes):
        for row, column in np.ndindex(height, width):
            y = (top + (row + 0.5) / height * box_height) * image_height - 0.5
            x = (left + (column + 0.5) / width * box_width) * image_width - 0.5
            y, x = np.clip(y, 0, image_height - 1), np.clip(x, 0, image_width - 1)
            y0, x0 = int(y), int(x)
            y1, x1 = min(y0 + 1, image_height - 1), min(x0 + 1, image_width - 1)
            corners = images[sample][[y0, y0, y1, y1], [x0, x1, x0, x1]]
            fy, fx = y - y0, x - x0
            weights = [(1 - fy) * (1 - fx), (1 - fy) * fx, fy * (1 - fx), fy * fx]
            result[sample, row, column] = weights @ corners
    return result


def test_by_hand():
    image = tf.reshape(tf.constant([0.0, 8.0]), [1, 1, 2, 1])

    def row(box, width):
        return _crop(image, [box], 1, width).numpy().ravel().tolist()

    # Output centers at 1/8, 3/8, 5/8 and 7/8 lie -1/4, 1/4, 3/4, 5/4 pixels right of
    # the first center; beyond the centers the pixel repeats.
    assert row(WHOLE, 4) == [0.0, 2.0, 6.0, 8.0]
    # Twice the width around the image: centers at -1, 0, 1, 2.
    assert row([0.0, -0.5, 1.0, 2.0], 4) == [0.0, 0.0, 8.0, 8.0]
    # From right to left.
    assert row([0.0, 1.0, 1.0, -1.0], 4) == [8.0, 6.0, 2.0, 0.0]
    assert row(WHOLE, 2) == [0.0, 8.0]


@pytest.mark.parametrize("size", [(6, 8), (4, 11), (13, 5)])
def test_agrees_with_plain_numpy(size):
    images = _photos(4)
    boxes = [
        [0.1, 0.2, 0.5, 0.7],
        [-0.2, 0.3, 1.5, 1.1],
        [0.0, 0.9, 1.0, -0.8],
        [1.0, 0.0, -1.0, 1.0],
    ]
    cropped = _crop(images, boxes, *size)
    np.testing.assert_allclose(cropped, _reference(images, boxes, *size), atol=2e-3)


def test_agrees_with_tensorflow_where_it_samples_the_same_points():
    images = _photos(2)
    boxes = np.array([[0.1, 0.2, 0.5, 0.7], [0.25, 0.0, 0.75, 1.0]], np.float32)
    height, width = 5, 7
    # tf.image.crop_and_resize puts the first and the last sample on the box's edges,
    # counted from the centers of the outer pixels.
    samples = np.array([height, width])
    extents = np.array(images.shape[1:3])
    first = (boxes[:, :2] + boxes[:, 2:] * 0.5 / samples) * extents - 0.5
    last = (boxes[:, :2] + boxes[:, 2:] * (1 - 0.5 / samples)) * extents - 0.5
    corners = np.concatenate([first, last], axis=1) / np.tile(extents - 1, 2)
    expected = tf.image.crop_and_resize(images, corners, [0, 1], [height, width])
    inside = (corners >= 0).all(axis=1) & (corners <= 1).all(axis=1)
    assert inside[0]
    cropped = _crop(images, boxes, height, width)
    np.testing.assert_allclose(cropped[inside], expected[inside], atol=2e-3)


@pytest.mark.parametrize("size", [(3, 3), (4, 5), (2, 12), (12, 16)])
@pytest.mark.parametrize("antialias", [False, True])
def test_the_whole_photo_resizes_as_in_tensorflow(size, antialias):
    images = _photos(2)
    resized = _crop(images, [WHOLE] * 2, *size, antialias=antialias)
    expected = tf.image.resize(images, size, antialias=antialias)
    np.testing.assert_allclose(resized, expected, atol=2e-3)


def test_antialiasing_averages_where_sampling_misses_pixels():
    stripes = tf.tile(tf.reshape([0.0, 0.0, 255.0, 0.0], [1, 1, 4, 1]), [1, 1, 4, 1])
    plain = _crop(stripes, [WHOLE], 1, 4).numpy()
    smooth = _crop(stripes, [WHOLE], 1, 4, antialias=True).numpy()
    assert plain.ravel().tolist() == [127.5] * 4
    # The triangle is four pixels wide either way and its weights sum to 4; the bright
    # pixels under it lie 0.5 and 3.5 from its center: 1/8 + 7/8 of 4.
    assert smooth.ravel()[1:3] == pytest.approx([255 / 4] * 2, abs=1e-3)


def test_antialiasing_a_mirrored_box_mirrors_the_result():
    images = _photos(1)
    mirrored = _crop(images, [[0.0, 1.0, 1.0, -1.0]], 3, 3, antialias=True)
    straight = _crop(images, [WHOLE], 3, 3, antialias=True)
    np.testing.assert_allclose(mirrored, straight[:, :, ::-1], atol=1e-3)


def test_rows_are_blended_as_their_matrix_says():
    planes = tf.constant(_photos(2).transpose(0, 3, 1, 2))
    start, size = tf.constant([0.1, 1.2]), tf.constant([0.7, -1.5])
    matrix = interpolation_matrix(start, size, 9, 6)
    boxes = tf.stack([start, [0.0, 0.0], size, [1.0, 1.0]], axis=1)
    expected = matrix[:, None] @ planes
    np.testing.assert_allclose(
        crop_and_resize(planes, boxes, 9, 8), expected, atol=1e-3
    )


def test_uint8_photos_of_any_channels_give_float32():
    images = np.random.default_rng(1).integers(0, 256, (2, 4, 4, 1), dtype=np.uint8)
    same = _crop(images, [WHOLE] * 2, 4, 4)
    assert same.dtype == tf.float32
    np.testing.assert_allclose(same, images, atol=1e-4)


def test_mirror_boxes_flips_only_those_asked_for():
    images = _photos(2)
    boxes = mirror_boxes(tf.constant([WHOLE, WHOLE]), tf.constant([True, False]))
    mirrored = _crop(images, boxes, 6, 8).numpy()
    np.testing.assert_allclose(mirrored[0], images[0, :, ::-1], atol=1e-3)
    np.testing.assert_allclose(mirrored[1], images[1], atol=1e-3)


@pytest.mark.integration
def test_compiled_equals_eager():
    images = tf.constant(_photos(2))
    boxes = tf.constant([[0.1, 0.2, 0.5, 0.7], [0.3, 0.9, 0.4, -0.5]])

    def shrink(images, boxes):
        return _crop(images, boxes, 3, 2, antialias=True)

    compiled = tf.function(shrink, jit_compile=True)
    np.testing.assert_allclose(
        compiled(images, boxes), shrink(images, boxes), atol=2e-3
    )
