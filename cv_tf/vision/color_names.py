"""Plain names of colors: the nearest one of a fixed palette, by CIEDE2000."""

from __future__ import annotations

import numpy as np

# Names, and their centers in CIELAB under D65. They are what products of these names
# look like on average in photos, shadows and highlights included: black fabric is not
# of lightness 0, nor a red dress as saturated as a red light.
PALETTE: dict[str, tuple[float, float, float]] = {
    "black": (20.0, 0.5, -1.0),
    "dark grey": (44.0, 0.5, -1.5),
    "grey": (58.0, 0.5, -1.0),
    "light grey": (70.0, 0.0, 0.0),
    "white": (84.0, 0.0, 0.5),
    "off-white": (87.0, -0.5, 8.5),
    "beige": (78.0, 3.0, 13.0),
    "dark beige": (67.0, 6.5, 16.0),
    "taupe": (57.0, 3.5, 8.0),
    "camel": (56.0, 14.0, 27.0),
    "brown": (42.0, 12.0, 15.0),
    "dark brown": (27.0, 7.0, 8.0),
    "burgundy": (30.0, 22.0, 6.0),
    "red": (48.0, 57.0, 32.0),
    "rust": (47.0, 30.0, 30.0),
    "coral": (63.0, 42.0, 24.0),
    "orange": (64.0, 38.0, 52.0),
    "peach": (78.0, 13.0, 18.0),
    "mustard": (62.0, 15.0, 48.0),
    "yellow": (80.0, 3.0, 58.0),
    "pale yellow": (88.0, -1.0, 30.0),
    "light green": (82.0, -10.0, 10.0),
    "green": (47.0, -32.0, 17.0),
    "khaki": (48.0, -1.0, 14.0),
    "light khaki": (66.0, -2.0, 13.0),
    "dark green": (31.0, -8.0, 4.0),
    "turquoise": (62.0, -20.0, -9.0),
    "light turquoise": (76.0, -12.0, -4.0),
    "teal": (34.0, -10.0, -8.0),
    "light blue": (75.0, -2.0, -13.0),
    "blue": (46.0, 1.0, -38.0),
    "denim blue": (47.0, -1.0, -16.0),
    "navy": (27.0, 3.0, -11.0),
    "purple": (38.0, 18.0, -16.0),
    "lilac": (74.0, 11.0, -12.0),
    "light pink": (80.0, 11.0, 6.0),
    "old rose": (64.0, 18.0, 8.0),
    "pink": (64.0, 40.0, 4.0),
    "magenta": (45.0, 55.0, -3.0),
}
# The same names for the strongest colors of a screen, which no fabric has.
_STRONG = {
    "red": (53.0, 80.0, 67.0),
    "yellow": (97.0, -21.0, 94.0),
    "green": (80.0, -75.0, 70.0),
    "turquoise": (88.0, -45.0, -14.0),
    "blue": (32.0, 70.0, -100.0),
    "magenta": (60.0, 90.0, -60.0),
}
_ROWS = 2**14  # Colors that are compared with the palette at a time.


def name_colors(lab: np.ndarray) -> np.ndarray:
    """The names of colors, [n] object (str); "" where a color is not known (NaN).

    A name is the nearest one of `PALETTE`, a few dozen plain English names. It says
    what a whole product looks like on average: a print of red and white is pink.

    Args:
      lab: [n, 3] float, CIELAB under D65: lightness 0..100, a and b about -100..100, as
        `product_color` gives it.

    Raises:
      ValueError: If the shape is another one.

    Example:
      >>> name_colors(np.array([[20.0, 3.0, -14.0], [92.0, 0.0, 1.0]])).tolist()
      ['navy', 'white']
    """
    lab = np.asarray(lab, np.float64)
    if lab.ndim != 2 or lab.shape[1] != 3:
        raise ValueError(f"colors have the shape {lab.shape}; expected [n, 3].")
    names = np.array([*PALETTE, *_STRONG], object)
    centers = np.array([*PALETTE.values(), *_STRONG.values()])
    found = np.full(len(lab), "", object)
    known = np.flatnonzero(np.isfinite(lab).all(axis=1))
    for start in range(0, len(known), _ROWS):
        some = known[start : start + _ROWS]
        distance = color_difference(lab[some, None], centers)
        found[some] = names[distance.argmin(axis=1)]
    return found


