import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from cv_tf.vision import ColorViews, color, to_planes

LUMA = np.array([0.299, 0.587, 0.114])
# Every change switched off; the tests switch them on one by one.
STILL = {
    "gamma": 1.0,
    "mixing": 0.0,
    "hue": 0.0,
    "saturation": (1.0, 1.0),
    "contrast": (1.0, 1.0),
    "brightness": (1.0, 1.0),
    "grey": 0.0,
    "inversion": 0.0,
}


def _photos(num_photos=4, low=0, high=256):
    generator = np.random.default_rng(0)
    return generator.integers(low, high, (num_photos, 5, 6, 3), dtype=np.uint8)


def test_with_everything_switched_off_nothing_changes():
    photos = _photos()
    views = ColorViews(**STILL)(photos, [1, 2])
    assert views.dtype == tf.float32
    np.testing.assert_allclose(views, photos, atol=1e-2)


def test_sure_changes_are_the_changes_of_their_functions():
    photos = _photos().astype(np.float32)
    planes = to_planes(photos)
    ones = tf.ones(4)
    cases = {
        "grey": (1.0, to_planes(color.grey(photos))),
        "inversion": (1.0, color.lightness_inversion(ones)(planes)),
        "saturation": ((0.4, 0.4), color.saturation(0.4 * ones)(planes)),
        "contrast": ((0.7, 0.7), color.contrast(0.7 * ones)(planes)),
        "brightness": ((1.3, 1.3), color.brightness(1.3 * ones)(planes)),
    }
    for name, (value, expected) in cases.items():
        views = ColorViews(**{**STILL, name: value}).planes(planes, [1, 2])
        np.testing.assert_allclose(views, expected, atol=1e-2, err_msg=name)


def test_gamma_draws_exponents_from_its_range_evenly_in_the_logarithm():
    exponents, _ = ColorViews(gamma=2.5).draw(2000, [1, 2])
    logs = np.log(exponents) / np.log(2.5)
    assert np.abs(logs).max() <= 1.0
    # Uniform over -1..1: the mean is 0 +- 0.013, a quarter lies below -0.5.
    assert abs(logs.mean()) < 0.06
    assert np.mean(logs < -0.5) == pytest.approx(0.25, abs=0.05)
    # A grey photo gives the exponent away.
    photos = np.full((3, 2, 2, 3), 51, np.float32)
    layer = ColorViews(**{**STILL, "gamma": 2.5})
    exponents, _ = layer.draw(3, [5, 6])
    expected = 255 * 0.2 ** np.array(exponents)
    np.testing.assert_allclose(layer(photos, [5, 6])[:, 0, 0, 0], expected, rtol=1e-4)


def test_probabilities_are_those_asked_for():
    photos = np.tile(np.array([10, 20, 90], np.uint8), (2000, 1, 1, 1))
    inverted = ColorViews(**{**STILL, "inversion": 0.3})(photos, [1, 2])
    assert np.mean(inverted[:, 0, 0, 0] > 128) == pytest.approx(0.3, abs=0.04)
    grey = ColorViews(**{**STILL, "grey": 0.2})(photos, [1, 2]).numpy()[:, 0, 0]
    assert np.mean(np.ptp(grey, axis=1) < 0.1) == pytest.approx(0.2, abs=0.04)


def test_hue_goes_full_circle_and_keeps_luma():
    photos = np.tile(np.float32([100, 120, 140]), (500, 1, 1, 1))
    views = ColorViews(**{**STILL, "hue": 0.5})(photos, [1, 2]).numpy()[:, 0, 0]
    np.testing.assert_allclose(views @ LUMA, photos[:, 0, 0] @ LUMA, atol=1e-2)
    largest = np.argmax(views, axis=1)
    assert np.bincount(largest, minlength=3).min() > 50


