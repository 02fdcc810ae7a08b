"""The pieces that several garments share: bodies, sleeves, bands, pockets, buttons."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cv_tf.datasets.synthetic_color_variants.canvas import Canvas
from cv_tf.datasets.synthetic_color_variants.curves import (
    Point,
    bezier,
    flipped,
    mirrored,
    points,
    rectangle,
)
from cv_tf.datasets.synthetic_color_variants.garments import Field

# Lengths and widths are in percent of the photo's height.

# Half of the chest's width.
CHEST = {"slim": 12.6, "regular": 16.0, "boxy": 19.6}

# Half of the width of each neckline, and its depth.
NECKS = {
    "crew": (5.2, 3.8),
    "boat": (9.0, 2.2),
    "scoop": (6.8, 8.5),
    "v": (5.4, 10.0),
    "square": (6.6, 7.5),
}

# Length of each sleeve, width at the cuff, and angle to the vertical in degrees.
SLEEVES = {
    "cap": (6.5, 8.5, 52.0),
    "short": (13.5, 9.5, 40.0),
    "elbow": (22.0, 8.5, 27.0),
    "long": (43.0, 5.6, 14.5),
    "wide": (40.0, 9.5, 18.0),
    "balloon": (41.0, 4.6, 18.0),
}

FIT = Field(("regular", "slim", "boxy"))
CHECKS = ("checks_small", "checks_large")
_PINSTRIPES = ("pinstripes_fine", "pinstripes_wide")
WOVEN_PATTERN = Field(
    ("plain", *_PINSTRIPES, *CHECKS, "windowpane", "dots_small"), 0.75
)


@dataclass(frozen=True)
class Torso:
    """The measures of an upper body, in percent of the photo's height.

    Attributes:
      top: `y` of the point where neck and shoulder meet.
      length: Distance from there to the hem.
      chest: Half of the width at the armhole.
      waist: Half of the width at the waist.
      hem: Half of the width at the hem.
      neck: Name of the neckline, a key of `NECKS`.
      drop: Distance by which the hem is lower in the middle than at the sides.
    """

    top: float
    length: float
    chest: float
    waist: float
    hem: float
    neck: str = "crew"
    drop: float = 1.0

    @property
    def bottom(self) -> float:
        """`y` of the hem at the sides."""
        return self.top + self.length

    @property
    def shoulder(self) -> Point:
        """Outer point of the right shoulder."""
        return (self.chest - 1.5, self.top + 3.2)

    @property
    def armpit(self) -> Point:
        """Lower end of the right armhole."""
        return (self.chest, self.top + 15.0)

    def neckline(self) -> np.ndarray:
        """Right half of the front neckline, from the middle to the shoulder."""
        width, depth = NECKS[self.neck]
        middle, side = (0.0, self.top + depth), (width, self.top)
        if self.neck == "v":
            return points(middle, side)
        if self.neck == "square":
            return points(middle, (width - 0.6, self.top + depth), side)
        return bezier(middle, (width * 0.9, self.top + depth), side)

    def body(self, sleeveless: bool = False) -> np.ndarray:
        """Closed outline of the front."""
        shoulder, armpit = self.shoulder, self.armpit
        inset = 5.0 if sleeveless else 1.5
        if sleeveless:
            shoulder = (max(shoulder[0] - 2.5, NECKS[self.neck][0] + 2), shoulder[1])
        bend = (shoulder[0] - inset, armpit[1] - 3.0)
        low = self.bottom + self.drop
        waist = (self.waist, self.top + min(30.0, self.length * 0.6))
        right = points(
            self.neckline(),
            bezier(shoulder, bend, armpit),
            bezier(armpit, (self.waist, waist[1] - 6), waist, 6),
            bezier(waist, (self.waist, waist[1] + 4), (self.hem, self.bottom)),
            bezier((self.hem, self.bottom), (self.hem * 0.5, low), (0.0, low), 6),
        )
        return mirrored(right)

    def sleeve(self, kind: str, spread: float) -> tuple[np.ndarray, np.ndarray]:
        """Closed outline of the right sleeve of a kind, and the two ends of its cuff.

        `spread` is added to the sleeve's angle, in degrees.
        """
        length, cuff, degrees = SLEEVES[kind]
        angle = np.radians(degrees + spread)
        along = np.array([np.sin(angle), np.cos(angle)])
        across = np.array([-np.cos(angle), np.sin(angle)])
        shoulder, armpit = np.array(self.shoulder), np.array(self.armpit)
        outer = shoulder + along * length
        inner = outer + across * cuff
        bulge = {"balloon": 8.0, "wide": 1.0}.get(kind, 2.0)
        far = bezier(shoulder, (shoulder + outer) / 2 - across * bulge, outer)
        near_bulge = 5.0 if kind == "balloon" else -0.5
        near = bezier(inner, (inner + armpit) / 2 + across * near_bulge, armpit)
        inside = points(armpit + (-3, 0), shoulder + (-2.5, 0.5))
        return points(far, near, inside), points(outer, inner)


def draw_back(canvas: Canvas, torso: Torso) -> None:
    """Draws the inside of the back that is visible through the neckline."""
    width, depth = NECKS[torso.neck]
    low = torso.top + depth + 1
    rim = bezier((-width, torso.top), (0, torso.top - 1.6), (width, torso.top))
    canvas.piece(points(rim, (width, low), (-width, low)), "lining")
    canvas.line(rim + (0, 1.5), 0.4)


def draw_sleeves(
    canvas: Canvas,
    torso: Torso,
    kind: str,
    fill: str = "base",
    pattern: str = "plain",
    cuff: str | None = None,
) -> None:
    """Draws both sleeves, with a cuff of color `cuff`, or with a seam if it is None."""
    outline, ends = torso.sleeve(kind, canvas.pose.limbs)
    turn = SLEEVES[kind][2] + canvas.pose.limbs
    upward = points(torso.shoulder, ends[0])
    step = (upward[0] - upward[1]) / np.linalg.norm(upward[0] - upward[1])
    for side in (1.0, -1.0):
        flip = np.array([side, 1.0])
        shoulder = (torso.shoulder[0] * side, torso.shoulder[1])
        canvas.piece(outline * flip, fill, pattern, -turn * side, shoulder)
        if cuff:
            band = points(ends, ends[::-1] + step * 4.0)
            canvas.piece(band * flip, cuff)
        else:
            canvas.line((ends + step * 1.4) * flip, 0.35, on=fill)


def draw_neck_band(canvas: Canvas, torso: Torso, fill: str, width: float = 1.5) -> None:
    """Draws a band along the front neckline."""
    right = torso.neckline()
    edge = points(flipped(right)[::-1], right)
    canvas.line(edge + (0, width / 2), width + 0.7, on="base")
    canvas.line(edge + (0, width / 2), width, fill)


def draw_hem_band(canvas: Canvas, torso: Torso, fill: str, height: float) -> None:
    """Draws a band along the hem, slightly narrower than the body above it."""
    drop = torso.drop
    right = points(
        (0.0, torso.bottom - height + drop),
        (torso.hem, torso.bottom - height),
        (torso.hem - 0.8, torso.bottom),
        (0.0, torso.bottom + drop),
    )
    canvas.piece(mirrored(right), fill)


def draw_ribs(
    canvas: Canvas, half_width: float, top: float, bottom: float, spacing: float = 1.4
) -> None:
    """Draws the vertical ribs of a knitted band."""
    for x in np.arange(-half_width + spacing, half_width - spacing / 2, spacing):
        canvas.line(points((x, top), (x, bottom)), 0.25)


def draw_waistband(
    canvas: Canvas,
    top: float,
    half_width: float,
    height: float,
    fill: str,
    flare: float,
) -> None:
    """Draws a waistband; its lower edge is `flare` wider to each side, and bent."""
    x, y = half_width + flare, top + height
    lower = points((x, y), (0, y + (flare + 0.1)), (-x, y))
    band = points((-half_width, top), (half_width, top), lower)
    canvas.piece(band, fill, edge=0.6)


def draw_pocket(
    canvas: Canvas,
    kind: str,
    center: Point,
    width: float = 8.0,
    height: float = 9.0,
    pattern: str = "plain",
) -> None:
    """Draws a patch pocket: `patch`, `pointed` or `flap`."""
    x, y = center
    left, right = x - width / 2, x + width / 2
    top, bottom = y - height / 2, y + height / 2
    outline = rectangle(left, top, right, bottom)
    if kind == "pointed":
        low = bottom - 2
        outline = points(outline[:2], (right, low), (x, bottom), (left, low))
    canvas.piece(outline, "base", pattern, edge=0.8)
    if kind == "flap":
        upper = points((left - 0.5, top), (right + 0.5, top))
        lower = points((right + 0.5, 2.6), (x, 3.8), (left - 0.5, 2.6)) + (0, top)
        canvas.piece(points(upper, lower), "base", pattern, edge=0.8)
        canvas.dot((x, top + 2.4), 0.7)
    else:
        canvas.line(points((left, top + 1.6), (right, top + 1.6)), 0.6)


def draw_slant_pockets(
    canvas: Canvas, top: float, half_width: float, reach: float
) -> None:
    """Draws two slanted pocket openings below a waistband."""
    start, bend = (half_width * 0.55, top), (half_width * 0.65, top + reach * 0.8)
    canvas.lines(bezier(start, bend, (half_width, top + reach)), 0.85)


def draw_buttons(
    canvas: Canvas, x: float, top: float, bottom: float, count: int, radius: float
) -> None:
    """Draws a vertical row of buttons."""
    for y in np.linspace(top, bottom, count):
        canvas.dot((x, y), radius)


def draw_zip(canvas: Canvas, start: Point, end: Point) -> None:
    """Draws a metal zip with its puller at the start."""
    path = points(start, end)
    canvas.line(path, 1.7)
    canvas.line(path, 0.7, "metal")
    canvas.dot(start, 0.9, "metal")
