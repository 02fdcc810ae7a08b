"""Legs of trousers and shorts: shape, seams, side stripes and hems."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cv_tf.datasets.synthetic_color_variants import curves
from cv_tf.datasets.synthetic_color_variants.canvas import Canvas

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
