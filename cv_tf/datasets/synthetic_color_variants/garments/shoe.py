"""Shoes, seen from the side with the toe to the left."""

from __future__ import annotations

import numpy as np

from cv_tf.datasets.synthetic_color_variants.canvas import Canvas
from cv_tf.datasets.synthetic_color_variants.curves import bezier, points
from cv_tf.datasets.synthetic_color_variants.garments import (
    Design,
    Field,
    Garment,
    pieces,
)

_TOE, _HEEL, _GROUND = -29.0, 27.0, 62.0

# Height of a shoe's opening above the ground, and thickness of its sole.
_SHAFTS = {"low": 20.0, "ankle": 32.0, "boot": 48.0}
_SOLES = {"flat": 3.0, "chunky": 6.5, "wedge": 4.0, "heel": 3.0}

_FIELDS = {
    "shaft": Field(("low", "ankle", "boot"), 0.4),
    "sole": Field(("flat", "chunky", "wedge", "heel"), 0.4),
    "sole_color": Field(("light", "gum", "accent")),
    "toe": Field(("round", "pointed")),
    "toe_cap": Field(("none", "cap", "accent_cap", "bumper")),
    "closure": Field(("laces", "straps", "zip", "elastic", "none"), 0.4),
    "side": Field(("none", "one_stripe", "three_stripes", "wave", "panel")),
    "heel_tab": Field(("none", "tonal", "accent")),
    "collar": Field(("plain", "padded", "accent")),
}


def _draw(canvas: Canvas, design: Design) -> None:
    ground = _GROUND + _SHAFTS[design["shaft"]] * 0.25
    top = ground - _SHAFTS[design["shaft"]]
    _draw_sole(canvas, ground, design)
    outline = _upper(design, ground)
    canvas.piece(outline, edge=0.6)
    _draw_toe_cap(canvas, ground, design)
    _draw_side(canvas, ground, design["side"])
    if design["heel_tab"] != "none":
        fill = "accent" if design["heel_tab"] == "accent" else "rib"
        tab = points((17.5, -0.3), (20.0, -14.0), (24.0, -14.0), (25.5, -0.3))
        canvas.piece(tab + (0, ground), fill, edge=0.5)
    if design["collar"] == "plain":
        canvas.line(points((4.6, top + 1.4), (24.4, top + 0.6)), 0.45)
    else:
        fill, height = ("accent", 2.6) if design["collar"] == "accent" else ("rib", 4.2)
        lower = points((24.4, top + height - 0.6), (4.0, top + height))
        collar = points((4.2, top - 0.4), (24.8, top - 1.4), lower)
        canvas.piece(collar, fill, edge=0.5)
    _draw_closure(canvas, ground, top, outline, design["closure"])


def _upper(design: Design, ground: float) -> np.ndarray:
    """Closed outline of a shoe above its sole."""
    top, heel = ground - _SHAFTS[design["shaft"]], _HEEL - 1.5
    tip = 0.0 if design["toe"] == "round" else 1.0
    lift = 2.0 * tip
    return points(
        (_TOE + 1.5 - lift, ground),
        bezier(
            (_TOE - 1.0 - lift, ground - 2.0 + tip),
            (_TOE - 1.5 + lift, ground - 11.5 + lift),
            (_TOE + 12.0, ground - 12.5),
        ),
        bezier(
            (_TOE + 13.5, ground - 12.7),
            (_TOE + 27.0, ground - 14.0),
            (5.0, min(top + 1.5, ground - 18.0)),
        ),
        (4.5, top),
        (heel - 1.0, top - 1.0),
        bezier(
            (heel - 1.0, top - 1.0),
            (heel - 2.5, ground - 12.0),
            (heel + 1.0, ground - 5.0),
        ),
        (heel, ground),
    )


