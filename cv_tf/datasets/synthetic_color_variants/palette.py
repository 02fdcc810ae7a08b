"""The colors products come in, and how a style's second color follows its first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Color = tuple[int, int, int]

# name: (red, green, blue), how common the color is in a catalog.
PALETTE: dict[str, tuple[Color, float]] = {
    "Black": ((26, 25, 27), 12.0),
    "White": ((243, 243, 241), 8.0),
    "Off White": ((236, 230, 216), 1.5),
    "Dark Blue": ((35, 45, 78), 3.0),
    "Beige": ((208, 187, 157), 2.5),
    "Grey": ((142, 144, 148), 2.0),
    "Light Grey": ((198, 199, 201), 1.5),
    "Dark Grey": ((74, 76, 80), 1.5),
    "Blue": ((58, 104, 176), 2.0),
    "Light Blue": ((168, 196, 225), 2.0),
    "Light Pink": ((238, 200, 204), 2.0),
    "Pink": ((226, 92, 141), 1.5),
    "Red": ((196, 36, 43), 2.0),
    "Dark Red": ((110, 28, 42), 1.5),
    "Khaki": ((118, 116, 78), 2.0),
    "Dark Green": ((32, 70, 55), 1.5),
    "Mint": ((166, 212, 186), 1.0),
    "Yellow": ((240, 200, 75), 1.5),
    "Orange": ((216, 110, 50), 1.0),
    "Brown": ((112, 76, 52), 1.5),
    "Purple": ((178, 156, 206), 1.0),
    "Turquoise": ((44, 138, 146), 1.0),
}

# How the second color follows the first: a style keeps its scheme in every color.
SCHEMES = ("light", "dark", "tonal", "contrast")

_CONTRAST = {
    "Black": "Red",
    "White": "Blue",
    "Off White": "Brown",
    "Dark Blue": "Yellow",
    "Beige": "Dark Red",
    "Grey": "Orange",
    "Light Grey": "Pink",
    "Dark Grey": "Mint",
    "Blue": "Orange",
    "Light Blue": "Dark Blue",
    "Light Pink": "Red",
    "Pink": "Yellow",
    "Red": "Dark Blue",
    "Dark Red": "Light Pink",
    "Khaki": "Orange",
    "Dark Green": "Beige",
    "Mint": "Dark Green",
    "Yellow": "Dark Grey",
    "Orange": "Turquoise",
    "Brown": "Light Blue",
    "Purple": "Dark Blue",
    "Turquoise": "Yellow",
}

# Least difference in luma between the two colors of a product.
_LEAST_CONTRAST = 0.18

_SOLES = {"light": (232, 228, 220), "gum": (168, 124, 82)}
_METALS = {"silver": (186, 188, 192), "gold": (201, 166, 92)}


def luminance(color: Color) -> float:
    """Rec. 601 luma of a color, 0 to 1."""
    red, green, blue = color
    return (0.299 * red + 0.587 * green + 0.114 * blue) / 255.0


def mixed(color: Color, other: Color, share: float) -> Color:
    """`color` with `share` (0 to 1) of `other` in it."""
    return tuple(
        round(a * (1 - share) + b * share) for a, b in zip(color, other, strict=True)
    )


def ink(color: Color) -> Color:
    """The color of seams and edges on cloth of this color.

    A shade on light cloth; on dark cloth, where a shade would vanish, the faint
    light that a fold or a stitch catches.
    """
    light = luminance(color)
    if light < 0.2:
        return mixed(color, (255, 255, 255), 0.34)
    return mixed(color, (0, 0, 0), 0.52 - 0.20 * light)


@dataclass(frozen=True)
class Colorway:
    """The colors of one product, by the role that a drawing asks for."""

    base: Color
    accent: Color
    metal: Color

    def __getitem__(self, role: str) -> Color:
        """The color of `base`, `accent`, `metal`, `lining`, `rib`, `ink` or a sole."""
        if role in _SOLES:
            return _SOLES[role]
        if role == "lining":
            return mixed(self.base, ink(self.base), 0.55)
        if role == "rib":
            return mixed(self.base, ink(self.base), 0.18)
        if role == "ink":
            return ink(self.base)
        return getattr(self, role)


def colorway(name: str, scheme: str, metal: str = "silver") -> Colorway:
    """The colors of a product in the palette's color `name`."""
    base = PALETTE[name][0]
    light = luminance(base)
    if scheme == "light":
        accent = PALETTE["White" if light < 0.6 else "Dark Blue"][0]
    elif scheme == "dark":
        accent = PALETTE["Black" if light > 0.3 else "Light Grey"][0]
    elif scheme == "tonal":
        accent = base
    else:
        accent = PALETTE[_CONTRAST[name]][0]
    return Colorway(base, _set_apart(accent, base), _METALS[metal])


def _set_apart(color: Color, base: Color) -> Color:
    """Lightens or darkens a color until it can be told from `base` in grey too."""
    target = (0, 0, 0) if luminance(base) > 0.45 else (255, 255, 255)
    while abs(luminance(color) - luminance(base)) < _LEAST_CONTRAST:
        color = mixed(color, target, 0.15)
    return color


def sample_colors(rng: np.random.Generator, count: int) -> tuple[str, ...]:
    """Draws `count` different colors; black and white are the commonest."""
    names = list(PALETTE)
    weights = np.array([weight for _, weight in PALETTE.values()])
    drawn = rng.choice(len(names), count, replace=False, p=weights / weights.sum())
    return tuple(names[index] for index in drawn)
