"""Dresses and skirts."""

from __future__ import annotations

import numpy as np

from cv_tf.datasets.synthetic_color_variants.canvas import Canvas
from cv_tf.datasets.synthetic_color_variants.curves import (
    bezier,
    mirrored,
    points,
    rectangle,
)
from cv_tf.datasets.synthetic_color_variants.garments import (
    Design,
    Field,
    Garment,
    pieces,
)

_DRESS_LENGTH = {"mini": 54.0, "knee": 66.0, "maxi": 80.0}
_DRESS_FLARE = {"straight": 1.0, "a_line": 5.0, "full": 11.0}

_SKIRT_LENGTH = {"mini": 36.0, "knee": 50.0, "midi": 62.0, "maxi": 76.0}
_SKIRT_FLARE = {"pencil": 3.5, "a_line": 9.0, "full": 15.0}
_SKIRT_WAIST = 11.5  # Half of the width.

_STRIPES = ("stripes_medium", "stripes_wide")
_DOTS = ("dots_small", "dots_large")

_DRESS_FIELDS = {
    "length": Field(("knee", "mini", "maxi")),
    "flare": Field(("straight", "a_line", "full")),
    "neck": Field(("crew", "v", "scoop", "square", "boat")),
    "sleeve": Field(("none", "cap", "short", "long", "balloon")),
    "waist": Field(("none", "seam", "belt", "empire", "accent_belt")),
    "hem": Field(("plain", "ruffle", "band", "slit")),
    "front": Field(("none", "buttons", "short_buttons", "princess_seams")),
    "pattern": Field(("plain", *_STRIPES, *_DOTS, *pieces.CHECKS, "diamonds"), 0.75),
    "pocket": Field(("none", "slant", "patch")),
}

_SKIRT_FIELDS = {
    "length": Field(("knee", "mini", "midi", "maxi")),
    "flare": Field(("a_line", "pencil", "full")),
    "waistband": Field(("narrow", "wide", "elastic", "accent", "tie")),
    "closure": Field(("none", "buttons", "wrap", "zip")),
    "folds": Field(("none", "few", "many")),
    "pocket": Field(("none", "slant", "patch", "flap")),
    "hem": Field(("plain", "ruffle", "band", "two_bands", "slit")),
    "pattern": Field(
        ("plain", *_STRIPES, "pinstripes_wide", *pieces.CHECKS, *_DOTS), 0.75
    ),
}


def _draw_dress(canvas: Canvas, design: Design) -> None:
    length = _DRESS_LENGTH[design["length"]]
    waist = 10.5 if design["waist"] != "none" else 12.0
    hem = waist + 2.0 + _DRESS_FLARE[design["flare"]] * length / 66.0
    body = pieces.Torso(51 - length / 2, length, 13.0, waist, hem, design["neck"], 1.6)
    pattern, bare = design["pattern"], design["sleeve"] == "none"
    pieces.draw_back(canvas, body)
    if not bare:
        pieces.draw_sleeves(canvas, body, design["sleeve"], "base", pattern)
    canvas.piece(body.body(sleeveless=bare), "base", pattern)
    pieces.draw_neck_band(canvas, body, "base", 0.9)
    _draw_dress_front(canvas, body, design["front"])
    _draw_dress_waist(canvas, body, design["waist"])
    _draw_dress_hem(canvas, body, design["hem"])
    y = body.top + 36.0
    if design["pocket"] == "patch":
        for x in (6.8, -6.8):
            pieces.draw_pocket(canvas, "patch", (x, y + 3.0), 8.0, 9.0, pattern)
    elif design["pocket"] == "slant":
        pieces.draw_slant_pockets(canvas, y - 3.5, body.waist + 1.2, 9.0)


def _draw_dress_front(canvas: Canvas, body: pieces.Torso, front: str) -> None:
    top = body.top + pieces.NECKS[body.neck][1] + 1.5
    if front == "princess_seams":
        upper = points((body.chest - 3.0, 12), (5.5, 28)) + (0, body.top)
        canvas.lines(points(upper, (body.hem * 0.5, body.bottom)), 0.5)
    elif front != "none":
        end = body.bottom - 5.0 if front == "buttons" else body.top + 25.0
        canvas.line(points((1.4, top), (1.4, end + 2)), 0.4)
        count = 9 if front == "buttons" else 4
        pieces.draw_buttons(canvas, 0, top + 1.5, end, count, 1.05)


def _draw_dress_waist(canvas: Canvas, body: pieces.Torso, kind: str) -> None:
    if kind == "none":
        return
    y = body.top + (21.0 if kind == "empire" else 29.0)
    width = body.waist + (1.2 if kind == "empire" else 0.1)
    if kind in ("seam", "empire"):
        canvas.line(bezier((-width, y), (0, y + 1.0), (width, y)), 0.6)
        for x in np.linspace(-width * 0.7, width * 0.7, 6):
            canvas.line(points((x, y + 0.6), (x * 1.1, y + 4.0)), 0.3)
        return
    fill = "accent" if kind == "accent_belt" else "rib"
    canvas.piece(rectangle(-width, y, width, y + 2.8), fill, edge=0.5)
    tail = points((1.0, 1.5), (3.4, 12.0), (1.4, 12.5), (0, 2)) + (0, y)
    canvas.piece(tail, fill, edge=0.4)


