"""Shoes, seen from the side, toe to the left."""

from __future__ import annotations

import numpy as np

from cv_tf.datasets.synthetic_color_variants import curves
from cv_tf.datasets.synthetic_color_variants.canvas import Canvas
from cv_tf.datasets.synthetic_color_variants.design import Design, Field, Garment
from cv_tf.datasets.synthetic_color_variants.garments import details

_TOE, _HEEL, _GROUND = -29.0, 27.0, 62.0

# Height of the ankle's opening above the ground.
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


def _upper(design: Design, ground: float) -> np.ndarray:
    top = ground - _SHAFTS[design["shaft"]]
    tip = 0.0 if design["toe"] == "round" else 1.0
    heel_x = _HEEL - 1.5
    lift = 2.0 * tip
    instep = (5.0, min(top + 1.5, ground - 18.0))
    front = curves.points(
        (_TOE + 1.5 - lift, ground),
        curves.bezier(
            (_TOE - 1.0 - lift, ground - 2.0 + tip),
            (_TOE - 1.5 + lift, ground - 11.5 + lift),
            (_TOE + 12.0, ground - 12.5),
        ),
        curves.bezier(
            (_TOE + 13.5, ground - 12.7), (_TOE + 27.0, ground - 14.0), instep
        ),
    )
    shaft = curves.points((4.5, top), (heel_x - 1.0, top - 1.0))
    back = curves.bezier(
        (heel_x - 1.0, top - 1.0),
        (heel_x - 2.5, ground - 12.0),
        (heel_x + 1.0, ground - 5.0),
    )
    return curves.points(front, shaft, back, (heel_x, ground))


def _draw(canvas: Canvas, design: Design) -> None:
    ground = _GROUND + _SHAFTS[design["shaft"]] * 0.25
    _draw_sole(canvas, ground, design)
    outline = _upper(design, ground)
    canvas.piece(outline, edge=0.6)
    top = ground - _SHAFTS[design["shaft"]]
    _draw_toe_cap(canvas, ground, design)
    _draw_side(canvas, ground, design["side"])
    if design["heel_tab"] != "none":
        fill = "accent" if design["heel_tab"] == "accent" else "rib"
        tab = curves.points(
            (17.5, ground - 0.3),
            (20.0, ground - 14.0),
            (24.0, ground - 14.0),
            (25.5, ground - 0.3),
        )
        canvas.piece(tab, fill, edge=0.5)
    _draw_collar(canvas, top, design["collar"])
    _draw_closure(canvas, ground, top, outline, design["closure"])


def _draw_sole(canvas: Canvas, ground: float, design: Design) -> None:
    fill = design["sole_color"]
    kind = design["sole"]
    height = _SOLES[kind]
    toe = _TOE - (1.5 if design["toe"] == "pointed" else 0.0)
    low = ground + height
    if kind in ("flat", "chunky"):
        sole = curves.points(
            (toe - 0.5, ground - 2.0),
            (_HEEL, ground - 2.0),
            (_HEEL - 0.5, low),
            (toe + 3.0, low),
        )
    elif kind == "wedge":
        sole = curves.points(
            (toe, ground - 1.5),
            (_HEEL - 0.5, ground - 1.5),
            (_HEEL - 2.0, low + 7.0),
            (8.0, low + 7.0),
            (-6.0, low),
            (toe + 3.0, low),
        )
    else:
        sole = curves.points(
            (toe, ground - 1.5),
            (_HEEL - 0.5, ground - 1.5),
            (_HEEL - 2.5, low + 9.0),
            (17.0, low + 9.0),
            (14.0, low - 1),
            (toe + 3.0, low - 1.0),
        )
    canvas.piece(sole, fill, edge=0.6)
    if kind == "chunky":
        canvas.line(
            curves.points((toe + 1.0, ground + 2.6), (_HEEL - 0.4, ground + 2.6)),
            0.5,
            on=fill,
        )


