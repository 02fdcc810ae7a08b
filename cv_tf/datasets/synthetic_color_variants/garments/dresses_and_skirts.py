"""Dresses."""

from __future__ import annotations

import numpy as np

from cv_tf.datasets.synthetic_color_variants import curves
from cv_tf.datasets.synthetic_color_variants.canvas import Canvas
from cv_tf.datasets.synthetic_color_variants.design import Design, Field, Garment
from cv_tf.datasets.synthetic_color_variants.garments import details, pieces as torso

_LENGTH = {"mini": 54.0, "knee": 66.0, "maxi": 80.0}
_FLARE = {"straight": 1.0, "a_line": 5.0, "full": 11.0}

_FIELDS = {
    "length": Field(("knee", "mini", "maxi")),
    "flare": Field(("straight", "a_line", "full")),
    "neck": Field(("crew", "v", "scoop", "square", "boat")),
    "sleeve": Field(("none", "cap", "short", "long", "balloon")),
    "waist": Field(("none", "seam", "belt", "empire", "accent_belt")),
    "hem": Field(("plain", "ruffle", "band", "slit")),
    "front": Field(("none", "buttons", "short_buttons", "princess_seams")),
    "pattern": Field(
        (
            "plain",
            "stripes_medium",
            "stripes_wide",
            "dots_small",
            "dots_large",
            "checks_small",
            "checks_large",
            "diamonds",
        ),
        0.75,
    ),
    "pocket": Field(("none", "slant", "patch")),
}


def _draw(canvas: Canvas, design: Design) -> None:
    length = _LENGTH[design["length"]]
    waist = 10.5 if design["waist"] != "none" else 12.0
    hem = waist + 2.0 + _FLARE[design["flare"]] * length / 66.0
    body = torso.Torso(51 - length / 2, length, 13.0, waist, hem, design["neck"], 1.6)
    pattern, bare = design["pattern"], design["sleeve"] == "none"
    torso.draw_back(canvas, body)
    if not bare:
        torso.draw_sleeves(canvas, body, design["sleeve"], "base", pattern)
    canvas.piece(body.body(sleeveless=bare), "base", pattern)
    torso.draw_neck_band(canvas, body, "base", 0.9)
    _draw_front(canvas, body, design["front"])
    _draw_waist(canvas, body, design["waist"])
    _draw_hem(canvas, body, design["hem"])
    _draw_pocket(canvas, body, design["pocket"], pattern)


def _draw_front(canvas: Canvas, body: torso.Torso, front: str) -> None:
    top = body.top + torso.NECKS[body.neck][1] + 1.5
    if front == "princess_seams":
        for side in (1.0, -1.0):
            path = curves.points(
                (body.chest - 3.0, body.top + 12),
                (5.5, body.top + 28),
                (body.hem * 0.5, body.bottom),
            )
            canvas.line(path * (side, 1.0), 0.5)
    elif front != "none":
        end = body.bottom - 5.0 if front == "buttons" else body.top + 25.0
        canvas.line(curves.points((1.4, top), (1.4, end + 2)), 0.4)
        details.draw_buttons(
            canvas, 0, top + 1.5, end, 9 if front == "buttons" else 4, 1.05
        )


def _draw_waist(canvas: Canvas, body: torso.Torso, kind: str) -> None:
    if kind == "none":
        return
    y = body.top + (21.0 if kind == "empire" else 29.0)
    width = body.waist + (1.2 if kind == "empire" else 0.1)
    if kind in ("seam", "empire"):
        canvas.line(curves.bezier((-width, y), (0, y + 1.0), (width, y)), 0.6)
        for x in np.linspace(-width * 0.7, width * 0.7, 6):
            canvas.line(curves.points((x, y + 0.6), (x * 1.1, y + 4.0)), 0.3)
        return
    fill = "accent" if kind == "accent_belt" else "rib"
    canvas.piece(curves.rectangle(-width, y, width, y + 2.8), fill, edge=0.5)
    tail = curves.points((1.0, y + 1.5), (3.4, y + 12.0), (1.4, y + 12.5), (0, y + 2))
    canvas.piece(tail, fill, edge=0.4)


def _draw_hem(canvas: Canvas, body: torso.Torso, kind: str) -> None:
    bottom, width = body.bottom, body.hem
    if kind == "slit":
        slit = curves.points(
            (6.0, bottom + 1.4), (5.2, bottom - 15.0), (3.6, bottom + 1.6)
        )
        canvas.piece(slit, "lining", edge=0.4)
    elif kind == "band":
        right = curves.points(
            (0, bottom - 4.4),
            (width - 0.6, bottom - 6.0),
            (width, bottom),
            (0, bottom + body.drop),
        )
        canvas.piece(curves.mirrored(right), "accent", edge=0.3)
    elif kind == "ruffle":
        right = curves.points(
            (0, bottom - 6.0),
            (width - 0.8, bottom - 8.0),
            (width + 2.2, bottom + 0.4),
            (0, bottom + 2.4),
        )
        canvas.piece(curves.mirrored(right), edge=0.5)
        for x in np.linspace(-width * 0.85, width * 0.85, 9):
            canvas.line(curves.points((x, bottom - 6.5), (x * 1.12, bottom + 1)), 0.35)


def _draw_pocket(canvas: Canvas, body: torso.Torso, kind: str, pattern: str):
    y = body.top + 36.0
    if kind == "patch":
        for x in (6.8, -6.8):
            details.draw_pocket(canvas, "patch", (x, y + 3.0), 8.0, 9.0, pattern)
    elif kind == "slant":
        details.draw_slant_pockets(canvas, y - 3.5, body.waist + 1.2, 9.0)


GARMENT = Garment(_FIELDS, _draw)
