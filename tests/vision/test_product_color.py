"""The color of a product: known colors, with and without a background."""

import numpy as np
import pytest
import tensorflow as tf

from cv_tf.vision import product_color

# https://www.w3.org/TR/css-color-4/ and CIE 15:2004; D65.
KNOWN = {
    (255, 255, 255): (100, 0, 0),
    (0, 0, 0): (0, 0, 0),
    (255, 0, 0): (53.24, 80.09, 67.20),
    (0, 255, 0): (87.73, -86.18, 83.18),
    (0, 0, 255): (32.30, 79.19, -107.86),
    (119, 119, 119): (50.03, 0, 0),
}


def _on(background, color, side=64):
    """A square of one color in the middle of another."""
    image = np.full((side, side, 3), background, np.uint8)
    image[side // 4 : -side // 4, side // 4 : -side // 4] = color
    return image


@pytest.mark.parametrize(("rgb", "lab"), KNOWN.items())
def test_known_colors(rgb, lab):
    photos = np.full((1, 32, 32, 3), rgb, np.uint8)
    np.testing.assert_allclose(product_color(photos)[0], lab, atol=0.05)


@pytest.mark.parametrize("background", [(255, 255, 255), (200, 190, 180)])
@pytest.mark.parametrize("color", [(255, 0, 0), (0, 0, 255)])
def test_a_plain_background_does_not_count(background, color):
    photos = np.stack([_on(background, color)] * 2)
    colors = product_color(photos).numpy()
    np.testing.assert_allclose(colors, [KNOWN[color]] * 2, atol=0.05)


def test_two_colors_are_averaged():
    photo = _on((255, 255, 255), (255, 0, 0))
    photo[16:48, 32:48] = (0, 0, 255)
    expected = np.mean([KNOWN[255, 0, 0], KNOWN[0, 0, 255]], axis=0)
    np.testing.assert_allclose(product_color(photo[None])[0], expected, atol=0.05)


def test_is_the_same_at_any_size():
    small, large = (
        product_color(_on((255, 255, 255), (40, 90, 60), side)[None]).numpy()
        for side in (64, 256)
    )
    np.testing.assert_allclose(small, large, atol=0.5)


def test_compiles_with_static_shapes():
    photos = np.stack([_on((255, 255, 255), (255, 0, 0))])
    compiled = tf.function(product_color, jit_compile=True)
    np.testing.assert_allclose(compiled(photos), product_color(photos), atol=1e-3)
