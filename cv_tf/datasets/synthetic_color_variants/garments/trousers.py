"""Trousers and shorts: two legs below a waistband."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cv_tf.datasets.synthetic_color_variants import curves
from cv_tf.datasets.synthetic_color_variants.canvas import Canvas
from cv_tf.datasets.synthetic_color_variants.design import Design, Field, Garment
from cv_tf.datasets.synthetic_color_variants.garments import details

WAIST = 11.5

# Half of the leg's width at the hem, for a full-length leg.
_HEMS = {"straight": 5.0, "skinny": 3.4, "tapered": 4.0, "wide": 7.8, "flared": 6.6}


@dataclass(frozen=True)
class Leg:
    """The right leg of a pair.

    Attributes:
      top: Height of the waist.
      outline: Closed outline `[points, 2]`.
      side: Its outer seam, from hip to hem, `[points, 2]`.
      ends: Outer and inner end of the hem, `[2, 2]`.
    """

    top: float
    outline: np.ndarray
    side: np.ndarray
    ends: np.ndarray

    @property
    def middle(self) -> np.ndarray:
        """The middle of the hem."""
        return self.ends.mean(axis=0)


def make_leg(cut: str, top: float, bottom: float, spread: float) -> Leg:
    """Shapes a leg of a cut of `_HEMS`, `spread` degrees off its usual angle."""
    length = bottom - top
    share = min(1.0, length / 80.0)
    half = _HEMS[cut] * share + 7.0 * (1 - share)
    lean = np.tan(np.radians(2.2 + spread * 0.5)) * (length - 14)
    middle = max(6.4 + lean, half + 0.9)
    ends = curves.points((middle + half, bottom), (middle - half, bottom + 0.8))
    hip = (WAIST + 2.8, top + 16.0)
    side = curves.bezier((WAIST + 0.1, top + 1), (hip[0], top + 8), hip, 6)
    inside = curves.points((0.2, top + 22.0), (0, top))
    if length > 55:
        knee_x, knee_y = 6.8 + lean * 0.6, top + length * 0.62
        knee = 4.3 if cut == "flared" else (6.6 + half) / 2
        side = curves.points(side, (knee_x + knee, knee_y))
        inside = curves.points((knee_x - knee, knee_y), inside)
    side = curves.points(side, ends[0])
    outline = curves.points((WAIST, top), side, ends[1], inside)
    return Leg(top, outline, side, ends)


def draw_side(canvas: Canvas, leg: Leg, flip: np.ndarray, kind: str) -> None:
    """Stripes or a panel of the accent color along the outer seam."""
    if kind == "none":
        return
    if kind == "panel":
        panel = curves.points(leg.side, leg.side[::-1] - (3.4, 0))
        canvas.piece(panel * flip, "accent", edge=0.3)
        return
    for inset in (1.6, 4.2) if kind == "two_stripes" else (1.6,):
        canvas.line((leg.side - (inset, 0)) * flip, 1.2, "accent")


def draw_front(canvas: Canvas, leg: Leg, flip: np.ndarray, kind: str) -> None:
    """A crease, pleats or a seam across the thigh."""
    top, (outer, inner) = leg.top, leg.ends
    if kind == "crease":
        path = curves.points((6.2, top + 8), (6.6, top + 20), leg.middle)
        canvas.line(path * flip, 0.5)
    elif kind == "pleats":
        for x in (4.6, 7.4):
            canvas.line(curves.points((x, top + 3), (x + 0.3, top + 14)) * flip, 0.55)
    elif kind == "seam":
        y = top + 0.52 * (leg.middle[1] - top)
        path = curves.points((inner[0] * 0.3, y), (11.0 + outer[0] * 0.12, y - 1.5))
        canvas.line(path * flip, 0.6)


def draw_hem(canvas: Canvas, leg: Leg, flip: np.ndarray, kind: str) -> None:
    """The hem: plain, slit, turned up, ribbed, or in the accent color."""
    outer, inner = leg.ends
    height = 3.6
    band = curves.points(
        outer + (0.3, -height),
        outer + (0.3, 0.2),
        inner + (-0.3, 0.2),
        inner + (-0.3, -height),
    )
    if kind == "slit":
        canvas.line(curves.points(outer + (-1.6, 0.3), outer + (-1.9, -7)) * flip, 0.9)
    elif kind == "plain":
        canvas.line((leg.ends + (0, -1.5)) * flip, 0.35)
    else:
        fill = {"turn_up": "base", "rib": "rib", "accent": "accent"}[kind]
        canvas.piece(band * flip, fill, edge=0.6)
        if kind == "rib":
            for share in np.linspace(0.15, 0.85, 6):
                x, y = inner + (outer - inner) * share
                canvas.line(curves.points((x, y - height), (x, y)) * flip, 0.4)


# Waistbands that open at the front, with a button.
_WITH_FLY = ("belt_loops", "plain")

_LENGTHS = {
    "full": 82.0,
    "ankle": 71.0,
    "capri": 58.0,
    "bermuda": 50.0,
    "short": 38.0,
    "hot": 28.0,
}


_SHARED = {
    "waistband": Field(("belt_loops", "elastic", "drawstring", "plain", "paper_bag")),
    "pocket": Field(("slant", "none", "patch", "welt")),
    "side": Field(("none", "one_stripe", "two_stripes", "panel")),
    "hem": Field(("plain", "turn_up", "rib", "accent", "slit")),
    "pattern": Field(
        (
            "plain",
            "pinstripes_fine",
            "pinstripes_wide",
            "checks_small",
            "checks_large",
            "windowpane",
            "dots_small",
        ),
        0.75,
    ),
    "front": Field(("none", "crease", "pleats", "seam")),
}

_TROUSERS = {
    "length": Field(("full", "ankle", "capri")),
    "leg": Field(("straight", "skinny", "tapered", "wide", "flared")),
    **_SHARED,
    "knee": Field(("none", "patch", "cargo", "darts")),
}

_SHORTS = {
    "length": Field(("short", "bermuda", "hot")),
    "leg": Field(("straight", "tapered", "wide")),
    **_SHARED,
    "cargo": Field(("none", "left", "both")),
}


def _draw(canvas: Canvas, design: Design) -> None:
    length = _LENGTHS[design["length"]]
    top, bottom = 50 - length / 2, 50 + length / 2
    leg = make_leg(design["leg"], top, bottom, canvas.pose.limbs)
    for side in (-1.0, 1.0):
        flip = np.array([side, 1.0])
        canvas.piece(leg.outline * flip, "base", design["pattern"])
        draw_side(canvas, leg, flip, design["side"])
        draw_front(canvas, leg, flip, design["front"])
        draw_hem(canvas, leg, flip, design["hem"])
        _draw_leg_extras(canvas, leg, side, design)
    canvas.line(curves.points((0, top + 3), (0, top + 22)), 0.5)
    if design["waistband"] in _WITH_FLY:
        canvas.line(curves.bezier((2.6, top + 3), (2.8, top + 12), (0, top + 14)), 0.6)
    _draw_pockets(canvas, top, design["pocket"], design["pattern"])
    _draw_waistband(canvas, top, design["waistband"])
    if design["waistband"] in _WITH_FLY:
        canvas.dot((0, top + 1.9), 0.9, "metal")


def _draw_leg_extras(canvas: Canvas, leg: Leg, side: float, design: Design):
    """Patches, darts and pockets on one leg; `side` is 1 on the right, -1 left."""
    flip = np.array([side, 1.0])
    middle, top = leg.middle, leg.top
    knee = design.get("knee", "none")
    height = top + 0.56 * (middle[1] - top)
    x = 6.6 + (middle[0] - 6.6) * 0.5
    cargo = design.get("cargo", "none")
    if knee == "cargo" or cargo == "both" or (cargo == "left" and side > 0):
        y = height - 4.0 if knee == "cargo" else middle[1] - 9.0
        details.draw_pocket(
            canvas, "flap", (side * (x + 2.4), y), 7.6, 9.0, design["pattern"]
        )
    elif knee == "patch":
        patch = curves.rectangle(x - 3.4, height - 5, x + 3.4, height + 5)
        canvas.piece(patch * flip, "rib", edge=0.6)
    elif knee == "darts":
        for offset in (-2.0, 0.0, 2.0):
            canvas.line(
                curves.points(
                    (x - 3.0, height + offset), (x + 1.5, height + offset - 0.6)
                )
                * flip,
                0.5,
            )


def _draw_pockets(canvas: Canvas, top: float, kind: str, pattern: str) -> None:
    if kind == "slant":
        details.draw_slant_pockets(canvas, top + 3.2, WAIST + 2.2, 9.5)
        return
    for side in (1.0, -1.0):
        if kind == "patch":
            details.draw_pocket(
                canvas, "patch", (side * 8.2, top + 11.5), 8.0, 9.6, pattern
            )
        elif kind == "welt":
            welt = curves.rectangle(side * 5.4, top + 8.6, side * 11.6, top + 10.0)
            canvas.piece(welt, "rib", edge=0.5)


def _draw_waistband(canvas: Canvas, top: float, kind: str) -> None:
    height, rise = 3.4, 0.0
    if kind == "paper_bag":
        rise = 3.4
        frill = curves.points(
            (-WAIST - 1.5, top - rise),
            (WAIST + 1.5, top - rise),
            (WAIST, top + 0.5),
            (-WAIST, top + 0.5),
        )
        canvas.piece(frill, edge=0.5)
    fill = "rib" if kind in ("elastic", "drawstring") else "base"
    band = curves.points(
        (-WAIST, top),
        (WAIST, top),
        (WAIST + 0.4, top + height),
        (0, top + height + 0.5),
        (-WAIST - 0.4, top + height),
    )
    canvas.piece(band, fill, edge=0.6)
    if kind in ("elastic", "drawstring", "paper_bag"):
        for x in np.arange(-WAIST + 1.3, WAIST, 1.5):
            canvas.line(curves.points((x, top - rise + 0.4), (x, top + height)), 0.3)
    if kind == "drawstring":
        for side in (1.0, -1.0):
            path = curves.bezier(
                (side * 1.0, top + 2), (side * 2.4, top + 6), (side * 1.6, top + 11)
            )
            canvas.line(path, 0.9, "accent")
    elif kind == "belt_loops":
        for x in (-8.4, -3.8, 3.8, 8.4):
            loop = curves.rectangle(x - 0.6, top - 0.4, x + 0.6, top + height + 0.5)
            canvas.piece(loop, edge=0.4)


TROUSERS = Garment(_TROUSERS, _draw)
SHORTS = Garment(_SHORTS, _draw, zoom=1.45)
