"""Trousers and shorts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cv_tf.datasets.synthetic_color_variants.canvas import Canvas
from cv_tf.datasets.synthetic_color_variants.curves import bezier, points, rectangle
from cv_tf.datasets.synthetic_color_variants.garments import (
    Design,
    Field,
    Garment,
    pieces,
)

_WAIST = 11.5  # Half of the width.

# Half of a leg's width at the hem, if the leg has its full length.
_HEMS = {"straight": 5.0, "skinny": 3.4, "tapered": 4.0, "wide": 7.8, "flared": 6.6}

# Waistbands with a button and a fly.
_WITH_FLY = ("belt_loops", "plain")

_TROUSER_LENGTHS = {"full": 82.0, "ankle": 71.0, "capri": 58.0}
_SHORT_LENGTHS = {"short": 38.0, "bermuda": 50.0, "hot": 28.0}

_SHARED_FIELDS = {
    "waistband": Field(("belt_loops", "elastic", "drawstring", "plain", "paper_bag")),
    "pocket": Field(("slant", "none", "patch", "welt")),
    "side": Field(("none", "one_stripe", "two_stripes", "panel")),
    "hem": Field(("plain", "turn_up", "rib", "accent", "slit")),
    "pattern": pieces.WOVEN_PATTERN,
    "front": Field(("none", "crease", "pleats", "seam")),
}

_TROUSERS_FIELDS = {
    "length": Field(tuple(_TROUSER_LENGTHS)),
    "leg": Field(tuple(_HEMS)),
    **_SHARED_FIELDS,
    "knee": Field(("none", "patch", "cargo", "darts")),
}

_SHORTS_FIELDS = {
    "length": Field(tuple(_SHORT_LENGTHS)),
    "leg": Field(("straight", "tapered", "wide")),
    **_SHARED_FIELDS,
    "cargo": Field(("none", "left", "both")),
}


@dataclass(frozen=True)
class _Leg:
    """The right leg: `y` of its waist, outline, outer seam, and ends of the hem."""

    top: float
    outline: np.ndarray
    side: np.ndarray
    ends: np.ndarray

    @property
    def middle(self) -> np.ndarray:
        """The middle of the hem."""
        return self.ends.mean(axis=0)


def _make_leg(cut: str, top: float, bottom: float, spread: float) -> _Leg:
    """Makes a leg of a cut of `_HEMS`; `spread` (degrees) is added to its angle."""
    length = bottom - top
    share = min(1.0, length / 80.0)
    half = _HEMS[cut] * share + 7.0 * (1 - share)
    lean = np.tan(np.radians(2.2 + spread * 0.5)) * (length - 14)
    middle = max(6.4 + lean, half + 0.9)
    ends = points((middle + half, bottom), (middle - half, bottom + 0.8))
    hip = (_WAIST + 2.8, top + 16.0)
    side = bezier((_WAIST + 0.1, top + 1), (hip[0], top + 8), hip, 6)
    inside = points((0.2, top + 22.0), (0, top))
    if length > 55:
        knee_x, knee_y = 6.8 + lean * 0.6, top + length * 0.62
        knee = 4.3 if cut == "flared" else (6.6 + half) / 2
        side = points(side, (knee_x + knee, knee_y))
        inside = points((knee_x - knee, knee_y), inside)
    side = points(side, ends[0])
    outline = points((_WAIST, top), side, ends[1], inside)
    return _Leg(top, outline, side, ends)


def _draw_leg_side(canvas: Canvas, leg: _Leg, flip: np.ndarray, kind: str) -> None:
    """Draws stripes or a panel of the accent color along the outer seam."""
    if kind == "panel":
        panel = points(leg.side, leg.side[::-1] - (3.4, 0))
        canvas.piece(panel * flip, "accent", edge=0.3)
    for inset in {"one_stripe": (1.6,), "two_stripes": (1.6, 4.2)}.get(kind, ()):
        canvas.line((leg.side - (inset, 0)) * flip, 1.2, "accent")


def _draw_leg_front(canvas: Canvas, leg: _Leg, flip: np.ndarray, kind: str) -> None:
    """Draws a crease, pleats or a seam across the thigh."""
    top, (outer, inner) = leg.top, leg.ends
    if kind == "crease":
        path = points((6.2, top + 8), (6.6, top + 20), leg.middle)
        canvas.line(path * flip, 0.5)
    elif kind == "pleats":
        for x in (4.6, 7.4):
            canvas.line(points((x, top + 3), (x + 0.3, top + 14)) * flip, 0.55)
    elif kind == "seam":
        y = top + 0.52 * (leg.middle[1] - top)
        path = points((inner[0] * 0.3, y), (11.0 + outer[0] * 0.12, y - 1.5))
        canvas.line(path * flip, 0.6)


def _draw_leg_hem(canvas: Canvas, leg: _Leg, flip: np.ndarray, kind: str) -> None:
    """Draws the hem: plain, slit, turned up, ribbed, or in the accent color."""
    outer, inner = leg.ends
    height = 3.6
    if kind == "slit":
        canvas.line(points(outer + (-1.6, 0.3), outer + (-1.9, -7)) * flip, 0.9)
    elif kind == "plain":
        canvas.line((leg.ends + (0, -1.5)) * flip, 0.35)
    else:
        fill = {"turn_up": "base", "rib": "rib", "accent": "accent"}[kind]
        band = points(
            outer + ((0.3, -height), (0.3, 0.2)), inner + ((-0.3, 0.2), (-0.3, -height))
        )
        canvas.piece(band * flip, fill, edge=0.6)
        if kind == "rib":
            for share in np.linspace(0.15, 0.85, 6):
                x, y = inner + (outer - inner) * share
                canvas.line(points((x, y - height), (x, y)) * flip, 0.4)


def _draw(canvas: Canvas, design: Design) -> None:
    length = (_TROUSER_LENGTHS | _SHORT_LENGTHS)[design["length"]]
    top, bottom = 50 - length / 2, 50 + length / 2
    leg = _make_leg(design["leg"], top, bottom, canvas.pose.limbs)
    for side in (-1.0, 1.0):
        flip = np.array([side, 1.0])
        canvas.piece(leg.outline * flip, "base", design["pattern"])
        _draw_leg_side(canvas, leg, flip, design["side"])
        _draw_leg_front(canvas, leg, flip, design["front"])
        _draw_leg_hem(canvas, leg, flip, design["hem"])
        _draw_leg_extras(canvas, leg, side, design)
    canvas.line(points((0, top + 3), (0, top + 22)), 0.5)
    if design["waistband"] in _WITH_FLY:
        canvas.line(bezier((2.6, top + 3), (2.8, top + 12), (0, top + 14)), 0.6)
    _draw_pockets(canvas, top, design["pocket"], design["pattern"])
    _draw_waistband(canvas, top, design["waistband"])
    if design["waistband"] in _WITH_FLY:
        canvas.dot((0, top + 1.9), 0.9, "metal")


def _draw_leg_extras(canvas: Canvas, leg: _Leg, side: float, design: Design) -> None:
    """Draws patches, darts and pockets on the right (`side` 1) or left (-1) leg."""
    flip = np.array([side, 1.0])
    middle, top = leg.middle, leg.top
    knee, cargo = design.get("knee", "none"), design.get("cargo", "none")
    height = top + 0.56 * (middle[1] - top)
    x = 6.6 + (middle[0] - 6.6) * 0.5
    if knee == "cargo" or cargo == "both" or (cargo == "left" and side > 0):
        y = height - 4.0 if knee == "cargo" else middle[1] - 9.0
        center = (side * (x + 2.4), y)
        pieces.draw_pocket(canvas, "flap", center, 7.6, 9.0, design["pattern"])
    elif knee == "patch":
        patch = rectangle(x - 3.4, height - 5, x + 3.4, height + 5)
        canvas.piece(patch * flip, "rib", edge=0.6)
    elif knee == "darts":
        for offset in (-2.0, 0.0, 2.0):
            y = height + offset
            canvas.line(points((x - 3.0, y), (x + 1.5, y - 0.6)) * flip, 0.5)


def _draw_pockets(canvas: Canvas, top: float, kind: str, pattern: str) -> None:
    if kind == "slant":
        pieces.draw_slant_pockets(canvas, top + 3.2, _WAIST + 2.2, 9.5)
    elif kind == "patch":
        for x in (8.2, -8.2):
            pieces.draw_pocket(canvas, "patch", (x, top + 11.5), 8.0, 9.6, pattern)
    elif kind == "welt":
        canvas.pieces(rectangle(5.4, top + 8.6, 11.6, top + 10.0), "rib", edge=0.5)


def _draw_waistband(canvas: Canvas, top: float, kind: str) -> None:
    height, rise = 3.4, 0.0
    if kind == "paper_bag":
        rise = 3.4
        upper = points((-_WAIST - 1.5, top - rise), (_WAIST + 1.5, top - rise))
        frill = points(upper, (_WAIST, top + 0.5), (-_WAIST, top + 0.5))
        canvas.piece(frill, edge=0.5)
    fill = "rib" if kind in ("elastic", "drawstring") else "base"
    pieces.draw_waistband(canvas, top, _WAIST, height, fill, flare=0.4)
    if kind in ("elastic", "drawstring", "paper_bag"):
        for x in np.arange(-_WAIST + 1.3, _WAIST, 1.5):
            canvas.line(points((x, top - rise + 0.4), (x, top + height)), 0.3)
    if kind == "drawstring":
        cord = bezier((1.0, 2), (2.4, 6), (1.6, 11)) + (0, top)
        canvas.lines(cord, 0.9, "accent")
    elif kind == "belt_loops":
        for x in (-8.4, -3.8, 3.8, 8.4):
            loop = rectangle(x - 0.6, top - 0.4, x + 0.6, top + height + 0.5)
            canvas.piece(loop, edge=0.4)


TROUSERS = Garment(_TROUSERS_FIELDS, _draw)
SHORTS = Garment(_SHORTS_FIELDS, _draw, zoom=1.45)
