"""Bodies, necklines and sleeves: what tops, jackets and dresses share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cv_tf.datasets.synthetic_color_variants import curves
from cv_tf.datasets.synthetic_color_variants.canvas import Canvas

CHEST = {"slim": 12.6, "regular": 16.0, "boxy": 19.6}

# Half width and depth of the opening.
NECKS = {
    "crew": (5.2, 3.8),
    "boat": (9.0, 2.2),
    "scoop": (6.8, 8.5),
    "v": (5.4, 10.0),
    "square": (6.6, 7.5),
}

# Length, width at the cuff, and angle from straight down in degrees.
SLEEVES = {
    "cap": (6.5, 8.5, 52.0),
    "short": (13.5, 9.5, 40.0),
    "elbow": (22.0, 8.5, 27.0),
    "long": (43.0, 5.6, 14.5),
    "wide": (40.0, 9.5, 18.0),
    "balloon": (41.0, 4.6, 18.0),
}


@dataclass(frozen=True)
class Torso:
    """The measures of an upper body, in percent of the photo's height.

    Attributes:
      top: Height of the neck's shoulder point.
      length: From there to the hem.
      chest: Half width at the armhole.
      waist: Half width at the waist.
      hem: Half width at the hem.
      neck: A neckline of `NECKS`.
      drop: How far the hem bends down in the middle.
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
        """Height of the hem at the sides."""
        return self.top + self.length

    @property
    def shoulder(self) -> curves.Point:
        """The right shoulder's outer point."""
        return (self.chest - 1.5, self.top + 3.2)

    @property
    def armpit(self) -> curves.Point:
        """The right armhole's lower end."""
        return (self.chest, self.top + 15.0)

    def neckline(self) -> np.ndarray:
        """The front neckline's right half, from the middle to the shoulder."""
        width, depth = NECKS[self.neck]
        middle, side = (0.0, self.top + depth), (width, self.top)
        if self.neck == "v":
            return curves.points(middle, side)
        if self.neck == "square":
            return curves.points(middle, (width - 0.6, self.top + depth), side)
        return curves.bezier(middle, (width * 0.9, self.top + depth), side)

    def body(self, sleeveless: bool = False) -> np.ndarray:
        """The closed outline of the front."""
        shoulder, armpit = self.shoulder, self.armpit
        inset = 5.0 if sleeveless else 1.5
        if sleeveless:
            shoulder = (max(shoulder[0] - 2.5, NECKS[self.neck][0] + 2), shoulder[1])
        bend = (shoulder[0] - inset, armpit[1] - 3.0)
        low = self.bottom + self.drop
        waist = (self.waist, self.top + min(30.0, self.length * 0.6))
        right = curves.points(
            self.neckline(),
            curves.bezier(shoulder, bend, armpit),
            curves.bezier(armpit, (self.waist, waist[1] - 6), waist, 6),
            curves.bezier(waist, (self.waist, waist[1] + 4), (self.hem, self.bottom)),
            curves.bezier(
                (self.hem, self.bottom), (self.hem * 0.5, low), (0.0, low), 6
            ),
        )
        return curves.mirrored(right)

    def sleeve(self, kind: str, spread: float) -> tuple[np.ndarray, np.ndarray]:
        """The right sleeve's closed outline, and its cuff's two ends."""
        length, cuff, angle = SLEEVES[kind]
        angle = np.radians(angle + spread)
        along = np.array([np.sin(angle), np.cos(angle)])
        across = np.array([-np.cos(angle), np.sin(angle)])
        shoulder, armpit = np.array(self.shoulder), np.array(self.armpit)
        outer = shoulder + along * length
        inner = outer + across * cuff
        bulge = {"balloon": 8.0, "wide": 1.0}.get(kind, 2.0)
        far = curves.bezier(shoulder, (shoulder + outer) / 2 - across * bulge, outer)
        near_bulge = 5.0 if kind == "balloon" else -0.5
        near = curves.bezier(inner, (inner + armpit) / 2 + across * near_bulge, armpit)
        inside = curves.points(armpit + (-3, 0), shoulder + (-2.5, 0.5))
        return curves.points(far, near, inside), curves.points(outer, inner)


def draw_back(canvas: Canvas, torso: Torso) -> None:
    """The inside of the back that shows through the neckline."""
    width, depth = NECKS[torso.neck]
    rim = curves.bezier((-width, torso.top), (0, torso.top - 1.6), (width, torso.top))
    canvas.piece(
        curves.points(
            rim, (width, torso.top + depth + 1), (-width, torso.top + depth + 1)
        ),
        "lining",
    )
    canvas.line(rim + (0, 1.5), 0.4)


def draw_sleeves(
    canvas: Canvas,
    torso: Torso,
    kind: str,
    fill: str = "base",
    pattern: str = "plain",
    cuff: str | None = None,
) -> None:
    """Both sleeves, with a hem or, given the role of its color, a cuff."""
    outline, ends = torso.sleeve(kind, canvas.pose.limbs)
    turn = SLEEVES[kind][2] + canvas.pose.limbs
    upward = curves.points(torso.shoulder, ends[0])
    step = (upward[0] - upward[1]) / np.linalg.norm(upward[0] - upward[1])
    for side in (1.0, -1.0):
        flip = np.array([side, 1.0])
        canvas.piece(
            outline * flip,
            fill,
            pattern,
            -turn * side,
            tuple(np.array(torso.shoulder) * flip),
        )
        if cuff:
            band = curves.points(ends, ends[::-1] + step * 4.0)
            canvas.piece(band * flip, cuff)
        else:
            canvas.line((ends + step * 1.4) * flip, 0.35, on=fill)


def draw_neck_band(canvas: Canvas, torso: Torso, fill: str, width: float = 1.5) -> None:
    """A band along the front neckline."""
    right = torso.neckline()
    edge = curves.points(curves.flipped(right)[::-1], right)
    canvas.line(edge + (0, width / 2), width + 0.7, on="base")
    canvas.line(edge + (0, width / 2), width, fill)


def draw_hem_band(canvas: Canvas, torso: Torso, fill: str, height: float) -> None:
    """A band along the hem, slightly narrower than the body above it."""
    bottom, drop = torso.bottom, torso.drop
    right = curves.points(
        (0.0, bottom - height + drop),
        (torso.hem, bottom - height),
        (torso.hem - 0.8, bottom),
        (0.0, bottom + drop),
    )
    canvas.piece(curves.mirrored(right), fill)


def draw_ribs(
    canvas: Canvas,
    left: float,
    right: float,
    top: float,
    bottom: float,
    spacing: float = 1.4,
) -> None:
    """Upright ribs of a knitted band."""
    for x in np.arange(left + spacing, right - spacing / 2, spacing):
        canvas.line(curves.points((x, top), (x, bottom)), 0.25)
