import numpy as np
import pytest
import tensorflow as tf

from cv_tf.models.embedder import fit_square


def _photo(height, width, batch=1, seed=0):
    generator = np.random.default_rng(seed)
    return generator.integers(0, 256, (batch, height, width, 3), dtype=np.uint8)


def _border_mean(photo):
    """The mean color of the four edges of [h, w, 3]; corners count twice."""
    edges = [*photo[0], *photo[-1], *photo[:, 0], *photo[:, -1]]
    return np.mean(np.array(edges, np.float64), axis=0)


def _padded(photo, size):
    """[h, w, 3] in the middle of a square of its border's color, by numpy."""
    height, width, _ = photo.shape
    square = np.tile(_border_mean(photo), (size, size, 1))
    top, left = (size - height) // 2, (size - width) // 2
    square[top : top + height, left : left + width] = photo
    return square


def test_a_photo_of_the_size_passes_as_it_is():
    photo = _photo(8, 8, batch=2)
    square = fit_square(photo, 8)
    assert square.dtype == tf.float32
    np.testing.assert_array_equal(square, photo)


def test_a_wide_photo_by_hand():
    # One row of 1, 2, 3: its border is the row twice and both ends, mean 2.
    photo = np.float32([[[[1], [2], [3]]]]) * np.ones(3, np.float32)
    expected = [[2, 2, 2], [1, 2, 3], [2, 2, 2]]
    np.testing.assert_allclose(fit_square(photo, 3)[0, :, :, 0], expected, atol=1e-5)


@pytest.mark.parametrize(
    ("height", "width"), [(4, 8), (8, 4), (5, 8), (8, 3), (1, 8), (8, 1), (7, 8)]
)
def test_the_shorter_side_is_padded_on_both_sides(height, width):
    photos = _photo(height, width, batch=3)
    expected = [_padded(photo, 8) for photo in photos]
    np.testing.assert_allclose(fit_square(photos, 8), expected, atol=1e-3)


@pytest.mark.parametrize(
    ("height", "width", "inside"),
    [
        (12, 24, (4, 8)),
        (24, 12, (8, 4)),
        (2, 4, (4, 8)),
        (17, 31, (4, 8)),
        (16, 16, (8, 8)),
        (300, 2, (8, 1)),
    ],
)
def test_the_longer_side_is_scaled_and_the_shorter_one_with_it(height, width, inside):
    photos = _photo(height, width)
    scaled = tf.image.resize(photos, inside, antialias=True).numpy()
    square = fit_square(photos, 8).numpy()
    top, left = (8 - inside[0]) // 2, (8 - inside[1]) // 2
    middle = square[:, top : top + inside[0], left : left + inside[1]]
    np.testing.assert_allclose(middle, scaled, atol=1e-2)
    outside = np.ones((8, 8), bool)
    outside[top : top + inside[0], left : left + inside[1]] = False
    border = np.tile(_border_mean(photos[0]), (outside.sum(), 1))
    np.testing.assert_allclose(square[0][outside], border, atol=1e-3)


def test_nothing_is_cut_off():
    # A white product on black that touches all four edges of a wide photo.
    photo = np.zeros((1, 20, 60, 3), np.uint8)
    photo[:, 10], photo[:, :, 30] = 255, 255
    square = fit_square(photo, 60)[0, :, :, 0].numpy()
    assert (square[30] > 200).all()
    assert (square[20:40, 30] > 200).all()


def test_values_stay_in_range():
    # Black and white areas; a border's color that rounds badly, in one photo or other.
    photos = _photo(9, 14, batch=50)
    photos[:, 3:6, 3:9], photos[:, 6:8, 3:9] = 255, 0
    square = fit_square(photos, 32).numpy()
    assert square.min() == 0.0
    assert square.max() == 255.0


@pytest.mark.parametrize(("height", "width"), [(13, 7), (7, 13), (8, 8), (64, 33)])
def test_sizes_unknown_when_traced_make_no_difference(height, width):
    spec = tf.TensorSpec([None, None, None, 3], tf.uint8)
    traced = tf.function(lambda images: fit_square(images, 8), input_signature=[spec])
    photos = _photo(height, width, batch=2)
    square = traced(photos)
    np.testing.assert_allclose(square, fit_square(photos, 8), atol=1e-3)
    assert traced.get_concrete_function().output_shapes.as_list() == [None, 8, 8, 3]
