"""A scale of colors that people see alike, whichever colors they can tell apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

Color = tuple[int, int, int]

# "cividis" at even steps, from high to low: what differs is bright. Both lightness and
# hue change evenly, also for who lacks a kind of cone (Nunez, Anderton and Renslow,
# PLOS ONE 13(7), 2018).
_COLORS = np.array(
    [
        (254, 232, 56),
        (222, 201, 88),
        (188, 174, 108),
        (155, 148, 118),
        (125, 124, 120),
        (97, 101, 111),
        (67, 78, 108),
        (26, 56, 111),
        (0, 34, 78),
    ],
    np.float64,
)
_LOWEST = 0.9  # Of those that begin a scale: products that hardly differ look so.
_NUM_TICKS = 5


class Tick(NamedTuple):
    """A value on the scale."""

    value: float
    color: Color


class ColorScale(NamedTuple):
    """Colors of similarities, from yellow (lowest) to dark blue (1).

    Attributes:
      lowest: Similarities of this and below are yellow.
    """

    lowest: float

    @classmethod
    def for_values(cls, values: Sequence[float]) -> ColorScale:
        """The scale that begins at 0.9, or at the tenth below the lowest value."""
        tenth = math.floor(min(values) * 10 + 1e-6) / 10
        return cls(max(-1.0, min(_LOWEST, tenth)))

    def color(self, value: float) -> Color:
        """The color of a value."""
        share = (value - self.lowest) / (1.0 - self.lowest)
        place = np.clip(share, 0.0, 1.0) * (len(_COLORS) - 1)
        at = np.arange(len(_COLORS))
        return tuple(round(np.interp(place, at, channel)) for channel in _COLORS.T)

    def ticks(self) -> tuple[Tick, ...]:
        """Values at even steps, from the lowest to 1."""
        values = np.linspace(self.lowest, 1.0, _NUM_TICKS).tolist()
        return tuple(Tick(value, self.color(value)) for value in values)


def is_bright(color: Color) -> bool:
    """Whether black letters are easier to read on a color than white ones."""
    linear = [(channel / 255) ** 2.2 for channel in color]
    luminance = float(np.dot((0.2126, 0.7152, 0.0722), linear))
    # Where the contrasts of WCAG 2.2 are equal.
    return luminance > 0.179
