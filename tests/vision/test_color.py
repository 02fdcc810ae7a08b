import colorsys

import numpy as np
import pytest
import tensorflow as tf

from cv_tf.vision import color, to_images, to_planes

LUMA = np.array([0.299, 0.587, 0.114])

# 2 x 2: black, white / red, a dull blue.
BOARD = np.array([[[0, 0, 0], [255, 255, 255]], [[255, 0, 0], [60, 80, 120]]])
BOARD = BOARD[None].astype(np.float32)


def _photos(num_photos, low=0, high=255):
    generator = np.random.default_rng(0)
    return generator.uniform(low, high, (num_photos, 3, 4, 3)).astype(np.float32)


def _changed(images, transform):
    return to_images(transform(to_planes(images)))


def _reference(images, parameters, change):
    """Applies `change(rgb, parameter)` pixel by pixel, then clips."""
    result = np.empty(images.shape)
    for sample, parameter in enumerate(parameters):
        for pixel in np.ndindex(images.shape[1:3]):
            rgb = images[sample][pixel].astype(np.float64)
            result[sample][pixel] = change(rgb, parameter)
    return result.clip(0, 255)


def _rotate_chroma(rgb, turns):
    """By way of PAL's U and V, which span the plane of NTSC's I and Q, mirrored."""
    luma = LUMA @ rgb
    u, v = 0.492111 * (rgb[2] - luma), 0.877283 * (rgb[0] - luma)
    chroma = complex(u, v) * np.exp(-2j * np.pi * turns)
    blue, red = luma + chroma.real / 0.492111, luma + chroma.imag / 0.877283
    return np.array([red, (luma - 0.299 * red - 0.114 * blue) / 0.587, blue])


CHANGES = {
    "brightness": (color.brightness, lambda x, f: f * x),
    "contrast": (color.contrast, lambda x, f: 127.5 + f * (x - 127.5)),
    "saturation": (color.saturation, lambda x, f: LUMA @ x + f * (x - LUMA @ x)),
    "inversion": (
        color.lightness_inversion,
        lambda x, amount: x + amount * (255 - 2 * (LUMA @ x)),
    ),
}


@pytest.mark.parametrize("name", list(CHANGES))
def test_agrees_with_plain_numpy(name):
    build, change = CHANGES[name]
    parameters = [0.0, 0.3, 1.0, 1.7]
    images = _photos(4)
    changed = _changed(images, build(tf.constant(parameters)))
    expected = _reference(images, parameters, change)
    np.testing.assert_allclose(changed, expected, atol=1e-3)


def test_hue_rotation_agrees_with_a_rotation_of_the_color_difference():
    turns = [0.0, 0.1, -0.25, 0.5]
    images = _photos(4, 80, 150)
    rotated = _changed(images, color.hue_rotation(tf.constant(turns)))
    expected = _reference(images, turns, _rotate_chroma)
    np.testing.assert_allclose(rotated, expected, atol=0.05)


def test_hue_rotation_keeps_greys_and_luma_and_comes_back_after_a_turn():
    images = _photos(3, 80, 150)
    rotation = color.hue_rotation(tf.constant([0.2, 0.5, 1.0]))
    rotated = _changed(images, rotation).numpy()
    np.testing.assert_allclose(rotated @ LUMA, images @ LUMA, atol=1e-3)
    np.testing.assert_allclose(rotated[2], images[2], atol=1e-3)
    assert np.abs(rotated[:2] - images[:2]).max() > 10
    grey = _changed(BOARD, color.hue_rotation(tf.constant([0.37]))).numpy()[0, 0]
    np.testing.assert_allclose(grey, [[0, 0, 0], [255, 255, 255]], atol=1e-3)


