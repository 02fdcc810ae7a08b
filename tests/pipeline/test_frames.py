import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from cv_tf.pipeline.frames import add_margin, border_colors, find_frames

SIDE = 128
MARGIN = 0.04


def photo(background=240):
    image = np.empty((SIDE, SIDE, 3), np.uint8)
    image[:] = background
    return image


def frame_of(image):
    frames, found, _ = find_frames(tf.constant(image[None]))
    return frames.numpy()[0], bool(found.numpy()[0])


def in_pixels(top, left, bottom, right):
    """The frame expected of a product at these pixels, margin included."""
    start = np.maximum(np.array([top, left]) / SIDE - MARGIN, 0)
    end = np.minimum(np.array([bottom, right]) / SIDE + MARGIN, 1)
    return np.concatenate([start, end - start])


def test_a_dark_rectangle_is_found_with_its_margin():
    image = photo()
    image[30:90, 50:80] = 20
    frame, found = frame_of(image)
    assert found
    np.testing.assert_allclose(frame, in_pixels(30, 50, 90, 80), atol=1e-6)


def test_the_margin_stops_at_the_photo():
    boxes = tf.constant([[0.01, 0.5, 0.2, 0.49]])
    expected = [[0.0, 0.46, 0.25, 0.54]]
    np.testing.assert_allclose(add_margin(boxes), expected, atol=1e-6)


def test_photos_of_a_batch_do_not_touch_each_other():
    first, second = photo(), photo(0)
    first[30:90, 50:80] = 20
    second[10:40, 20:120] = [0, 0, 200]
    frames = find_frames(tf.constant(np.stack([first, second]))).frames
    np.testing.assert_allclose(frames[0], frame_of(first)[0], atol=1e-6)
    np.testing.assert_allclose(frames[1], in_pixels(10, 20, 40, 120), atol=1e-6)


def test_stray_noise_pixels_do_not_widen_the_box():
    image = photo()
    image[30:90, 50:80] = 20
    image[5, 10] = image[120, 3] = image[60, 110] = 0
    frame, _ = frame_of(image)
    np.testing.assert_allclose(frame, in_pixels(30, 50, 90, 80), atol=1e-6)


def test_a_soft_shadow_is_not_product():
    image = photo()
    image[84:96, 50:108] = 222
    image[30:90, 40:100] = [180, 30, 30]
    frame, _ = frame_of(image)
    np.testing.assert_allclose(frame, in_pixels(30, 40, 90, 100), atol=1e-6)


def test_a_white_product_with_a_dark_label_is_found_whole():
    image = photo(236)
    image[20:110, 30:100] = 220  # no darker than a shadow
    image[24:30, 62:68] = 10
    frame, _ = frame_of(image)
    np.testing.assert_allclose(frame, in_pixels(20, 30, 110, 100), atol=1e-6)


def test_uneven_light_is_not_product():
    y, x = np.mgrid[-1:1:128j, -1:1:128j]
    light = 215 - 25 * x - 15 * y * y
    image = np.repeat(light[..., None], 3, axis=-1).astype(np.uint8)
    image[40:100, 30:90] = [60, 90, 30]
    frame, found = frame_of(image)
    assert found
    np.testing.assert_allclose(frame, in_pixels(40, 30, 100, 90), atol=1e-6)


def test_a_drawn_border_of_one_pixel_is_not_product():
    image = photo()
    image[:, -1] = image[0] = 0
    image[30:90, 50:80] = 20
    frame, _ = frame_of(image)
    np.testing.assert_allclose(frame, in_pixels(30, 50, 90, 80), atol=1e-6)


def test_a_product_cut_by_two_borders_reaches_them():
    image = photo()
    image[40:, 50:90] = [20, 60, 20]  # trousers, cut below
    image[80:100, :60] = [20, 60, 20]  # and on the left
    frame, found = frame_of(image)
    assert found
    np.testing.assert_allclose(frame, in_pixels(40, 0, 128, 90), atol=1e-6)


