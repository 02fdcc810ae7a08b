"""Points of outlines, in percent of the photo's height.

Every drawing lives in one coordinate system: `x` is 0 on the photo's middle line
and grows to the right, `y` is 0 at the top edge and 100 at the bottom edge, so a
portrait photo of 3:4 spans `x` from -37.5 to 37.5. An outline is a float64 array
`[points, 2]`.
"""

from __future__ import annotations

import numpy as np

Point = tuple[float, float]


def points(*parts: Point | np.ndarray) -> np.ndarray:
    """Joins single points and runs of points into one run `[points, 2]`."""
    return np.concatenate([np.reshape(part, (-1, 2)) for part in parts])


def bezier(start: Point, control: Point, end: Point, steps: int = 10) -> np.ndarray:
    """A quadratic Bézier curve, both ends included, `[steps, 2]`."""
    t = np.linspace(0.0, 1.0, steps)[:, None]
    start, control, end = map(np.asarray, (start, control, end))
    return (1 - t) ** 2 * start + 2 * t * (1 - t) * control + t**2 * end


def ellipse(center: Point, radius_x: float, radius_y: float, steps: int = 24):
    """A closed ellipse `[steps, 2]`."""
    angle = np.linspace(0.0, 2 * np.pi, steps, endpoint=False)
    offset = np.stack([radius_x * np.cos(angle), radius_y * np.sin(angle)], axis=1)
    return np.asarray(center) + offset


def rectangle(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    """A closed rectangle `[4, 2]`, clockwise from its top left corner."""
    return points((left, top), (right, top), (right, bottom), (left, bottom))


def flipped(outline: np.ndarray) -> np.ndarray:
    """The same outline on the other side of the middle line."""
    return outline * (-1.0, 1.0)


def mirrored(right_half: np.ndarray) -> np.ndarray:
    """Closes a right half, given from its top to its bottom, with its mirror image."""
    return points(right_half, flipped(right_half)[::-1])


def rotated(outline: np.ndarray, degrees: float, center: Point) -> np.ndarray:
    """Turns an outline clockwise (as seen in the photo) about `center`."""
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return (outline - center) @ np.array([[cosine, sine], [-sine, cosine]]) + center


def densified(outline: np.ndarray, closed: bool, spacing: float = 4.0) -> np.ndarray:
    """Adds points on long straight edges, so that a warp can bend them."""
    ends = np.roll(outline, -1, axis=0) if closed else outline[1:]
    starts = outline if closed else outline[:-1]
    lengths = np.hypot(*(ends - starts).T)
    steps = np.maximum(1, np.ceil(lengths / spacing)).astype(int)
    edge = np.repeat(np.arange(len(steps)), steps)
    within = np.arange(steps.sum()) - np.repeat(np.cumsum(steps) - steps, steps)
    share = (within / steps[edge])[:, None]
    dense = starts[edge] * (1 - share) + ends[edge] * share
    return dense if closed else points(dense, outline[-1])