def _draw_toe_cap(canvas: Canvas, ground: float, design: Design) -> None:
    kind = design["toe_cap"]
    tip = 2.5 if design["toe"] == "pointed" else 0.0
    if kind in ("cap", "accent_cap"):
        lift = 1.5 if tip else 0.0
        cap = curves.points(
            (_TOE + 1.5 - tip, ground - 0.2),
            curves.bezier(
                (_TOE - tip, ground - 3 + lift),
                (_TOE + 1, ground - 9 + lift),
                (_TOE + 9.5, ground - 10.0 + lift),
            ),
            curves.bezier(
                (_TOE + 10.5, ground - 10),
                (_TOE + 14, ground - 5),
                (_TOE + 12.0, ground - 0.2),
            ),
        )
        canvas.piece(cap, "accent" if kind == "accent_cap" else "rib", edge=0.55)
    elif kind == "bumper":
        bumper = curves.points(
            (_TOE - tip - 0.2, ground - 4.4),
            (_TOE + 17, ground - 4.4),
            (_TOE + 20, ground - 0.2),
            (_TOE + 1 - tip, ground - 0.2),
        )
        canvas.piece(bumper, "rib", edge=0.5)


def _draw_side(canvas: Canvas, ground: float, kind: str) -> None:
    if kind in ("one_stripe", "three_stripes"):
        for x in (2.0,) if kind == "one_stripe" else (-2.0, 2.5, 7.0):
            stripe = curves.points(
                (x, ground - 13),
                (x + 2.4, ground - 13),
                (x + 6.4, ground - 2.2),
                (x + 4.0, ground - 2.2),
            )
            canvas.piece(stripe, "accent", edge=0.25)
    elif kind == "wave":
        wave = curves.points(
            curves.bezier((-12, ground - 5), (0, ground - 1), (17, ground - 12)),
            curves.bezier((16, ground - 9.5), (0, ground + 2.5), (-12, ground - 5)),
        )
        canvas.piece(wave, "accent", edge=0.25)
    elif kind == "panel":
        panel = curves.points(
            (-9, ground - 1), (-6, ground - 11), (8, ground - 12.5), (14, ground - 1)
        )
        canvas.piece(panel, "accent", edge=0.4)


def _draw_collar(canvas: Canvas, top: float, kind: str) -> None:
    if kind == "plain":
        canvas.line(curves.points((4.6, top + 1.4), (24.4, top + 0.6)), 0.45)
        return
    fill = "accent" if kind == "accent" else "rib"
    height = 2.6 if kind == "accent" else 4.2
    collar = curves.points(
        (4.2, top - 0.4),
        (24.8, top - 1.4),
        (24.4, top + height - 0.6),
        (4.0, top + height),
    )
    canvas.piece(collar, fill, edge=0.5)


def _draw_closure(canvas: Canvas, ground, top, upper: np.ndarray, kind: str) -> None:
    start, end = np.array([-11.0, ground - 13.5]), np.array([4.5, ground - 18.0])
    if top < ground - 25:
        end = np.array([5.5, top + 7.0])
    if kind == "zip":
        details.draw_zip(canvas, (15.0, top + 2), (14.0, ground - 3))
    elif kind == "elastic":
        gore = curves.points((9.0, top + 1), (17.0, top + 1), (13.5, ground - 7))
        canvas.piece(gore, "lining", edge=0.5)
    elif kind == "straps":
        for share in (0.15, 0.75):
            x, y = start + (end - start) * share
            strap = curves.points(
                (x - 4.0, y - 3.0),
                (x + 1.0, y - 5.0),
                (x + 12.0, y + 6.0),
                (x + 8.0, y + 8.4),
            )
            canvas.piece(strap, "rib", edge=0.55, within=upper)
    elif kind == "laces":
        tongue = curves.points(
            start + (-2, 1.0), end + (-1.0, -1.2), end + (4.0, 1.0), start + (5.0, 4.6)
        )
        canvas.piece(tongue, "rib", edge=0.5)
        for share in np.linspace(0.08, 0.95, 5):
            x, y = start + (end - start) * share
            canvas.line(
                curves.points((x - 1.2, y - 0.6), (x + 5.0, y + 2.8)), 0.9, "accent"
            )


GARMENT = Garment(_FIELDS, _draw)
