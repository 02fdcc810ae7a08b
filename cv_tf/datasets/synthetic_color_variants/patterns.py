"""Woven and printed patterns: what is drawn in the accent color on a piece."""

from __future__ import annotations

from functools import cache

import numpy as np

from cv_tf.datasets.synthetic_color_variants import curves

# A layer is a list of outlines and the share of the accent color that they carry;
# layers add up, so crossing bars of one half make the full color of a check.
Layer = tuple[tuple[np.ndarray, ...], float]

_EXTENT = 60.0  # Beyond the photo on every side, so that a turned sleeve is covered.


def _bars(period: float, width: float, vertical: bool) -> tuple[np.ndarray, ...]:
    steps = np.arange(-np.ceil(_EXTENT / period), np.ceil(_EXTENT / period) + 1)
    bars = []
    for middle in steps * period:
        bar = curves.rectangle(-_EXTENT, middle, _EXTENT, middle + width)
        bar = bar[:, ::-1] if vertical else bar
        bars.append(curves.densified(bar, closed=True, spacing=8.0))
    return tuple(bars)


def _dots(period: float, radius: float) -> tuple[np.ndarray, ...]:
    dots = []
    for row in np.arange(-_EXTENT, _EXTENT, period):
        offset = period / 2 if round(row / period) % 2 else 0.0
        for column in np.arange(-_EXTENT, _EXTENT, period):
            dots.append(curves.ellipse((column + offset, row), radius, radius, 10))
    return tuple(dots)


def _diamonds(period: float) -> tuple[np.ndarray, ...]:
    diamonds = []
    for row in np.arange(-_EXTENT, _EXTENT, period * 1.4):
        for column in np.arange(-_EXTENT, _EXTENT, period):
            diamonds.append(curves.ellipse((column, row), period / 2, period * 0.7, 4))
    return tuple(diamonds)


@cache
def layers(pattern: str) -> tuple[Layer, ...]:
    """The layers of a named pattern, about the origin, `_EXTENT` to each side."""
    if pattern.startswith("stripes"):
        period, share = {
            "stripes_fine": (3.2, 0.4),
            "stripes_medium": (5.6, 0.5),
            "stripes_wide": (10.0, 0.5),
            "stripes_spaced": (10.0, 0.2),
        }[pattern]
        return ((_bars(period, period * share, vertical=False), 1.0),)
    if pattern.startswith("pinstripes"):
        period = {"pinstripes_fine": 2.8, "pinstripes_wide": 5.6}[pattern]
        return ((_bars(period, 0.9, vertical=True), 1.0),)
    if pattern.startswith("checks"):
        period = {"checks_small": 4.0, "checks_large": 8.0}[pattern]
        half = period / 2
        return tuple((_bars(period, half, vertical), 0.5) for vertical in (False, True))
    if pattern == "windowpane":
        return tuple((_bars(8.0, 1.0, vertical), 1.0) for vertical in (False, True))
    if pattern.startswith("dots"):
        period, radius = {"dots_small": (4.0, 0.85), "dots_large": (7.5, 1.9)}[pattern]
        return ((_dots(period, radius), 1.0),)
    if pattern == "diamonds":
        return ((_diamonds(8.0), 1.0),)
    raise ValueError(f"Unknown pattern {pattern!r}.")
