import itertools

import pytest

from cv_tf.report.pictures import ColorScale, is_bright


@pytest.mark.parametrize(
    ("values", "lowest"),
    [
        ([1.0, 1.0], 0.9),
        ([0.95, 0.99], 0.9),
        ([0.83, 0.99], 0.8),
        ([0.8, 1.0], 0.8),
        ([-0.12, 0.5], -0.2),
        ([-1.0], -1.0),
    ],
)
def test_begins_below_what_it_shows(values, lowest):
    assert ColorScale.for_values(values).lowest == pytest.approx(lowest)


def test_colors_from_yellow_to_dark_blue():
    scale = ColorScale(0.5)
    assert scale.color(0.5) == scale.color(-1) == (254, 232, 56)
    assert scale.color(1.0) == scale.color(1.001) == (0, 34, 78)
    assert scale.color(0.75) == (125, 124, 120)
    # Half way between two of the nine colors.
    assert scale.color(0.5 + 0.5 / 16) == (238, 216, 72)


def test_gets_darker_evenly():
    """Who sees no hues at all can still read it."""
    scale = ColorScale(0.0)
    luma = [
        0.299 * r + 0.587 * g + 0.114 * b
        for r, g, b in (scale.color(step / 50) for step in range(51))
    ]
    steps = [before - after for before, after in itertools.pairwise(luma)]
    assert min(steps) > 1.5
    assert max(steps) < 6


def test_ticks():
    ticks = ColorScale(0.6).ticks()
    assert [tick.value for tick in ticks] == pytest.approx([0.6, 0.7, 0.8, 0.9, 1.0])
    assert ticks[0].color == (254, 232, 56)
    assert ticks[-1].color == (0, 34, 78)


def _contrast(one, other):
    def luminance(color):
        linear = [
            c / 255 / 12.92 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4
            for c in color
        ]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05

    low, high = sorted((luminance(one), luminance(other)))
    return high / low


def test_letters_are_readable_on_every_color():
    for step in range(51):
        color = ColorScale(0.0).color(step / 50)
        ink = (0, 0, 0) if is_bright(color) else (255, 255, 255)
        assert _contrast(color, ink) >= 4.5
