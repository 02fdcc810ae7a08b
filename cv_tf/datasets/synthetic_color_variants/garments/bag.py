"""Bags."""

from __future__ import annotations

import numpy as np

from cv_tf.datasets.synthetic_color_variants import curves
from cv_tf.datasets.synthetic_color_variants.canvas import Canvas
from cv_tf.datasets.synthetic_color_variants.design import Design, Field, Garment
from cv_tf.datasets.synthetic_color_variants.garments import details

# Half width at the top and at the bottom, height of the body.
_SHAPES = {
    "tote": (19.0, 17.0, 38.0),
    "satchel": (20.0, 20.0, 27.0),
    "trapeze": (15.0, 21.0, 31.0),
    "bucket": (16.0, 12.5, 36.0),
    "clutch": (22.0, 22.0, 20.0),
}

_FIELDS = {
    "shape": Field(("tote", "satchel", "trapeze", "bucket", "clutch"), 0.3),
    "corners": Field(("square", "round")),
    "handle": Field(("two_long", "two_short", "top", "strap", "chain")),
    "flap": Field(("none", "half", "full", "pointed")),
    "lock": Field(("none", "round", "bar", "buckle")),
    "face": Field(("plain", "pocket", "zip_pocket", "quilted", "ribs")),
    "panel": Field(("none", "base_band", "side_bands", "middle")),
    "tag": Field(("none", "tassel", "label")),
    "edge": Field(("plain", "stitched", "accent")),
}


def _body(design: Design, top: float) -> np.ndarray:
    upper, lower, height = _SHAPES[design["shape"]]
    bottom = top + height
    if design["corners"] == "square":
        right = curves.points((0, top), (upper, top), (lower, bottom), (0, bottom))
    else:
        turn = min(9.0, height * 0.35)
        right = curves.points(
            (0, top),
            curves.bezier((upper - 4, top), (upper, top), (upper, top + 4), 6),
            curves.bezier(
                (lower, bottom - turn), (lower, bottom), (lower - turn, bottom)
            ),
            (0, bottom),
        )
    return curves.mirrored(right)


def _draw(canvas: Canvas, design: Design) -> None:
    upper, lower, height = _SHAPES[design["shape"]]
    top = 58 - height / 2
    _draw_handle(canvas, top, upper, design["handle"])
    outline = _body(design, top)
    canvas.piece(outline, edge=0.6)
    _draw_panel(canvas, top, height, upper, lower, design["panel"])
    _draw_face(canvas, top, height, min(upper, lower), design["face"])
    flap = _draw_flap(canvas, top, height, upper, design["flap"])
    if design["edge"] == "stitched":
        canvas.stitches(_inset(outline, 1.8))
    elif design["edge"] == "accent":
        canvas.line(curves.points(outline, outline[:1]), 1.0, "accent")
    _draw_lock(canvas, flap, design["lock"])
    _draw_tag(canvas, top, upper, design["tag"])


def _inset(outline: np.ndarray, width: float) -> np.ndarray:
    middle = (outline.min(axis=0) + outline.max(axis=0)) / 2
    half = (outline.max(axis=0) - outline.min(axis=0)) / 2
    inner = middle + (outline - middle) * (1 - width / half)
    return curves.points(inner, inner[:1])


def _draw_handle(canvas: Canvas, top: float, half: float, kind: str) -> None:
    reach, spread, width = {
        "two_long": (24.0, 0.5, 1.3),
        "two_short": (13.0, 0.55, 1.5),
        "top": (9.0, 0.3, 2.2),
        "strap": (29.0, 0.98, 1.1),
        "chain": (30.0, 0.95, 1.0),
    }[kind]
    for offset in (1.6, 0.0) if kind.startswith("two") else (0.0,):
        x = half * spread + offset
        control = (x, top - reach * 1.15)
        path = curves.points(
            curves.bezier(
                (-x, top + 1), (-control[0], control[1]), (0, top - reach + offset), 12
            ),
            curves.bezier((0, top - reach + offset), control, (x, top + 1), 12),
        )
        if kind == "chain":
            canvas.line(path, 0.7, "metal")
            for center in curves.densified(path, closed=False, spacing=1.6)[::2]:
                canvas.dot(tuple(center), 0.85, "metal")
        else:
            canvas.line(path, width + 0.8)
            canvas.line(path, width, "rib")


