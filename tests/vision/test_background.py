import numpy as np
import pytest
import tensorflow as tf

from cv_tf.vision import to_planes
from cv_tf.vision.product_colors import background_mask


def _mask(images, **options):
    return background_mask(to_planes(images), **options)


def _photo(drawing):
    """A grey photo from rows of '.', white, and '#', dark."""
    rows = [[30 if mark == "#" else 250 for mark in row] for row in drawing]
    return np.repeat(np.array(rows, np.uint8)[None, :, :, None], 3, axis=-1)


def _drawn(mask):
    return ["".join(".#"[int(not pixel)] for pixel in row) for row in mask]


def test_light_details_inside_of_the_product_are_not_background():
    photo = _photo([".......", ".#####.", ".#...#.", ".#####.", "..#.#..", "......."])
    assert _drawn(_mask(photo)[0]) == [
        ".......",
        ".#####.",
        ".#####.",
        ".#####.",
        "..#.#..",
        ".......",
    ]


@pytest.mark.integration
def test_compiled_equals_eager_and_samples_do_not_mix():
    generator = np.random.default_rng(0)
    photos = np.full((3, 9, 9, 3), 240, np.uint8)
    photos[1, 2:7, 3:8] = generator.integers(0, 200, (5, 5, 3))
    photos[2] = 255 - photos[1]
    mask = _mask(photos).numpy()
    compiled = tf.function(_mask, jit_compile=True)(tf.constant(photos))
    np.testing.assert_array_equal(compiled, mask)
    assert mask[0].all()
    np.testing.assert_array_equal(mask[1], mask[2])
    assert not mask[1, 2:7, 3:8].any()
    assert mask[1].sum() == 81 - 25


def test_one_corner_of_another_color_does_not_decide():
    photo = _photo(["#....", ".....", "..#..", "....."])
    assert _drawn(_mask(photo)[0]) == ["#....", ".....", "..#..", "....."]


def test_tolerance_is_in_levels():
    photo = _photo(["...", "...", "..."])
    photo[0, 1, 1] = (250, 250, 225)
    assert not _mask(photo, tolerance=24.0)[0, 1, 1]
    assert _mask(photo, tolerance=25.0)[0, 1, 1]