@pytest.mark.parametrize(
    ("rows", "columns", "sides"),
    [
        ((30, 90), (50, 80), 0),
        ((4, 124), (4, 124), 0),  # Only its margin reaches the edges.
        ((30, 128), (50, 80), 1),
        ((0, 128), (50, 80), 2),
        ((0, 100), (0, 60), 2),
        ((0, 128), (0, 20), 3),
    ],
)
def test_edges_that_cut_the_product_are_counted(rows, columns, sides):
    image = photo()
    image[slice(*rows), slice(*columns)] = 20
    assert find_frames(tf.constant(image[None])).sides.numpy().tolist() == [sides]


@pytest.mark.parametrize("what", ["plain", "speck", "noise", "street"])
def test_photos_without_a_plain_background_and_product_are_taken_whole(what):
    random = np.random.default_rng(0)
    image = photo()
    if what == "speck":
        image[60:63, 60:63] = 0
    if what == "noise":
        image = random.integers(0, 256, image.shape).astype(np.uint8)
    if what == "street":
        coarse = random.integers(0, 256, (8, 8, 3)).astype(np.uint8)
        image = np.kron(coarse, np.ones((16, 16, 1), np.uint8))
    frame, found = frame_of(image)
    assert not found
    np.testing.assert_array_equal(frame, [0, 0, 1, 1])


def test_frames_follow_a_mirrored_photo():
    image = photo()
    image[30:90, 20:80] = 20
    image[50:60, 20:100] = [200, 20, 20]
    frame, _ = frame_of(image)
    mirrored, _ = frame_of(image[:, ::-1])
    np.testing.assert_allclose(mirrored[1], 1 - frame[1] - frame[3], atol=1e-6)
    np.testing.assert_allclose(mirrored[[0, 2, 3]], frame[[0, 2, 3]], atol=1e-6)


@pytest.mark.slow
@pytest.mark.integration
def test_compiled_and_eager_agree():
    random = np.random.default_rng(0)
    images = np.stack([photo()] * 3)
    images[0, 30:90, 50:80] = 20
    images[1] = random.integers(0, 256, images[1].shape)
    compiled = tf.function(find_frames, jit_compile=True)(tf.constant(images))
    eager = find_frames(tf.constant(images))
    np.testing.assert_allclose(compiled[0], eager[0], atol=1e-6)
    np.testing.assert_array_equal(compiled[1], eager[1])
    np.testing.assert_array_equal(compiled[2], eager[2])


def test_arrays_and_tensors_give_the_same_frames():
    random = np.random.default_rng(0)
    images = np.stack([photo()] * 4)
    images[0, 30:90, 50:80] = 20
    images[1] = random.integers(0, 256, images[1].shape)
    images[2, 40:, 20:90] = 200
    arrays, tensors = find_frames(images), find_frames(tf.constant(images))
    for array, tensor in zip(arrays, tensors, strict=True):
        assert isinstance(array, np.ndarray)
        assert array.dtype == tensor.numpy().dtype
        np.testing.assert_allclose(array, tensor, atol=1e-6)
    alone = find_frames(images[:1])
    np.testing.assert_array_equal(alone.frames, arrays.frames[:1])


def test_border_color_is_the_median_in_each_channel():
    image = photo([200, 210, 220])
    image[40:, 50:90] = 0
    np.testing.assert_array_equal(border_colors(image[None]), [[200, 210, 220]])


@pytest.mark.integration
def test_real_studio_photos_are_framed(hm_dev):
    files = sorted((hm_dev / "images").iterdir())[:200]
    size = (SIDE, SIDE)
    photos = [Image.open(f).convert("RGB").resize(size, Image.BOX) for f in files]
    frames, found, _ = find_frames(np.stack([np.asarray(p) for p in photos]))
    area = frames[:, 2] * frames[:, 3]
    assert found.mean() > 0.97
    assert 0.4 < np.median(area) < 0.75
    assert (area > 0.98).mean() < 0.05
