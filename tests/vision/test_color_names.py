"""Names of colors, and the distance by which they are found."""

import numpy as np
import pytest

from cv_tf.vision import PALETTE, color_difference, name_colors

# Sharma, Wu and Dalal (2005), table 1: two colors, and their difference.
PUBLISHED = [
    ((50.0000, 2.6772, -79.7751), (50.0000, 0.0000, -82.7485), 2.0425),
    ((50.0000, 3.1571, -77.2803), (50.0000, 0.0000, -82.7485), 2.8615),
    ((50.0000, 2.8361, -74.0200), (50.0000, 0.0000, -82.7485), 3.4412),
    ((50.0000, -1.3802, -84.2814), (50.0000, 0.0000, -82.7485), 1.0000),
    ((50.0000, -1.1848, -84.8006), (50.0000, 0.0000, -82.7485), 1.0000),
    ((50.0000, -0.9009, -85.5211), (50.0000, 0.0000, -82.7485), 1.0000),
    ((50.0000, 0.0000, 0.0000), (50.0000, -1.0000, 2.0000), 2.3669),
    ((50.0000, -1.0000, 2.0000), (50.0000, 0.0000, 0.0000), 2.3669),
    ((50.0000, 2.4900, -0.0010), (50.0000, -2.4900, 0.0009), 7.1792),
    ((50.0000, 2.4900, -0.0010), (50.0000, -2.4900, 0.0010), 7.1792),
    ((50.0000, 2.4900, -0.0010), (50.0000, -2.4900, 0.0011), 7.2195),
    ((50.0000, 2.4900, -0.0010), (50.0000, -2.4900, 0.0012), 7.2195),
    ((50.0000, -0.0010, 2.4900), (50.0000, 0.0009, -2.4900), 4.8045),
    ((50.0000, -0.0010, 2.4900), (50.0000, 0.0010, -2.4900), 4.8045),
    ((50.0000, -0.0010, 2.4900), (50.0000, 0.0011, -2.4900), 4.7461),
    ((50.0000, 2.5000, 0.0000), (50.0000, 0.0000, -2.5000), 4.3065),
    ((50.0000, 2.5000, 0.0000), (73.0000, 25.0000, -18.0000), 27.1492),
    ((50.0000, 2.5000, 0.0000), (61.0000, -5.0000, 29.0000), 22.8977),
    ((50.0000, 2.5000, 0.0000), (56.0000, -27.0000, -3.0000), 31.9030),
    ((50.0000, 2.5000, 0.0000), (58.0000, 24.0000, 15.0000), 19.4535),
    ((50.0000, 2.5000, 0.0000), (50.0000, 3.1736, 0.5854), 1.0000),
    ((50.0000, 2.5000, 0.0000), (50.0000, 3.2972, 0.0000), 1.0000),
    ((50.0000, 2.5000, 0.0000), (50.0000, 1.8634, 0.5757), 1.0000),
    ((50.0000, 2.5000, 0.0000), (50.0000, 3.2592, 0.3350), 1.0000),
    ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ((63.0109, -31.0961, -5.8663), (62.8187, -29.7946, -4.0864), 1.2630),
    ((61.2901, 3.7196, -5.3901), (61.4292, 2.2480, -4.9620), 1.8731),
    ((35.0831, -44.1164, 3.7933), (35.0232, -40.0716, 1.5901), 1.8645),
    ((22.7233, 20.0904, -46.6940), (23.0331, 14.9730, -42.5619), 2.0373),
    ((36.4612, 47.8580, 18.3852), (36.2715, 50.5065, 21.2231), 1.4146),
    ((90.8027, -2.0831, 1.4410), (91.1528, -1.6435, 0.0447), 1.4441),
    ((90.9257, -0.5406, -0.9208), (88.6381, -0.8985, -0.7239), 1.5381),
    ((6.7747, -0.2908, -2.4247), (5.8714, -0.0985, -2.2286), 0.6377),
    ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
]


@pytest.mark.parametrize(("first", "second", "expected"), PUBLISHED)
def test_difference_is_the_published_one(first, second, expected):
    found = color_difference(np.array(first), np.array(second))
    assert found == pytest.approx(expected, abs=5e-5)
    assert color_difference(np.array(second), np.array(first)) == pytest.approx(found)


def test_difference_of_many_is_that_of_each():
    first, second, expected = (np.array(of) for of in zip(*PUBLISHED, strict=True))
    assert color_difference(first, second) == pytest.approx(expected, abs=5e-5)
    assert color_difference(first[:, None], second).shape == (34, 34)
    assert (color_difference(first, first) == 0).all()


def test_greys_differ_by_lightness_alone():
    # SL is 1 + 0.015 * 0 / sqrt(20) = 1 around a mean lightness of 50.
    assert color_difference(np.array([45.0, 0, 0]), np.array([55.0, 0, 0])) == 10


@pytest.mark.parametrize("name", PALETTE)
def test_the_center_of_a_name_has_it(name):
    assert name_colors(np.array([PALETTE[name]])).tolist() == [name]


@pytest.mark.parametrize(
    ("lab", "name"),
    [
        ((0.0, 0.0, 0.0), "black"),
        ((100.0, 0.0, 0.0), "white"),
        ((53.6, 0.0, 0.0), "grey"),  # sRGB 128, 128, 128.
        ((53.2, 80.1, 67.2), "red"),  # sRGB 255, 0, 0.
        ((87.7, -86.2, 83.2), "green"),  # sRGB 0, 255, 0.
        ((32.3, 79.2, -107.9), "blue"),  # sRGB 0, 0, 255.
        ((97.1, -21.6, 94.5), "yellow"),  # sRGB 255, 255, 0.
        ((39.4, -38.7, 41.0), "green"),  # sRGB 40, 110, 10.
        ((12.0, 2.0, -3.0), "black"),
        ((24.0, 8.0, -24.0), "navy"),
    ],
)
def test_names_of_pure_colors(lab, name):
    assert name_colors(np.array([lab])).tolist() == [name]


def test_what_is_not_known_has_no_name():
    lab = np.array([[np.nan, np.nan, np.nan], [20.0, 0, 0], [50.0, np.inf, 0]])
    assert name_colors(lab).tolist() == ["", "black", ""]
    assert name_colors(np.empty((0, 3))).tolist() == []


def test_names_do_not_depend_on_how_many_are_asked_for():
    lab = np.random.default_rng(0).uniform((0, -60, -60), (100, 60, 60), (40_000, 3))
    names = name_colors(lab.astype(np.float32))
    some = [0, 16_383, 16_384, 39_999]
    assert name_colors(lab.astype(np.float32)[some]).tolist() == names[some].tolist()
    assert set(names) <= set(PALETTE)


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"shape \(3,\); expected \[n, 3\]"):
        name_colors(np.zeros(3))