def color_difference(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The difference of colors by CIEDE2000, with all weights 1.

    About 1 is what people just see; 2 to 10, what they see at a glance. The formula is
    that of Sharma, Wu and Dalal, "The CIEDE2000 color-difference formula:
    implementation notes, supplementary test data, and mathematical observations",
    Color Research and Application 30 (2005), equations 2 to 22.

    Args:
      first: [..., 3] float, colors in CIELAB.
      second: [..., 3] float, likewise; both are broadcast to one shape.

    Returns:
      [...] float64, 0 or more.

    Example:
      >>> black, white = np.array([0.0, 0, 0]), np.array([100.0, 0, 0])
      >>> float(color_difference(black, white).round(6))
      100.0
    """
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    (l1, c1, h1), (l2, c2, h2) = _compensated(first, second)
    delta_l, delta_c = l2 - l1, c2 - c1
    product = c1 * c2
    turn = (h2 - h1 + 180) % 360 - 180
    # A difference of exactly half a turn has either sign; -180 is as good as 180.
    delta_h = np.where(product == 0, 0, turn)
    delta_big_h = 2 * np.sqrt(product) * np.sin(np.deg2rad(delta_h) / 2)
    mean_l, mean_c = (l1 + l2) / 2, (c1 + c2) / 2
    far = np.abs(h1 - h2) > 180
    total = h1 + h2
    mean_h = np.where(far, np.where(total < 360, total + 360, total - 360), total) / 2
    mean_h = np.where(product == 0, total, mean_h)
    tone = (
        1
        - 0.17 * _cos(mean_h - 30)
        + 0.24 * _cos(2 * mean_h)
        + 0.32 * _cos(3 * mean_h + 6)
        - 0.20 * _cos(4 * mean_h - 63)
    )
    of_light = (mean_l - 50) ** 2
    scaled_l = delta_l / (1 + 0.015 * of_light / np.sqrt(20 + of_light))
    scaled_c = delta_c / (1 + 0.045 * mean_c)
    scaled_h = delta_big_h / (1 + 0.015 * mean_c * tone)
    angle = 60 * np.exp(-(((mean_h - 275) / 25) ** 2))
    rotation = -_chroma_weight(mean_c) * 2 * np.sin(np.deg2rad(angle))
    squares = scaled_l**2 + scaled_c**2 + scaled_h**2
    return np.sqrt(np.maximum(squares + rotation * scaled_c * scaled_h, 0))


def _compensated(
    first: np.ndarray, second: np.ndarray
) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
    """Lightness, chroma and hue in degrees (0..360) of both, with a compensated."""
    chroma = [np.hypot(lab[..., 1], lab[..., 2]) for lab in (first, second)]
    stretch = 1.5 - 0.5 * _chroma_weight((chroma[0] + chroma[1]) / 2)
    parts = []
    for lab in (first, second):
        a, b = lab[..., 1] * stretch, lab[..., 2]
        hue = np.rad2deg(np.arctan2(b, a)) % 360
        parts.append((lab[..., 0], np.hypot(a, b), hue))
    return parts[0], parts[1]


def _chroma_weight(chroma: np.ndarray) -> np.ndarray:
    """From 0 for greys to 1 for strong colors."""
    return np.sqrt(chroma**7 / (chroma**7 + 25.0**7))


def _cos(degrees: np.ndarray) -> np.ndarray:
    return np.cos(np.deg2rad(degrees))
