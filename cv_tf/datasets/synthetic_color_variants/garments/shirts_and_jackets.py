"""Shirts and blouses with a button front."""

from __future__ import annotations

import numpy as np

from cv_tf.datasets.synthetic_color_variants import curves
from cv_tf.datasets.synthetic_color_variants.canvas import Canvas
from cv_tf.datasets.synthetic_color_variants.design import Design, Field, Garment
from cv_tf.datasets.synthetic_color_variants.garments import details, pieces as torso

_LENGTH = {"cropped": 40.0, "regular": 51.0, "long": 63.0}

_FIELDS = {
    "fit": Field(("regular", "slim", "boxy")),
    "length": Field(("regular", "cropped", "long")),
    "collar": Field(("pointed", "band", "camp", "round")),
    "sleeve": Field(("long", "short", "elbow", "balloon")),
    "cuff": Field(("plain", "accent")),
    "placket": Field(("small", "large", "hidden", "half")),
    "pocket": Field(("none", "left_patch", "left_flap", "two_patch", "two_flap")),
    "hem": Field(("straight", "curved")),
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
    "yoke": Field(("none", "seam", "accent")),
}


def _draw(canvas: Canvas, design: Design) -> None:
    chest, length = torso.CHEST[design["fit"]], _LENGTH[design["length"]]
    drop = 3.6 if design["hem"] == "curved" else 0.4
    body = torso.Torso(50 - length / 2, length, chest, chest - 1.0, chest, "crew", drop)
    pattern = design["pattern"]
    torso.draw_back(canvas, body)
    cuff = "accent" if design["cuff"] == "accent" else "base"
    torso.draw_sleeves(canvas, body, design["sleeve"], "base", pattern, cuff)
    outline = body.body()
    if design["hem"] == "curved":
        outline = _curve_hem(outline, body)
    canvas.piece(outline, "base", pattern)
    if design["yoke"] != "none":
        _draw_yoke(canvas, body, design["yoke"])
    _draw_front(canvas, body, design["placket"])
    _draw_collar(canvas, body.top, design["collar"])
    if design["pocket"] != "none":
        count, kind = design["pocket"].split("_")
        for x in (7.5, -7.5) if count == "two" else (7.5,):
            details.draw_pocket(canvas, kind, (x, body.top + 18.0), 8.6, 9.6, pattern)


def _curve_hem(outline: np.ndarray, body: torso.Torso) -> np.ndarray:
    """Raises the hem at the side seams, as a shirt tail does."""
    raised = outline.copy()
    low = outline[:, 1] > body.bottom - 3
    share = (np.abs(outline[:, 0]) / body.hem) ** 2
    raised[low, 1] -= 4.0 * share[low]
    return raised


def _draw_yoke(canvas: Canvas, body: torso.Torso, kind: str) -> None:
    x, y = body.shoulder
    if kind == "seam":
        seam = curves.points((x - 1.2, y + 6.0), (0, y + 7.0), (-x + 1.2, y + 6.0))
        canvas.line(seam, 0.6)
        return
    right = curves.points(
        (0, body.top + 9.5), (5.4, body.top), (x, y), (x - 1.0, y + 6.0), (0, y + 7.0)
    )
    canvas.piece(curves.mirrored(right), "accent")


def _draw_front(canvas: Canvas, body: torso.Torso, placket: str) -> None:
    top = body.top + 4.0
    bottom = body.bottom + body.drop * 0.5
    if placket == "half":
        bottom = body.top + body.length * 0.48
    canvas.piece(curves.rectangle(-1.5, top, 1.5, bottom - 0.3), "base", edge=0.45)
    if placket != "hidden":
        count, radius = {"small": (7, 1.0), "large": (4, 1.6), "half": (3, 1.0)}[
            placket
        ]
        details.draw_buttons(canvas, 0, top + 2.5, bottom - 4.0, count, radius)


def _draw_collar(canvas: Canvas, top: float, kind: str) -> None:
    if kind == "band":
        right = curves.points(
            (0.0, top + 4.6), (0.0, top + 2.0), (5.0, top - 2.2), (5.8, top + 0.6)
        )
    elif kind == "camp":
        right = curves.points(
            (0.0, top + 9.0),
            (4.8, top - 1.2),
            (7.8, top + 1.0),
            (11.0, top + 7.0),
            (6.6, top + 7.4),
            (6.4, top + 10.5),
        )
    elif kind == "round":
        right = curves.points(
            (0.0, top + 4.0),
            (5.0, top - 1.6),
            (7.6, top + 0.6),
            curves.bezier((9.6, top + 3.0), (7.5, top + 10.0), (0.3, top + 5.0)),
        )
    else:
        right = curves.points(
            (0.0, top + 4.0),
            (5.0, top - 1.8),
            (7.4, top + 0.5),
            (7.6, top + 9.6),
            (0.2, top + 4.8),
        )
    for outline in (right, curves.flipped(right)):
        canvas.piece(outline, "base", edge=0.6)


GARMENT = Garment(_FIELDS, _draw, zoom=1.05)
