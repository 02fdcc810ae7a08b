import io

import numpy as np
import pytest
import tensorflow as tf
from few import few
from PIL import Image

from cv_tf.pipeline import DecodingPlan
from cv_tf.pipeline.decode import decode, plan
from cv_tf.pipeline.scan_cache import Scanned


def scanned(kind, height, width, background=(10, 200, 30)):
    return Scanned(
        "key", 0, 0, "", kind=kind, height=height, width=width, background=background
    )


# By reader: for frames, for PNG, for boxes, for what is cut from all of the photo.
RATIO_OF = (1, 2, 4, 8, 1, 1, 2, 4, 8, 1, 2, 4, 8)


def encode(pixels, file_format="PNG"):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, file_format, quality=95)
    return file.getvalue()


def decoded(pixels, image_size, frame=(0, 0, 1, 1), file_format="PNG"):
    height, width, _ = pixels.shape
    row = scanned(file_format.lower(), height, width)
    plans = plan([row], np.array([frame]), image_size)
    how = DecodingPlan(*(tf.constant(column[0]) for column in plans))
    encoded = encode(pixels, file_format)
    return tf.function(decode)(tf.constant(encoded), how, image_size).numpy()


def noise(height, width):
    random = np.random.default_rng(0)
    return random.integers(0, 256, (height, width, 3)).astype(np.uint8)


def test_a_square_photo_of_the_wanted_size_is_left_as_it_is():
    pixels = noise(20, 20)
    np.testing.assert_array_equal(decoded(pixels, 20), pixels)


def test_a_wide_photo_lies_in_the_middle_on_its_background():
    pixels = noise(10, 20)
    square = decoded(pixels, 20)
    np.testing.assert_array_equal(square[5:15], pixels)
    for edge in (square[:5], square[15:]):
        np.testing.assert_array_equal(edge, np.tile([10, 200, 30], (5, 20, 1)))


def test_a_tall_frame_is_cut_exactly_and_padded_on_both_sides():
    pixels = noise(40, 30)
    # Rows 10 to 30, columns 6 to 16.
    frame = (10 / 40, 6 / 30, 20 / 40, 10 / 30)
    square = decoded(pixels, 20, frame)
    np.testing.assert_array_equal(square[:, 5:15], pixels[10:30, 6:16])
    np.testing.assert_array_equal(square[:, 0], np.tile([10, 200, 30], (20, 1)))


def test_an_odd_remainder_goes_below():
    square = decoded(noise(15, 20), 20)
    background = (square == [10, 200, 30]).all(axis=(1, 2))
    assert list(np.flatnonzero(background)) == [0, 1, 17, 18, 19]


def test_shrinking_averages_instead_of_skipping():
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 200  # one pixel each: skipping would give 0 or 200
    square = decoded(stripes, 16)
    assert np.abs(square[:, 2:-2].astype(int) - 100).max() <= 8


def test_a_small_frame_is_enlarged():
    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[2:4, 2:4] = 250
    square = decoded(pixels, 16, frame=(0.25, 0.25, 0.25, 0.25))
    np.testing.assert_array_equal(square, np.full((16, 16, 3), 250))


def test_a_line_of_one_pixel_keeps_one_pixel():
    square = decoded(np.full((1, 400, 3), 90, np.uint8), 16)
    np.testing.assert_array_equal(square[7], np.full((16, 3), 90))
    np.testing.assert_array_equal(square[8], np.tile([10, 200, 30], (16, 1)))


@pytest.mark.parametrize(
    ("longest", "ratio"), [(99, 1), (100, 1), (199, 1), (200, 2), (400, 4), (3000, 8)]
)
def test_jpeg_is_decoded_at_the_smallest_scale_not_below_the_wanted_size(
    longest, ratio
):
    row = scanned("jpeg", 50, longest)
    plans = plan([row], np.array([[0, 0, 1, 1]]), image_size=100)
    assert RATIO_OF[plans.reader[0]] == ratio


def test_the_frame_counts_not_the_photo():
    row = scanned("jpeg", 400, 400)
    plans = plan([row], np.array([[0, 0, 0.25, 0.3]]), image_size=100)
    assert RATIO_OF[plans.reader[0]] == 1
    np.testing.assert_array_equal(plans.window[0], [0, 0, 100, 120])


@pytest.mark.integration
@pytest.mark.parametrize("side", few(127, 517, more=[128, 250, 321, 1031]))
def test_jpeg_at_any_scale_shows_what_png_shows(side):
    y, x = np.mgrid[0 : 1 : side * 1j, 0 : 1 : (side - 9) * 1j]
    waves = [np.sin(6 * x + 2 * y), np.cos(5 * y), np.sin(4 * x * y)]
    pixels = (np.stack(waves, axis=-1) * 100 + 128).astype(np.uint8)
    for frame in ((0, 0, 1, 1), (0.31, 0.13, 0.66, 0.87), (0.5, 0.5, 0.5, 0.5)):
        exact = decoded(pixels, 64, frame).astype(int)
        scaled = decoded(pixels, 64, frame, "JPEG").astype(int)
        assert np.abs(exact - scaled).mean() < 2.5