def test_mixing_keeps_greys_and_takes_weighted_means():
    layer = ColorViews(**{**STILL, "mixing": 1.0})
    _, transform = layer.draw(500, [1, 2])
    matrix = transform.matrix.numpy()
    np.testing.assert_allclose(matrix.sum(axis=2), 1.0, atol=1e-5)
    assert matrix.min() > -1e-5
    # Uniform over the simplex: every weight is 1/3 on average, 1/18 in variance.
    np.testing.assert_allclose(matrix.mean(axis=0), np.full((3, 3), 1 / 3), atol=0.04)
    np.testing.assert_allclose(matrix.var(axis=0), np.full((3, 3), 1 / 18), atol=0.015)


def test_the_seed_decides():
    photos, layer = _photos(), ColorViews()
    views = layer(photos, [1, 2]).numpy()
    np.testing.assert_array_equal(layer(photos, [1, 2]), views)
    other = layer(photos, [1, 3]).numpy()
    assert np.abs(other - views).mean(axis=(1, 2, 3)).min() > 1.0


def test_samples_draw_their_own_changes_and_do_not_mix():
    photos = np.tile(_photos(1), (4, 1, 1, 1))
    views = ColorViews()(photos, [1, 2]).numpy()
    for one in range(4):
        for other in range(one):
            assert np.abs(views[one] - views[other]).mean() > 1.0
    changed = photos.copy()
    changed[3] = 0
    again = ColorViews()(changed, [1, 2]).numpy()
    np.testing.assert_allclose(again[:3], views[:3], atol=1e-3)


@pytest.mark.integration
@pytest.mark.slow
@pytest.mark.parametrize("keep_background", [False, True])
def test_compiled_equals_eager(keep_background):
    layer = ColorViews(keep_background=keep_background)
    photos, seed = tf.constant(_photos()), tf.constant([7, 8])
    compiled = tf.function(layer, jit_compile=True)
    np.testing.assert_allclose(compiled(photos, seed), layer(photos, seed), atol=0.02)


def test_views_stay_within_the_range_of_photos():
    views = ColorViews()(_photos(64), [1, 2]).numpy()
    assert np.isfinite(views).all()
    assert views.min() >= 0.0
    assert views.max() <= 255.0


def test_a_background_that_is_kept():
    photos = np.full((2, 6, 6, 3), 245, np.uint8)
    photos[:, 2:4, 2:4] = (20, 30, 40)
    keep = {**STILL, "inversion": 1.0, "keep_background": True}
    views = ColorViews(**keep)(photos, [1, 2]).numpy()
    border = np.ones((6, 6), bool)
    border[2:4, 2:4] = False
    assert (views[:, border] == 245).all()
    # Luma 28.15: plus 255 - 56.3.
    np.testing.assert_allclose(
        views[0, 2, 2], np.array([20, 30, 40]) + 198.7, atol=1e-2
    )


def test_float32_under_mixed_precision():
    photos = _photos()
    expected = ColorViews()(photos, [1, 2])
    previous = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        views = ColorViews()(photos, [1, 2])
    finally:
        keras.mixed_precision.set_global_policy(previous)
    assert views.dtype == tf.float32
    np.testing.assert_array_equal(views, expected)


def test_arguments_survive_the_config():
    arguments = {
        "gamma": 1.5,
        "mixing": 0.1,
        "hue": 0.2,
        "saturation": (0.3, 1.1),
        "contrast": (0.4, 1.2),
        "brightness": (0.5, 1.3),
        "grey": 0.6,
        "inversion": 0.7,
        "keep_background": True,
    }
    config = ColorViews(**arguments).get_config()
    assert {name: config[name] for name in arguments} == arguments
    copy = ColorViews.from_config(config)
    photos = _photos()
    expected = ColorViews(**arguments)(photos, [1, 2])
    np.testing.assert_array_equal(copy(photos, [1, 2]), expected)


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ({"gamma": 0.5}, "Choose 1"),
        ({"grey": 1.5}, "grey is a probability, but 1.5"),
        ({"saturation": (1.5, 0.5)}, "saturation is a range"),
        ({"contrast": (-1.0, 1.0)}, "contrast is a range"),
    ],
)
def test_impossible_arguments_are_refused(argument, message):
    with pytest.raises(ValueError, match=message):
        ColorViews(**argument)
