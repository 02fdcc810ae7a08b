"""Skirts."""

from __future__ import annotations

import numpy as np

from cv_tf.datasets.synthetic_color_variants import curves
from cv_tf.datasets.synthetic_color_variants.canvas import Canvas
from cv_tf.datasets.synthetic_color_variants.design import Design, Field, Garment
from cv_tf.datasets.synthetic_color_variants.garments import details

_LENGTH = {"mini": 36.0, "knee": 50.0, "midi": 62.0, "maxi": 76.0}
_FLARE = {"pencil": 3.5, "a_line": 9.0, "full": 15.0}
_WAIST = 11.5

_FIELDS = {
    "length": Field(("knee", "mini", "midi", "maxi")),
    "flare": Field(("a_line", "pencil", "full")),
    "waistband": Field(("narrow", "wide", "elastic", "accent", "tie")),
    "closure": Field(("none", "buttons", "wrap", "zip")),
    "folds": Field(("none", "few", "many")),
    "pocket": Field(("none", "slant", "patch", "flap")),
    "hem": Field(("plain", "ruffle", "band", "two_bands", "slit")),
    "pattern": Field(
        (
            "plain",
            "stripes_medium",
            "stripes_wide",
            "pinstripes_wide",
            "checks_small",
            "checks_large",
            "dots_small",
            "dots_large",
        ),
        0.75,
    ),
}


def _draw(canvas: Canvas, design: Design) -> None:
    length = _LENGTH[design["length"]]
    top = 50 - length / 2
    bottom = top + length
    hem = _WAIST + _FLARE[design["flare"]] * (0.55 + length / 110.0)
    hip = (_WAIST + 3.0 + _FLARE[design["flare"]] * 0.18, top + 15.0)
    right = curves.points(
        (0, top + 0.6),
        (_WAIST, top),
        curves.bezier((_WAIST + 0.2, top + 3.0), (hip[0], top + 8), hip, 6),
        (hem, bottom),
        (hem * 0.5, bottom + 1.4),
        (0, bottom + 1.8),
    )
    canvas.piece(curves.mirrored(right), "base", design["pattern"])
    _draw_folds(canvas, top, bottom, hem, design["folds"])
    _draw_hem(canvas, top, bottom, hem, design["hem"])
    _draw_closure(canvas, top, bottom, hem, design["closure"])
    if design["pocket"] == "slant":
        details.draw_slant_pockets(canvas, top + 3.5, _WAIST + 2.4, 9.0)
    elif design["pocket"] != "none":
        for x in (7.6, -7.6):
            details.draw_pocket(
                canvas, design["pocket"], (x, top + 14.0), 8.6, 9.6, design["pattern"]
            )
    _draw_waistband(canvas, top, design["waistband"])


def _draw_folds(canvas: Canvas, top: float, bottom: float, hem: float, folds: str):
    count = {"none": 0, "few": 5, "many": 13}[folds]
    for share in np.linspace(-0.84, 0.84, count) if count else ():
        path = curves.points((share * _WAIST, top + 4), (share * hem, bottom + 1.0))
        canvas.line(path, 0.5)


def _draw_hem(canvas: Canvas, top: float, bottom: float, hem: float, kind: str):
    slope = (hem - _WAIST - 3) / (bottom - top)
    if kind == "slit":
        slit = curves.points(
            (hem * 0.45, bottom + 1.2), (4.4, bottom - 14.0), (hem * 0.2, bottom + 1.6)
        )
        canvas.piece(slit, "lining", edge=0.4)
    elif kind == "ruffle":
        right = curves.points(
            (0, bottom - 7),
            (hem - 7 * slope, bottom - 8.4),
            (hem + 2.0, bottom + 0.4),
            (0, bottom + 2.4),
        )
        canvas.piece(curves.mirrored(right), edge=0.5)
        for x in np.linspace(-hem * 0.85, hem * 0.85, 11):
            canvas.line(curves.points((x, bottom - 7), (x * 1.1, bottom + 1)), 0.35)
    elif kind in ("band", "two_bands"):
        for offset in (0.0, 6.5) if kind == "two_bands" else (0.0,):
            low, high = bottom - 2 - offset, bottom - 5 - offset
            right = curves.points(
                (0, high + 1.6),
                (hem - slope * (5 + offset), high),
                (hem - slope * (2 + offset), low),
                (0, low + 1.6),
            )
            canvas.piece(curves.mirrored(right), "accent", edge=0.2)


def _draw_closure(canvas: Canvas, top: float, bottom: float, hem: float, kind: str):
    if kind == "buttons":
        canvas.line(curves.points((1.5, top + 3), (1.5, bottom + 1.4)), 0.4)
        details.draw_buttons(canvas, 0, top + 6, bottom - 4, 7, 1.2)
    elif kind == "wrap":
        canvas.line(
            curves.bezier(
                (-_WAIST * 0.7, top + 3),
                (hem * 0.4, bottom - 20),
                (hem * 0.45, bottom + 1.2),
            ),
            0.7,
        )
    elif kind == "zip":
        details.draw_zip(canvas, (0, top + 5), (0, top + 18))


def _draw_waistband(canvas: Canvas, top: float, kind: str) -> None:
    height = {"narrow": 2.2, "wide": 7.0}.get(kind, 3.8)
    fill = {"accent": "accent", "elastic": "rib"}.get(kind, "base")
    band = curves.points(
        (-_WAIST, top),
        (_WAIST, top),
        (_WAIST + 0.5, top + height),
        (0, top + height + 0.6),
        (-_WAIST - 0.5, top + height),
    )
    canvas.piece(band, fill, edge=0.6)
    if kind == "elastic":
        for x in np.arange(-_WAIST + 1.2, _WAIST, 1.2):
            canvas.line(curves.points((x, top + 0.3), (x, top + height)), 0.3)
    elif kind == "tie":
        for side in (1.0, -1.0):
            tail = curves.points(
                (0, top + 2.0), (side * 4.2, top + 11.0), (side * 2.2, top + 12.0)
            )
            canvas.piece(tail, edge=0.5)
        canvas.dot((0, top + 2.2), 1.2, "base")


GARMENT = Garment(_FIELDS, _draw, zoom=1.15)
