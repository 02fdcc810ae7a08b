"""The colors that products come in, and the accent color that goes with each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Color = tuple[int, int, int]

# Name of each color to its red, green and blue, its weight when colors are sampled, and
# the accent color that contrasts with it.
PALETTE: dict[str, tuple[Color, float, str]] = {
    "Black": ((26, 25, 27), 12.0, "Red"),
    "White": ((243, 243, 241), 8.0, "Blue"),
    "Off White": ((236, 230, 216), 1.5, "Brown"),
    "Dark Blue": ((35, 45, 78), 3.0, "Yellow"),
    "Beige": ((208, 187, 157), 2.5, "Dark Red"),
    "Grey": ((142, 144, 148), 2.0, "Orange"),
    "Light Grey": ((198, 199, 201), 1.5, "Pink"),
    "Dark Grey": ((74, 76, 80), 1.5, "Mint"),
    "Blue": ((58, 104, 176), 2.0, "Orange"),
    "Light Blue": ((168, 196, 225), 2.0, "Dark Blue"),
    "Light Pink": ((238, 200, 204), 2.0, "Red"),
    "Pink": ((226, 92, 141), 1.5, "Yellow"),
    "Red": ((196, 36, 43), 2.0, "Dark Blue"),
    "Dark Red": ((110, 28, 42), 1.5, "Light Pink"),
    "Khaki": ((118, 116, 78), 2.0, "Orange"),
    "Dark Green": ((32, 70, 55), 1.5, "Beige"),
    "Mint": ((166, 212, 186), 1.0, "Dark Green"),
    "Yellow": ((240, 200, 75), 1.5, "Dark Grey"),
    "Orange": ((216, 110, 50), 1.0, "Turquoise"),
    "Brown": ((112, 76, 52), 1.5, "Light Blue"),
    "Purple": ((178, 156, 206), 1.0, "Dark Blue"),
    "Turquoise": ((44, 138, 146), 1.0, "Yellow"),
}

# Rules for the accent color of a base color. A style has one scheme in all its colors.
SCHEMES = ("light", "dark", "tonal", "contrast")

# Smallest difference in luma between the two colors of a product.
_LEAST_CONTRAST = 0.18

_SOLES = {"light": (232, 228, 220), "gum": (168, 124, 82)}
_METALS = {"silver": (186, 188, 192), "gold": (201, 166, 92)}


def luminance(color: Color) -> float:
    """Rec. 601 luma of a color, 0 to 1."""
    red, green, blue = color
    return (0.299 * red + 0.587 * green + 0.114 * blue) / 255.0


def mixed(color: Color, other: Color, share: float) -> Color:
    """Mixes `share` (0 to 1) of `other` into `color`."""
    pairs = zip(color, other, strict=True)
    red, green, blue = (round(a * (1 - share) + b * share) for a, b in pairs)
    return red, green, blue


def ink(color: Color) -> Color:
    """The color of seams on cloth: darker than light cloth, lighter than dark cloth."""
    light = luminance(color)
    if light < 0.2:
        return mixed(color, (255, 255, 255), 0.34)
    return mixed(color, (0, 0, 0), 0.52 - 0.20 * light)


@dataclass(frozen=True)
class Colorway:
    """The colors of one product by their role in a drawing."""

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
    """The colors of a product of base color `name`, by a scheme of `SCHEMES`."""
    base = PALETTE[name][0]
    light = luminance(base)
    if scheme == "light":
        accent = PALETTE["White" if light < 0.6 else "Dark Blue"][0]
    elif scheme == "dark":
        accent = PALETTE["Black" if light > 0.3 else "Light Grey"][0]
    elif scheme == "tonal":
        accent = base
    else:
        accent = PALETTE[PALETTE[name][2]][0]
    return Colorway(base, _set_apart(accent, base), _METALS[metal])


def _set_apart(color: Color, base: Color) -> Color:
    """Lightens or darkens a color until its luma differs enough from that of `base`."""
    target: Color = (0, 0, 0) if luminance(base) > 0.45 else (255, 255, 255)
    while abs(luminance(color) - luminance(base)) < _LEAST_CONTRAST:
        color = mixed(color, target, 0.15)
    return color


def sample_colors(rng: np.random.Generator, count: int) -> tuple[str, ...]:
    """Samples the names of `count` different colors by their weights."""
    names = list(PALETTE)
    weights = np.array([weight for _, weight, _ in PALETTE.values()])
    drawn = rng.choice(len(names), count, replace=False, p=weights / weights.sum())
    return tuple(names[index] for index in drawn)