def test_lightness_inversion_by_hand():
    inverted = _changed(BOARD, color.lightness_inversion(tf.constant([1.0])))[0]
    # Red has luma 76.245: all channels rise by 255 - 152.49 and red is clipped.
    # The dull blue has luma 78.58: plus 97.84.
    expected = [
        [[255, 255, 255], [0, 0, 0]],
        [[255, 102.51, 102.51], [157.84, 177.84, 217.84]],
    ]
    np.testing.assert_allclose(inverted, expected, atol=1e-3)


def test_lightness_inversion_keeps_the_hue_and_undoes_itself():
    images = _photos(2, 100, 155)
    inversion = color.lightness_inversion(tf.constant([1.0, 1.0]))
    inverted = _changed(images, inversion).numpy()
    np.testing.assert_allclose(inverted @ LUMA, 255 - images @ LUMA, atol=1e-3)
    for before, after in zip(
        images.reshape(-1, 3), inverted.reshape(-1, 3), strict=True
    ):
        hue = [colorsys.rgb_to_hsv(*(rgb / 255))[0] for rgb in (before, after)]
        assert hue[0] == pytest.approx(hue[1], abs=1e-4)
    np.testing.assert_allclose(_changed(inverted, inversion), images, atol=1e-3)


def test_channel_mixing_reads_its_matrix_row_by_row():
    swap = tf.constant([[[0, 0, 1.0], [0, 1, 0], [1, 0, 0]]])
    mixed = _changed(BOARD, color.channel_mixing(swap)).numpy()[0]
    assert mixed.tolist() == BOARD[0, :, :, ::-1].tolist()
    uneven = tf.constant([[[0.5, 0.5, 0.0], [0.0, 0.25, 0.75], [1.0, 0.0, 0.0]]])
    mixed = _changed(BOARD, color.channel_mixing(uneven))[0, 1, 1]
    np.testing.assert_allclose(mixed, [70, 110, 60], rtol=1e-6)


def test_grey_by_hand():
    grey = color.grey(tf.constant(BOARD)).numpy()[0]
    expected = [[0.0, 255.0], [76.245, 78.58]]
    for channel in range(3):
        np.testing.assert_allclose(grey[..., channel], expected, atol=1e-3)


def test_grey_is_what_no_saturation_gives():
    images = _photos(2)
    faded = _changed(images, color.saturation(tf.constant([0.0, 0.0])))
    np.testing.assert_allclose(faded, color.grey(images), atol=1e-3)


def test_gamma_agrees_with_plain_numpy():
    exponents = [0.4, 1.0, 2.5]
    images = _photos(3)
    images[:, 0, 0] = 0.0
    images[:, 0, 1] = 255.0
    changed = color.gamma(tf.constant(images), tf.constant(exponents)).numpy()
    for sample, exponent in enumerate(exponents):
        expected = 255 * (images[sample].astype(np.float64) / 255) ** exponent
        np.testing.assert_allclose(changed[sample], expected, atol=1e-3)


def test_a_chain_equals_its_steps_one_after_the_other():
    images = _photos(3, 90, 140)
    steps = [
        color.channel_mixing(tf.constant(np.full((3, 3, 3), 1 / 3, np.float32))),
        color.hue_rotation(tf.constant([0.1, 0.3, -0.2])),
        color.lightness_inversion(tf.constant([1.0, 0.0, 1.0])),
        color.contrast(tf.constant([0.7, 1.2, 0.9])),
        color.brightness(tf.constant([1.1, 0.8, 1.0])),
    ]
    one_by_one = images
    for step in steps:
        one_by_one = _changed(one_by_one, step)
    chain = steps[0]
    for step in steps[1:]:
        chain = chain.then(step)
    np.testing.assert_allclose(_changed(images, chain), one_by_one, atol=1e-3)


def test_a_chain_clips_only_at_its_end():
    brighter = color.brightness(tf.constant([2.0]))
    darker = color.brightness(tf.constant([0.5]))
    both = brighter.then(darker)
    np.testing.assert_allclose(_changed(BOARD, both), BOARD, atol=1e-4)
    assert _changed(_changed(BOARD, brighter), darker).numpy()[0, 0, 1, 0] == 127.5
