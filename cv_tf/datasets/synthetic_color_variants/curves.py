"""Outlines in percent of the photo's height, and the patterns made of them.

`x` is 0 on the photo's vertical middle line and grows to the right; `y` is 0 at the top
edge and 100 at the bottom edge. A portrait photo of 3:4 spans `x` from -37.5 to 37.5.
An outline is a float64 array `[points, 2]`.
"""

from __future__ import annotations

from functools import cache

import numpy as np

Point = tuple[float, float]

# A layer is a list of outlines and their opacity in the accent color, 0 to 1. Layers
# add up, so crossing bars of one half give the full color of a check.
Layer = tuple[tuple[np.ndarray, ...], float]

# Period of each pattern, and width of its bars or radius of its dots, in percent.
_PATTERNS = {
    "stripes_fine": (3.2, 3.2 * 0.4),
    "stripes_medium": (5.6, 2.8),
    "stripes_wide": (10.0, 5.0),
    "stripes_spaced": (10.0, 2.0),
    "pinstripes_fine": (2.8, 0.9),
    "pinstripes_wide": (5.6, 0.9),
    "checks_small": (4.0, 2.0),
    "checks_large": (8.0, 4.0),
    "windowpane": (8.0, 1.0),
    "dots_small": (4.0, 0.85),
    "dots_large": (7.5, 1.9),
    "diamonds": (8.0, 4.0),
}

# Patterns extend so far to each side of their center. This is beyond the photo, so that
# a rotated sleeve is covered too.
_EXTENT = 60.0


def points(*parts: Point | np.ndarray) -> np.ndarray:
    """Joins single points and paths into one path `[points, 2]`."""
    return np.concatenate([np.reshape(part, (-1, 2)) for part in parts])


def bezier(
    start: Point | np.ndarray,
    control: Point | np.ndarray,
    end: Point | np.ndarray,
    steps: int = 10,
) -> np.ndarray:
    """A quadratic Bézier curve, both ends included, `[steps, 2]`."""
    t = np.linspace(0.0, 1.0, steps)[:, None]
    first, middle, last = map(np.asarray, (start, control, end))
    return (1 - t) ** 2 * first + 2 * t * (1 - t) * middle + t**2 * last


def ellipse(
    center: Point, radius_x: float, radius_y: float, steps: int = 24
) -> np.ndarray:
    """A closed ellipse `[steps, 2]`."""
    angle = np.linspace(0.0, 2 * np.pi, steps, endpoint=False)
    offset = np.stack([radius_x * np.cos(angle), radius_y * np.sin(angle)], axis=1)
    return np.asarray(center) + offset


def rectangle(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    """A closed rectangle `[4, 2]`, clockwise from its top left corner."""
    return points((left, top), (right, top), (right, bottom), (left, bottom))


def flipped(outline: np.ndarray) -> np.ndarray:
    """The mirror image of an outline at the middle line."""
    return outline * (-1.0, 1.0)


def both_sides(outline: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """An outline and its mirror image at the middle line."""
    return outline, flipped(outline)


def mirrored(right_half: np.ndarray) -> np.ndarray:
    """Joins a right half, given from top to bottom, and its mirror image."""
    return points(right_half, flipped(right_half)[::-1])


def rotated(outline: np.ndarray, degrees: float, center: Point) -> np.ndarray:
    """Rotates an outline clockwise (as seen in the photo) about `center`."""
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return (outline - center) @ np.array([[cosine, sine], [-sine, cosine]]) + center


def densified(outline: np.ndarray, closed: bool, spacing: float = 4.0) -> np.ndarray:
    """Divides edges longer than `spacing` evenly, so that a warp can bend them."""
    ends = np.roll(outline, -1, axis=0) if closed else outline[1:]
    starts = outline if closed else outline[:-1]
    lengths = np.hypot(*(ends - starts).T)
    steps = np.maximum(1, np.ceil(lengths / spacing)).astype(int)
    edge = np.repeat(np.arange(len(steps)), steps)
    within = np.arange(steps.sum()) - np.repeat(np.cumsum(steps) - steps, steps)
    share = (within / steps[edge])[:, None]
    dense = starts[edge] * (1 - share) + ends[edge] * share
    return dense if closed else points(dense, outline[-1])


@cache
def pattern_layers(pattern: str) -> tuple[Layer, ...]:
    """The layers of a named pattern, centered on the origin.

    Raises:
      ValueError: If there is no such pattern.
    """
    if pattern not in _PATTERNS:
        raise ValueError(
            f"Unknown pattern {pattern!r}; expected one of {', '.join(_PATTERNS)}."
        )
    period, size = _PATTERNS[pattern]
    kind = pattern.partition("_")[0]
    if kind in ("checks", "windowpane"):
        share = 0.5 if kind == "checks" else 1.0
        return tuple(
            (_bars(period, size, vertical), share) for vertical in (False, True)
        )
    if kind in ("stripes", "pinstripes"):
        return ((_bars(period, size, kind == "pinstripes"), 1.0),)
    if kind == "dots":
        return ((_dots(period, size), 1.0),)
    return ((_diamonds(period, size), 1.0),)


def _bars(period: float, width: float, vertical: bool) -> tuple[np.ndarray, ...]:
    steps = np.arange(-np.ceil(_EXTENT / period), np.ceil(_EXTENT / period) + 1)
    bars = []
    for start in steps * period:
        bar = rectangle(-_EXTENT, start, _EXTENT, start + width)
        bar = bar[:, ::-1] if vertical else bar
        bars.append(densified(bar, closed=True, spacing=8.0))
    return tuple(bars)


def _dots(period: float, radius: float) -> tuple[np.ndarray, ...]:
    """Round dots; every second row is displaced by half a period."""
    steps = np.arange(-_EXTENT, _EXTENT, period)
    return tuple(
        ellipse((x + round(y / period) % 2 * period / 2, y), radius, radius, 10)
        for y in steps
        for x in steps
    )


def _diamonds(period: float, radius: float) -> tuple[np.ndarray, ...]:
    return tuple(
        ellipse((x, y), radius, period * 0.7, 4)
        for y in np.arange(-_EXTENT, _EXTENT, period * 1.4)
        for x in np.arange(-_EXTENT, _EXTENT, period)
    )
