import math

import numpy as np
import pytest
import tensorflow as tf

from cv_tf.vision import GaussianBlur, Rows
from cv_tf.vision.blur import kernel

# Weights of a Gaussian of one pixel at distances 0 and 1, of three that sum to 1.
MIDDLE = 1 / (1 + 2 * math.exp(-0.5))
BESIDE = math.exp(-0.5) * MIDDLE


def _photos(num_photos=3, size=16):
    generator = np.random.default_rng(0)
    return generator.integers(0, 256, (num_photos, size, size, 3), dtype=np.uint8)


def _sure(sigma):
    return GaussianBlur(probability=1.0, sigma=(sigma, sigma))


def test_a_bright_pixel_by_hand():
    assert pytest.approx(0.452, abs=1e-3) == MIDDLE
    assert pytest.approx(0.274, abs=1e-3) == BESIDE
    photo = np.zeros((1, 5, 5, 1), np.float32)
    photo[0, 2, 2] = 100
    row = np.array([0, BESIDE, MIDDLE, BESIDE, 0])
    expected = 100 * np.outer(row, row)[None, :, :, None]
    np.testing.assert_allclose(_sure(1.0)(photo, [0, 1]), expected, atol=1e-3)


def test_edge_pixels_repeat_by_hand():
    photo = np.zeros((1, 1, 4, 1), np.float32)
    photo[0, 0, 0] = 100
    blurred = _sure(1.0)(photo, [0, 1]).numpy().ravel()
    expected = [100 * (MIDDLE + BESIDE), 100 * BESIDE, 0, 0]
    np.testing.assert_allclose(blurred, expected, atol=1e-3)


def test_weights_of_a_kernel_by_hand():
    # exp(-d^2 / 8) at distances 0, 1 and 2 of a sigma of 2; then nearly nothing beside.
    raw = np.array([0.60653, 0.88250, 1.0, 0.88250, 0.60653])
    weights = kernel(tf.constant([2.0, 0.1]), 2).numpy()
    np.testing.assert_allclose(weights[0], raw / raw.sum(), atol=1e-5)
    np.testing.assert_allclose(weights[1], [0, 0, 1, 0, 0], atol=1e-6)


@pytest.mark.parametrize(
    ("size", "taps"), [(16, 3), (32, 3), (60, 7), (128, 13), (224, 23)]
)
def test_the_kernel_covers_a_tenth_of_the_side(size, taps):
    photo = np.zeros((1, size, size, 1), np.float32)
    photo[0, size // 2, size // 2] = 1e6
    blurred = _sure(50.0)(photo, [0, 1]).numpy()[0, :, :, 0]
    assert (blurred > 0).sum() == taps * taps


def test_what_is_plain_stays_plain():
    photo = np.full((1, 20, 20, 3), 230, np.uint8)
    np.testing.assert_allclose(_sure(2.0)(photo, [0, 1]), photo, atol=1e-3)


def test_channels_are_blurred_alone_and_alike():
    photos = _photos()
    whole = _sure(1.5)(photos, [0, 1])
    for channel in range(3):
        alone = _sure(1.5)(photos[..., channel : channel + 1], [0, 1])
        np.testing.assert_allclose(whole[..., channel : channel + 1], alone, atol=1e-3)


def test_never_is_no_change_at_all():
    photos = _photos()
    np.testing.assert_array_equal(GaussianBlur(0.0)(photos, [0, 1]), photos)


def test_blurred_as_often_as_asked_and_others_stay():
    photos = np.tile(_photos(1, 8), (600, 1, 1, 1))
    blurred = GaussianBlur(0.3, sigma=(1.0, 1.0))(photos, [0, 1]).numpy()
    changed = np.abs(blurred - photos).max(axis=(1, 2, 3)) > 0
    assert changed.mean() == pytest.approx(0.3, abs=0.06)
    assert len(np.unique(blurred[changed].round(2), axis=0)) == 1


def test_sigma_fills_its_range():
    photos = np.zeros((400, 1, 41, 1), np.float32)
    photos[:, :, 20] = 1.0
    blurred = GaussianBlur(1.0)(photos, [0, 1]).numpy()[:, 0, :, 0]
    # Of three weights, the middle one over the next is exp(1 / (2 sigma^2)).
    beside = np.maximum(blurred[:, 19], 1e-30)
    sigma = np.sqrt(0.5 / np.log(blurred[:, 20] / beside))
    assert sigma.max() <= 2.0 + 1e-3
    assert sigma.max() > 1.98
    assert np.median(sigma) == pytest.approx(1.05, abs=0.15)


def test_the_seed_decides_for_each_sample():
    photos = np.tile(_photos(1), (3, 1, 1, 1))
    layer = GaussianBlur(1.0, sigma=(0.5, 2.0))
    views = layer(photos, [1, 2]).numpy()
    np.testing.assert_array_equal(layer(photos, [1, 2]), views)
    assert np.abs(layer(photos, [1, 3]) - views).max(axis=(1, 2, 3)).min() > 1e-3
    assert np.abs(views[0] - views[1]).max() > 1e-3


def test_a_row_of_a_larger_batch_is_blurred_alike():
    photos, layer = _photos(), GaussianBlur(0.5)
    whole = layer(photos, [1, 2])
    for row in range(3):
        alone = layer(photos[row : row + 1], [1, 2], Rows(row, 3))
        np.testing.assert_allclose(alone[0], whole[row], atol=1e-3)


@pytest.mark.integration
def test_compiled_equals_eager():
    photos, seed = tf.constant(_photos(3, 40)), tf.constant([3, 4])
    layer = GaussianBlur()
    compiled = tf.function(layer, jit_compile=True)
    np.testing.assert_allclose(compiled(photos, seed), layer(photos, seed), atol=1e-2)


def test_arguments_survive_the_config():
    layer = GaussianBlur(0.2, sigma=(0.5, 1.0))
    copy = GaussianBlur.from_config(layer.get_config())
    assert copy.get_config() == layer.get_config()
    np.testing.assert_array_equal(copy(_photos(), [1, 2]), layer(_photos(), [1, 2]))


def test_impossible_arguments_are_refused():
    with pytest.raises(ValueError, match="probability is a probability"):
        GaussianBlur(1.5)
    with pytest.raises(ValueError, match="sigma is a range"):
        GaussianBlur(sigma=(2.0, 0.1))
    with pytest.raises(ValueError, match="sigma is a range"):
        GaussianBlur(sigma=(0.0, 1.0))
