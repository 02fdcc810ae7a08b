"""Bags."""

from __future__ import annotations

import numpy as np

from cv_tf.datasets.synthetic_color_variants.canvas import Canvas
from cv_tf.datasets.synthetic_color_variants.curves import (
    bezier,
    densified,
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

# Half of a bag's width at the top and at the bottom, and its height.
_SHAPES = {
    "tote": (19.0, 17.0, 38.0),
    "satchel": (20.0, 20.0, 27.0),
    "trapeze": (15.0, 21.0, 31.0),
    "bucket": (16.0, 12.5, 36.0),
    "clutch": (22.0, 22.0, 20.0),
}
# Height of a handle, its width at the bag in shares of the bag's, and its thickness.
_HANDLES = {
    "two_long": (24.0, 0.5, 1.3),
    "two_short": (13.0, 0.55, 1.5),
    "top": (9.0, 0.3, 2.2),
    "strap": (29.0, 0.98, 1.1),
    "chain": (30.0, 0.95, 1.0),
}

_FIELDS = {
    "shape": Field(tuple(_SHAPES), 0.3),
    "corners": Field(("square", "round")),
    "handle": Field(tuple(_HANDLES)),
    "flap": Field(("none", "half", "full", "pointed")),
    "lock": Field(("none", "round", "bar", "buckle")),
    "face": Field(("plain", "pocket", "zip_pocket", "quilted", "ribs")),
    "panel": Field(("none", "base_band", "side_bands", "middle")),
    "tag": Field(("none", "tassel", "label")),
    "edge": Field(("plain", "stitched", "accent")),
}


def _draw(canvas: Canvas, design: Design) -> None:
    upper, lower, height = _SHAPES[design["shape"]]
    top = 58 - height / 2
    _draw_handle(canvas, top, upper, design["handle"])
    outline = _outline(design, top)
    canvas.piece(outline, edge=0.6)
    _draw_panel(canvas, top, height, upper, lower, design["panel"])
    _draw_face(canvas, top, height, min(upper, lower), design["face"])
    flap_end = _draw_flap(canvas, top, height, upper, design["flap"])
    if design["edge"] == "stitched":
        middle = (outline.min(axis=0) + outline.max(axis=0)) / 2
        half = (outline.max(axis=0) - outline.min(axis=0)) / 2
        inner = middle + (outline - middle) * (1 - 1.8 / half)
        canvas.stitches(points(inner, inner[:1]))
    elif design["edge"] == "accent":
        canvas.line(points(outline, outline[:1]), 1.0, "accent")
    _draw_lock(canvas, flap_end, design["lock"])
    _draw_tag(canvas, top, upper, design["tag"])


def _outline(design: Design, top: float) -> np.ndarray:
    upper, lower, height = _SHAPES[design["shape"]]
    bottom = top + height
    if design["corners"] == "square":
        right = points((0, top), (upper, top), (lower, bottom), (0, bottom))
    else:
        turn = min(9.0, height * 0.35)
        right = points(
            (0, top),
            bezier((upper - 4, top), (upper, top), (upper, top + 4), 6),
            bezier((lower, bottom - turn), (lower, bottom), (lower - turn, bottom)),
            (0, bottom),
        )
    return mirrored(right)


def _draw_handle(canvas: Canvas, top: float, half: float, kind: str) -> None:
    reach, spread, width = _HANDLES[kind]
    for offset in (1.6, 0.0) if kind.startswith("two") else (0.0,):
        x, peak, high = half * spread + offset, top - reach + offset, top - reach * 1.15
        path = points(
            bezier((-x, top + 1), (-x, high), (0, peak), 12),
            bezier((0, peak), (x, high), (x, top + 1), 12),
        )
        if kind == "chain":
            canvas.line(path, 0.7, "metal")
            for link in densified(path, closed=False, spacing=1.6)[::2]:
                canvas.dot(tuple(link), 0.85, "metal")
        else:
            canvas.line(path, width + 0.8)
            canvas.line(path, width, "rib")


def _draw_panel(
    canvas: Canvas, top: float, height: float, upper: float, lower: float, kind: str
) -> None:
    bottom = top + height
    if kind == "base_band":
        x, y = upper + (lower - upper) * 0.72, top + height * 0.72
        low, edge = bottom - 0.4, lower - 0.4
        band = points((-x, y), (x, y), (edge, low), (-edge, low))
        canvas.piece(band, "accent", edge=0.3)
    elif kind == "side_bands":
        band = points(
            (upper * 0.55, top),
            (upper * 0.72, top),
            (lower * 0.72, bottom),
            (lower * 0.55, bottom),
        )
        canvas.pieces(band, "accent", edge=0.3)
    elif kind == "middle":
        canvas.piece(rectangle(-4.0, top, 4.0, bottom), "accent", edge=0.3)


def _draw_face(
    canvas: Canvas, top: float, height: float, half: float, kind: str
) -> None:
    low, high = top + height - 3.0, top + height * 0.42
    if kind == "pocket":
        canvas.piece(rectangle(-half * 0.6, high, half * 0.6, low), edge=0.6)
    elif kind == "zip_pocket":
        pieces.draw_zip(canvas, (half * 0.6, high), (-half * 0.6, high))
    elif kind == "ribs":
        for x in np.linspace(-half * 0.8, half * 0.8, 9):
            canvas.line(points((x, top + 2), (x, low + 2)), 0.45)
    elif kind == "quilted":
        share = np.linspace(0, 1, 24)
        for x in np.arange(-half - height, half + height, 5.5):
            for slope in (1.0, -1.0):
                path = np.stack([x + slope * height * share, top + height * share], 1)
                inside = path[np.abs(path[:, 0]) < half * 0.92]
                if len(inside) > 1:
                    canvas.line(inside, 0.45)


def _draw_flap(
    canvas: Canvas, top: float, height: float, half: float, kind: str
) -> float:
    """Draws the flap of a bag and returns the `y` of the lock."""
    if kind == "none":
        canvas.line(points((-half * 0.95, top + 2.6), (half * 0.95, top + 2.6)))
        return top + 5.0
    reach = {"half": 0.36, "full": 0.68, "pointed": 0.55}[kind] * height
    end = top + reach
    if kind == "pointed":
        side = points((half, top + reach * 0.4))
    else:
        start = (half * 0.98, top + reach * 0.7)
        side = bezier(start, (half * 0.95, end), (half * 0.7, end))
    right = points((0, top - 0.4), (half + 0.4, top - 0.4), side, (0, end))
    canvas.piece(mirrored(right), edge=0.7)
    return end


def _draw_lock(canvas: Canvas, y: float, kind: str) -> None:
    if kind == "round":
        canvas.dot((0, y), 2.8, "metal")
    elif kind == "bar":
        canvas.piece(rectangle(-4.0, y - 1.0, 4.0, y + 1.0), "metal", edge=0.6)
    elif kind == "buckle":
        canvas.piece(rectangle(-1.5, y - 6.0, 1.5, y + 4.5), "rib", edge=0.5)
        canvas.piece(rectangle(-2.6, y - 1.6, 2.6, y + 1.8), "metal", edge=0.6)
        canvas.piece(rectangle(-1.4, y - 0.7, 1.4, y + 0.9), "rib", edge=0.2)


def _draw_tag(canvas: Canvas, top: float, half: float, kind: str) -> None:
    if kind == "tassel":
        place = (half * 0.62, top)
        canvas.line(points((0, 0), (0.4, 6)) + place, 0.6)
        tassel = points((-0.4, 6), (1.2, 6), (2.2, 14), (-1.4, 14)) + place
        canvas.piece(tassel, "accent", edge=0.5)
    elif kind == "label":
        for y in (-2.24, 0.0, 2.24):
            bar = rectangle(-3.52, y - 0.64, 3.52, y + 0.64)
            canvas.piece(bar + (-half * 0.55, top + 8.0), "accent", edge=0.0)


BAG = Garment(_FIELDS, _draw, zoom=1.06)
