"""Jackets and coats."""

from __future__ import annotations

import numpy as np

from cv_tf.datasets.synthetic_color_variants import curves
from cv_tf.datasets.synthetic_color_variants.canvas import Canvas
from cv_tf.datasets.synthetic_color_variants.design import Design, Field, Garment
from cv_tf.datasets.synthetic_color_variants.garments import details, pieces as torso

_LENGTH = {"cropped": 40.0, "hip": 50.0, "coat": 66.0}

_FIELDS = {
    "fit": Field(("regular", "slim", "boxy")),
    "length": Field(("hip", "cropped", "coat")),
    "collar": Field(("stand", "pointed", "lapel", "none")),
    "closure": Field(("zip", "buttons", "double_breasted", "hidden")),
    "chest_pocket": Field(("none", "left_flap", "two_flap", "left_zip")),
    "pocket": Field(("welt", "patch", "flap", "none")),
    "quilting": Field(("none", "wide", "narrow", "diamonds")),
    "hem": Field(("plain", "rib")),
    "belt": Field(("none", "tonal", "accent")),
    "sleeves": Field(("base", "accent")),
    "shoulder": Field(("none", "straps", "yoke")),
}


def _draw(canvas: Canvas, design: Design) -> None:
    chest, length = torso.CHEST[design["fit"]] + 1.5, _LENGTH[design["length"]]
    waist = chest - (2.2 if design["belt"] != "none" else 0.6)
    body = torso.Torso(51 - length / 2, length, chest, waist, chest + 0.4, "v", 0.5)
    torso.draw_back(canvas, body)
    cuff = "rib" if design["hem"] == "rib" else None
    torso.draw_sleeves(canvas, body, "long", design["sleeves"], cuff=cuff)
    canvas.piece(body.body(), edge=0.55)
    _draw_quilting(canvas, body, design["quilting"])
    if design["hem"] == "rib":
        torso.draw_hem_band(canvas, body, "rib", 4.5)
        torso.draw_ribs(canvas, -body.hem, body.hem, body.bottom - 4, body.bottom)
    _draw_shoulder(canvas, body, design["shoulder"])
    _draw_closure(canvas, body, design["closure"])
    _draw_collar(canvas, body.top, design["collar"])
    _draw_pockets(canvas, body, design)
    if design["belt"] != "none":
        y = body.top + 30.0 if length > 45 else body.bottom - 7.0
        fill = "accent" if design["belt"] == "accent" else "rib"
        band = curves.rectangle(-waist - 0.2, y, waist + 0.2, y + 3.0)
        canvas.piece(band, fill, edge=0.5)
        canvas.piece(curves.rectangle(-2.2, y - 0.6, 2.2, y + 3.6), "metal", edge=0.3)


def _draw_quilting(canvas: Canvas, body: torso.Torso, quilting: str) -> None:
    top, width = body.top + 8.0, body.chest - 0.8
    if quilting in ("wide", "narrow"):
        spacing = 7.5 if quilting == "wide" else 3.8
        for y in np.arange(top + 3.0, body.bottom - 2, spacing):
            canvas.line(curves.bezier((-width, y), (0, y + 1.0), (width, y)), 0.5)
    elif quilting == "diamonds":
        height = body.bottom - 2 - (top + 4)
        for x in np.arange(-width * 2, width * 2, 6.0):
            for slope in (1.0, -1.0):
                x_end = x + slope * height * 0.6
                share = np.linspace(0, 1, 30)
                path = np.stack([x + (x_end - x) * share, top + 4 + height * share], 1)
                inside = path[np.abs(path[:, 0]) < width]
                if len(inside) > 1:
                    canvas.line(inside, 0.4)


def _draw_shoulder(canvas: Canvas, body: torso.Torso, kind: str) -> None:
    x, y = body.shoulder
    for side in (1.0, -1.0):
        if kind == "straps":
            strap = curves.points(
                (7.0, body.top + 0.8), (x, y - 0.2), (x, y + 2.2), (7.0, body.top + 3.2)
            )
            canvas.piece(strap * (side, 1.0), edge=0.5)
            canvas.dot((side * 8.2, body.top + 2.3), 0.6)
        elif kind == "yoke":
            canvas.line(
                curves.points((2.0, y + 8.5), (x - 1.0, y + 6.5)) * (side, 1.0), 0.6
            )


def _draw_closure(canvas: Canvas, body: torso.Torso, closure: str) -> None:
    top, bottom = body.top + 10.0, body.bottom + 0.3
    if closure == "zip":
        details.draw_zip(canvas, (0, top - 1), (0, bottom))
        return
    overlap = 5.5 if closure == "double_breasted" else 1.8
    canvas.line(
        curves.points((overlap * 0.6, top), (overlap, top + 5), (overlap, bottom)), 0.6
    )
    if closure == "buttons":
        details.draw_buttons(canvas, 0, top + 3, body.bottom - 8, 5, 1.3)
    elif closure == "double_breasted":
        for x in (-3.6, 3.6):
            details.draw_buttons(canvas, x, top + 7, body.bottom - 12, 3, 1.4)


def _draw_collar(canvas: Canvas, top: float, kind: str) -> None:
    if kind == "none":
        right = curves.points(
            (0.0, top + 10.0), (5.4, top), (6.8, top), (1.0, top + 12)
        )
    elif kind == "stand":
        right = curves.points(
            (0.4, top + 3.0),
            (0.8, top - 2.0),
            (5.0, top - 3.4),
            (6.6, top + 1.0),
            (1.0, top + 11.0),
            (0.2, top + 10.5),
        )
    elif kind == "pointed":
        right = curves.points(
            (0.0, top + 9.0),
            (5.0, top - 2.0),
            (8.6, top + 0.8),
            (9.6, top + 9.5),
            (0.4, top + 10.5),
        )
    else:
        right = curves.points(
            (0.0, top + 19.0),
            (5.0, top - 1.6),
            (8.8, top + 0.8),
            (10.6, top + 7.0),
            (7.6, top + 8.0),
            (9.6, top + 10.5),
        )
    for outline in (right, curves.flipped(right)):
        canvas.piece(outline, edge=0.6)


def _draw_pockets(canvas: Canvas, body: torso.Torso, design: Design) -> None:
    chest, low = body.top + 19.0, body.bottom - 12.0
    if design["length"] == "coat":
        low = body.bottom - 24.0
    where, _, kind = design["chest_pocket"].partition("_")
    for x in {"none": (), "left": (9.0,), "two": (9.0, -9.0)}[where]:
        if kind == "zip":
            details.draw_zip(canvas, (x + 5.0, chest - 2), (x - 4.5, chest - 2))
        else:
            details.draw_pocket(canvas, "flap", (x, chest), 8.4, 8.4)
    for side in (1.0, -1.0):
        x = side * 9.6
        if design["pocket"] == "welt":
            welt = curves.points(
                (x - side * 1.8, low - 4.5),
                (x, low - 4.5),
                (x + side * 2.6, low + 4.0),
                (x + side * 0.8, low + 4.0),
            )
            canvas.piece(welt, edge=0.55)
        elif design["pocket"] != "none":
            details.draw_pocket(canvas, design["pocket"], (x, low + 1), 10.0, 10.0)


GARMENT = Garment(_FIELDS, _draw, zoom=1.05)
