"""Sweaters and cardigans."""

from __future__ import annotations

import numpy as np

from cv_tf.datasets.synthetic_color_variants import curves
from cv_tf.datasets.synthetic_color_variants.canvas import Canvas
from cv_tf.datasets.synthetic_color_variants.design import Design, Field, Garment
from cv_tf.datasets.synthetic_color_variants.garments import details, pieces as torso

_LENGTH = {"cropped": 36.0, "regular": 47.0, "long": 60.0}

_FIELDS = {
    "fit": Field(("regular", "slim", "boxy")),
    "length": Field(("regular", "cropped", "long")),
    "neck": Field(("crew", "v", "boat", "turtle", "mock")),
    "sleeve": Field(("long", "wide", "balloon", "elbow")),
    "knit": Field(("plain", "ribbed", "cables", "one_cable")),
    "pattern": Field(
        ("plain", "stripes_fine", "stripes_medium", "stripes_wide", "diamonds"), 0.75
    ),
    "hem": Field(("narrow", "wide", "accent")),
    "opening": Field(("none", "cardigan"), unless=("neck", "turtle")),
    "pocket": Field(("none", "two")),
    "elbow": Field(("none", "bands")),
}


def _draw(canvas: Canvas, design: Design) -> None:
    chest, length = torso.CHEST[design["fit"]] + 0.5, _LENGTH[design["length"]]
    collar = design["neck"] if design["neck"] in ("turtle", "mock") else None
    neck = "crew" if collar else design["neck"]
    body = torso.Torso(51 - length / 2, length, chest, chest, chest - 0.6, neck)
    torso.draw_back(canvas, body)
    cuff = "accent" if design["hem"] == "accent" else "rib"
    pattern = design["pattern"]
    torso.draw_sleeves(canvas, body, design["sleeve"], "base", pattern, cuff)
    if design["elbow"] == "bands":
        _draw_arm_bands(canvas, body, design["sleeve"])
    canvas.piece(body.body(), "base", pattern)
    _draw_knit(canvas, body, design["knit"])
    height = 8.5 if design["hem"] == "wide" else 3.6
    torso.draw_hem_band(canvas, body, cuff, height)
    torso.draw_ribs(canvas, -body.hem, body.hem, body.bottom - height + 1, body.bottom)
    if design["opening"] == "cardigan":
        top = body.top + torso.NECKS[neck][1]
        canvas.piece(curves.rectangle(-1.6, top, 1.6, body.bottom + 0.8), "rib")
        details.draw_buttons(canvas, 0, top + 3, body.bottom - 2, 6, 1.2)
    if collar:
        _draw_collar(canvas, body.top, 8.0 if collar == "turtle" else 3.6)
    else:
        torso.draw_neck_band(canvas, body, cuff, 1.9)
    if design["pocket"] == "two":
        for x in (8.5, -8.5):
            details.draw_pocket(
                canvas, "patch", (x, body.bottom - 13.0), 9.5, 9.5, pattern
            )


def _draw_arm_bands(canvas: Canvas, body: torso.Torso, kind: str) -> None:
    """One accent band around each arm, cut off at the sleeve."""
    sleeve, (outer, inner) = body.sleeve(kind, canvas.pose.limbs)
    upper = curves.points(body.shoulder, outer)
    lower = curves.points(body.armpit, inner)
    start, end = 0.45, 0.58
    beyond = (outer - inner) * 0.6
    band = curves.points(
        upper[0] + (upper[1] - upper[0]) * start + beyond,
        upper[0] + (upper[1] - upper[0]) * end + beyond,
        lower[0] + (lower[1] - lower[0]) * end - beyond,
        lower[0] + (lower[1] - lower[0]) * start - beyond,
    )
    for flip in ((1.0, 1.0), (-1.0, 1.0)):
        canvas.piece(band * flip, "accent", edge=0.3, within=sleeve * flip)


def _draw_knit(canvas: Canvas, body: torso.Torso, knit: str) -> None:
    top, bottom = body.top + 9.0, body.bottom - 3.0
    if knit == "ribbed":
        for x in np.arange(-body.chest + 2.5, body.chest - 1.5, 2.5):
            start = body.top + (13.0 if abs(x) < 8 else 8.0)
            canvas.line(curves.points((x, start), (x, bottom)), 0.4)
    elif knit in ("cables", "one_cable"):
        y = np.arange(top + 3.0, bottom, 0.5)
        for x in (0.0,) if knit == "one_cable" else (-8.0, 0.0, 8.0):
            sway = 1.5 * np.sin(y * 1.25)
            canvas.line(np.stack([x + sway, y], axis=1), 0.5)
            canvas.line(np.stack([x - sway, y], axis=1), 0.5)


def _draw_collar(canvas: Canvas, top: float, height: float) -> None:
    right = curves.points(
        (0, top - height + 0.6), (5.4, top - height), (6.0, top + 1.5), (0, top + 4.2)
    )
    canvas.piece(curves.mirrored(right), "rib", edge=0.5)
    if height > 5:
        canvas.line(curves.points((-5.6, top - 1.5), (0, top - 0.5), (5.6, top - 1.5)))


GARMENT = Garment(_FIELDS, _draw, zoom=1.1)