def _draw_sole(canvas: Canvas, ground: float, design: Design) -> None:
    kind, fill = design["sole"], design["sole_color"]
    toe = _TOE - (1.5 if design["toe"] == "pointed" else 0.0)
    low = ground + _SOLES[kind]
    if kind in ("flat", "chunky"):
        upper = points((toe - 0.5, ground - 2.0), (_HEEL, ground - 2.0))
        sole = points(upper, (_HEEL - 0.5, low), (toe + 3.0, low))
    else:
        upper = points((toe, ground - 1.5), (_HEEL - 0.5, ground - 1.5))
        if kind == "wedge":
            lower = points((_HEEL - 2.0, 7.0), (8.0, 7.0), (-6.0, 0), (toe + 3.0, 0))
        else:
            lower = points((_HEEL - 2.5, 9.0), (17.0, 9.0), (14.0, -1), (toe + 3.0, -1))
        sole = points(upper, lower + (0, low))
    canvas.piece(sole, fill, edge=0.6)
    if kind == "chunky":
        groove = points((toe + 1.0, ground + 2.6), (_HEEL - 0.4, ground + 2.6))
        canvas.line(groove, 0.5, on=fill)


def _draw_toe_cap(canvas: Canvas, ground: float, design: Design) -> None:
    kind, is_pointed = design["toe_cap"], design["toe"] == "pointed"
    tip, lift = (2.5, 1.5) if is_pointed else (0.0, 0.0)
    if kind in ("cap", "accent_cap"):
        cap = points(
            (_TOE + 1.5 - tip, ground - 0.2),
            bezier(
                (_TOE - tip, ground - 3 + lift),
                (_TOE + 1, ground - 9 + lift),
                (_TOE + 9.5, ground - 10.0 + lift),
            ),
            bezier(
                (_TOE + 10.5, ground - 10),
                (_TOE + 14, ground - 5),
                (_TOE + 12.0, ground - 0.2),
            ),
        )
        canvas.piece(cap, "accent" if kind == "accent_cap" else "rib", edge=0.55)
    elif kind == "bumper":
        bumper = points((-tip - 0.2, -4.4), (17, -4.4), (20, -0.2), (1 - tip, -0.2))
        canvas.piece(bumper + (_TOE, ground), "rib", edge=0.5)


def _draw_side(canvas: Canvas, ground: float, kind: str) -> None:
    if kind in ("one_stripe", "three_stripes"):
        for x in (2.0,) if kind == "one_stripe" else (-2.0, 2.5, 7.0):
            stripe = points((0, -13), (2.4, -13), (6.4, -2.2), (4.0, -2.2))
            canvas.piece(stripe + (x, ground), "accent", edge=0.25)
    elif kind == "wave":
        wave = points(
            bezier((-12, ground - 5), (0, ground - 1), (17, ground - 12)),
            bezier((16, ground - 9.5), (0, ground + 2.5), (-12, ground - 5)),
        )
        canvas.piece(wave, "accent", edge=0.25)
    elif kind == "panel":
        panel = points((-9, -1), (-6, -11), (8, -12.5), (14, -1)) + (0, ground)
        canvas.piece(panel, "accent", edge=0.4)


def _draw_closure(
    canvas: Canvas, ground: float, top: float, upper: np.ndarray, kind: str
) -> None:
    start, end = np.array([-11.0, ground - 13.5]), np.array([4.5, ground - 18.0])
    if top < ground - 25:
        end = np.array([5.5, top + 7.0])
    if kind == "zip":
        pieces.draw_zip(canvas, (15.0, top + 2), (14.0, ground - 3))
    elif kind == "elastic":
        gore = points((9.0, top + 1), (17.0, top + 1), (13.5, ground - 7))
        canvas.piece(gore, "lining", edge=0.5)
    elif kind == "straps":
        strap = points((-4.0, -3.0), (1.0, -5.0), (12.0, 6.0), (8.0, 8.4))
        for share in (0.15, 0.75):
            place = start + (end - start) * share
            canvas.piece(strap + place, "rib", edge=0.55, within=upper)
    elif kind == "laces":
        lower, higher = (
            start + ((5.0, 4.6), (-2, 1.0)),
            end + ((-1.0, -1.2), (4.0, 1.0)),
        )
        canvas.piece(points(lower[1], higher, lower[0]), "rib", edge=0.5)
        lace = points((-1.2, -0.6), (5.0, 2.8))
        for share in np.linspace(0.08, 0.95, 5):
            place = start + (end - start) * share
            canvas.line(lace + place, 0.9, "accent")


SHOE = Garment(_FIELDS, _draw)