def _draw_dress_hem(canvas: Canvas, body: pieces.Torso, kind: str) -> None:
    width, hem = body.hem, (0, body.bottom)
    if kind == "slit":
        slit = points((6.0, 1.4), (5.2, -15.0), (3.6, 1.6)) + hem
        canvas.piece(slit, "lining", edge=0.4)
    elif kind == "band":
        right = points((0, -4.4), (width - 0.6, -6.0), (width, 0), (0, body.drop)) + hem
        canvas.piece(mirrored(right), "accent", edge=0.3)
    elif kind == "ruffle":
        right = points((0, -6.0), (width - 0.8, -8.0), (width + 2.2, 0.4), (0, 2.4))
        canvas.piece(mirrored(right + hem), edge=0.5)
        for x in np.linspace(-width * 0.85, width * 0.85, 9):
            canvas.line(points((x, -6.5), (x * 1.12, 1)) + hem, 0.35)


def _draw_skirt(canvas: Canvas, design: Design) -> None:
    length, flare = _SKIRT_LENGTH[design["length"]], _SKIRT_FLARE[design["flare"]]
    top = 50 - length / 2
    bottom = top + length
    hem = _SKIRT_WAIST + flare * (0.55 + length / 110.0)
    hip = (_SKIRT_WAIST + 3.0 + flare * 0.18, top + 15.0)
    right = points(
        (0, top + 0.6),
        (_SKIRT_WAIST, top),
        bezier((_SKIRT_WAIST + 0.2, top + 3.0), (hip[0], top + 8), hip, 6),
        (hem, bottom),
        (hem * 0.5, bottom + 1.4),
        (0, bottom + 1.8),
    )
    pattern, pocket = design["pattern"], design["pocket"]
    canvas.piece(mirrored(right), "base", pattern)
    num_folds = {"none": 0, "few": 5, "many": 13}[design["folds"]]
    for share in np.linspace(-0.84, 0.84, num_folds):
        fold = points((share * _SKIRT_WAIST, top + 4), (share * hem, bottom + 1.0))
        canvas.line(fold, 0.5)
    _draw_skirt_hem(canvas, top, bottom, hem, design["hem"])
    _draw_closure(canvas, top, bottom, hem, design["closure"])
    if pocket == "slant":
        pieces.draw_slant_pockets(canvas, top + 3.5, _SKIRT_WAIST + 2.4, 9.0)
    elif pocket != "none":
        for x in (7.6, -7.6):
            pieces.draw_pocket(canvas, pocket, (x, top + 14.0), 8.6, 9.6, pattern)
    _draw_waistband(canvas, top, design["waistband"])


def _draw_skirt_hem(
    canvas: Canvas, top: float, bottom: float, hem: float, kind: str
) -> None:
    slope = (hem - _SKIRT_WAIST - 3) / (bottom - top)
    if kind == "slit":
        slit = points((hem * 0.45, 1.2), (4.4, -14.0), (hem * 0.2, 1.6)) + (0, bottom)
        canvas.piece(slit, "lining", edge=0.4)
    elif kind == "ruffle":
        right = points((0, -7), (hem - 7 * slope, -8.4), (hem + 2.0, 0.4), (0, 2.4))
        canvas.piece(mirrored(right + (0, bottom)), edge=0.5)
        for x in np.linspace(-hem * 0.85, hem * 0.85, 11):
            canvas.line(points((x, bottom - 7), (x * 1.1, bottom + 1)), 0.35)
    elif kind in ("band", "two_bands"):
        for offset in (0.0, 6.5) if kind == "two_bands" else (0.0,):
            low, high = bottom - 2 - offset, bottom - 5 - offset
            right = points(
                (0, high + 1.6),
                (hem - slope * (5 + offset), high),
                (hem - slope * (2 + offset), low),
                (0, low + 1.6),
            )
            canvas.piece(mirrored(right), "accent", edge=0.2)


def _draw_closure(
    canvas: Canvas, top: float, bottom: float, hem: float, kind: str
) -> None:
    if kind == "buttons":
        canvas.line(points((1.5, top + 3), (1.5, bottom + 1.4)), 0.4)
        pieces.draw_buttons(canvas, 0, top + 6, bottom - 4, 7, 1.2)
    elif kind == "wrap":
        start, end = (-_SKIRT_WAIST * 0.7, top + 3), (hem * 0.45, bottom + 1.2)
        canvas.line(bezier(start, (hem * 0.4, bottom - 20), end), 0.7)
    elif kind == "zip":
        pieces.draw_zip(canvas, (0, top + 5), (0, top + 18))


def _draw_waistband(canvas: Canvas, top: float, kind: str) -> None:
    height = {"narrow": 2.2, "wide": 7.0}.get(kind, 3.8)
    fill = {"accent": "accent", "elastic": "rib"}.get(kind, "base")
    pieces.draw_waistband(canvas, top, _SKIRT_WAIST, height, fill, flare=0.5)
    if kind == "elastic":
        for x in np.arange(-_SKIRT_WAIST + 1.2, _SKIRT_WAIST, 1.2):
            canvas.line(points((x, top + 0.3), (x, top + height)), 0.3)
    elif kind == "tie":
        canvas.pieces(points((0, 2), (4.2, 11), (2.2, 12)) + (0, top), edge=0.5)
        canvas.dot((0, top + 2.2), 1.2, "base")


DRESS = Garment(_DRESS_FIELDS, _draw_dress)
SKIRT = Garment(_SKIRT_FIELDS, _draw_skirt, zoom=1.15)