def _draw_panel(canvas, top, height, upper, lower, kind: str) -> None:
    bottom = top + height
    if kind == "base_band":
        share = 0.72
        x = upper + (lower - upper) * share
        canvas.piece(
            curves.points(
                (-x, top + height * share),
                (x, top + height * share),
                (lower - 0.4, bottom - 0.4),
                (-lower + 0.4, bottom - 0.4),
            ),
            "accent",
            edge=0.3,
        )
    elif kind == "side_bands":
        for side in (1.0, -1.0):
            band = curves.points(
                (upper * 0.55, top),
                (upper * 0.72, top),
                (lower * 0.72, bottom),
                (lower * 0.55, bottom),
            )
            canvas.piece(band * (side, 1.0), "accent", edge=0.3)
    elif kind == "middle":
        band = curves.points((-4.0, top), (4.0, top), (4.0, bottom), (-4.0, bottom))
        canvas.piece(band, "accent", edge=0.3)


def _draw_face(canvas: Canvas, top: float, height: float, half: float, kind: str):
    low, high = top + height - 3.0, top + height * 0.42
    if kind == "pocket":
        canvas.piece(curves.rectangle(-half * 0.6, high, half * 0.6, low), edge=0.6)
    elif kind == "zip_pocket":
        details.draw_zip(canvas, (half * 0.6, high), (-half * 0.6, high))
    elif kind == "ribs":
        for x in np.linspace(-half * 0.8, half * 0.8, 9):
            canvas.line(curves.points((x, top + 2), (x, low + 2)), 0.45)
    elif kind == "quilted":
        share = np.linspace(0, 1, 24)
        for x in np.arange(-half - height, half + height, 5.5):
            for slope in (1.0, -1.0):
                path = np.stack([x + slope * height * share, top + height * share], 1)
                inside = path[np.abs(path[:, 0]) < half * 0.92]
                if len(inside) > 1:
                    canvas.line(inside, 0.45)


def _draw_flap(canvas: Canvas, top: float, height: float, half: float, kind: str):
    """Draws the flap and returns how far down the lock sits."""
    if kind == "none":
        canvas.line(curves.points((-half * 0.95, top + 2.6), (half * 0.95, top + 2.6)))
        return top + 5.0
    reach = {"half": 0.36, "full": 0.68, "pointed": 0.55}[kind] * height
    right = curves.points((0, top - 0.4), (half + 0.4, top - 0.4))
    if kind == "pointed":
        right = curves.points(right, (half, top + reach * 0.4), (0, top + reach))
    else:
        right = curves.points(
            right,
            curves.bezier(
                (half * 0.98, top + reach * 0.7),
                (half * 0.95, top + reach),
                (half * 0.7, top + reach),
            ),
            (0, top + reach),
        )
    canvas.piece(curves.mirrored(right), edge=0.7)
    return top + reach


def _draw_lock(canvas: Canvas, y: float, kind: str) -> None:
    if kind == "round":
        canvas.dot((0, y), 2.8, "metal")
    elif kind == "bar":
        canvas.piece(curves.rectangle(-4.0, y - 1.0, 4.0, y + 1.0), "metal", edge=0.6)
    elif kind == "buckle":
        canvas.piece(curves.rectangle(-1.5, y - 6.0, 1.5, y + 4.5), "rib", edge=0.5)
        canvas.piece(curves.rectangle(-2.6, y - 1.6, 2.6, y + 1.8), "metal", edge=0.6)
        canvas.piece(curves.rectangle(-1.4, y - 0.7, 1.4, y + 0.9), "rib", edge=0.2)


def _draw_tag(canvas: Canvas, top: float, half: float, kind: str) -> None:
    if kind == "tassel":
        x = half * 0.62
        canvas.line(curves.points((x, top), (x + 0.4, top + 6)), 0.6)
        tassel = curves.points(
            (x - 0.4, top + 6),
            (x + 1.2, top + 6),
            (x + 2.2, top + 14),
            (x - 1.4, top + 14),
        )
        canvas.piece(tassel, "accent", edge=0.5)
    elif kind == "label":
        details.draw_logo(canvas, "bars", (-half * 0.55, top + 8.0), 3.2)


GARMENT = Garment(_FIELDS, _draw, zoom=1.06)
