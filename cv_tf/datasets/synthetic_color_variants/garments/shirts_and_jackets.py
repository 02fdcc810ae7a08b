"""Shirts, jackets and coats: garments that open at the front."""

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

_LENGTH = {"cropped": 40.0, "regular": 51.0, "hip": 50.0, "long": 63.0, "coat": 66.0}

_SHIRT_FIELDS = {
    "fit": pieces.FIT,
    "length": Field(("regular", "cropped", "long")),
    "collar": Field(("pointed", "band", "camp", "round")),
    "sleeve": Field(("long", "short", "elbow", "balloon")),
    "cuff": Field(("plain", "accent")),
    "placket": Field(("small", "large", "hidden", "half")),
    "pocket": Field(("none", "left_patch", "left_flap", "two_patch", "two_flap")),
    "hem": Field(("straight", "curved")),
    "pattern": pieces.WOVEN_PATTERN,
    "yoke": Field(("none", "seam", "accent")),
}

_JACKET_FIELDS = {
    "fit": pieces.FIT,
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

# Right half of each collar, relative to the neck.
_SHIRT_COLLARS = {
    "band": points((0.0, 4.6), (0.0, 2.0), (5.0, -2.2), (5.8, 0.6)),
    "camp": points(
        (0.0, 9.0), (4.8, -1.2), (7.8, 1.0), (11.0, 7.0), (6.6, 7.4), (6.4, 10.5)
    ),
    "round": points(
        (0.0, 4.0), (5.0, -1.6), (7.6, 0.6), bezier((9.6, 3.0), (7.5, 10.0), (0.3, 5.0))
    ),
    "pointed": points((0.0, 4.0), (5.0, -1.8), (7.4, 0.5), (7.6, 9.6), (0.2, 4.8)),
}
_JACKET_COLLARS = {
    "none": points((0.0, 10.0), (5.4, 0.0), (6.8, 0.0), (1.0, 12)),
    "stand": points(
        (0.4, 3.0), (0.8, -2.0), (5.0, -3.4), (6.6, 1.0), (1.0, 11.0), (0.2, 10.5)
    ),
    "pointed": points((0.0, 9.0), (5.0, -2.0), (8.6, 0.8), (9.6, 9.5), (0.4, 10.5)),
    "lapel": points(
        (0.0, 19.0), (5.0, -1.6), (8.8, 0.8), (10.6, 7.0), (7.6, 8.0), (9.6, 10.5)
    ),
}


def _draw_shirt(canvas: Canvas, design: Design) -> None:
    chest, length = pieces.CHEST[design["fit"]], _LENGTH[design["length"]]
    drop = 3.6 if design["hem"] == "curved" else 0.4
    top, waist = 50 - length / 2, chest - 1.0
    body = pieces.Torso(top, length, chest, waist, chest, "crew", drop)
    pattern = design["pattern"]
    pieces.draw_back(canvas, body)
    cuff = "accent" if design["cuff"] == "accent" else "base"
    pieces.draw_sleeves(canvas, body, design["sleeve"], "base", pattern, cuff)
    outline = body.body()
    if design["hem"] == "curved":
        outline = _curve_hem(outline, body)
    canvas.piece(outline, "base", pattern)
    if design["yoke"] != "none":
        _draw_yoke(canvas, body, design["yoke"])
    _draw_placket(canvas, body, design["placket"])
    canvas.pieces(_SHIRT_COLLARS[design["collar"]] + (0, body.top), edge=0.6)
    if design["pocket"] != "none":
        count, kind = design["pocket"].split("_")
        for x in (7.5, -7.5) if count == "two" else (7.5,):
            pieces.draw_pocket(canvas, kind, (x, body.top + 18.0), 8.6, 9.6, pattern)


def _curve_hem(outline: np.ndarray, body: pieces.Torso) -> np.ndarray:
    """Raises the hem at the side seams, as of a shirt tail."""
    raised = outline.copy()
    low = outline[:, 1] > body.bottom - 3
    share = (np.abs(outline[:, 0]) / body.hem) ** 2
    raised[low, 1] -= 4.0 * share[low]
    return raised


def _draw_yoke(canvas: Canvas, body: pieces.Torso, kind: str) -> None:
    x, y = body.shoulder
    if kind == "seam":
        seam = points((x - 1.2, y + 6.0), (0, y + 7.0), (-x + 1.2, y + 6.0))
        canvas.line(seam, 0.6)
        return
    neck = points((0, body.top + 9.5), (5.4, body.top))
    right = points(neck, (x, y), (x - 1.0, y + 6.0), (0, y + 7.0))
    canvas.piece(mirrored(right), "accent")


def _draw_placket(canvas: Canvas, body: pieces.Torso, placket: str) -> None:
    top = body.top + 4.0
    bottom = body.bottom + body.drop * 0.5
    if placket == "half":
        bottom = body.top + body.length * 0.48
    canvas.piece(rectangle(-1.5, top, 1.5, bottom - 0.3))
    if placket != "hidden":
        buttons = {"small": (7, 1.0), "large": (4, 1.6), "half": (3, 1.0)}
        pieces.draw_buttons(canvas, 0, top + 2.5, bottom - 4.0, *buttons[placket])


def _draw_jacket(canvas: Canvas, design: Design) -> None:
    chest, length = pieces.CHEST[design["fit"]] + 1.5, _LENGTH[design["length"]]
    waist = chest - (2.2 if design["belt"] != "none" else 0.6)
    body = pieces.Torso(51 - length / 2, length, chest, waist, chest + 0.4, "v", 0.5)
    pieces.draw_back(canvas, body)
    cuff = "rib" if design["hem"] == "rib" else None
    pieces.draw_sleeves(canvas, body, "long", design["sleeves"], cuff=cuff)
    canvas.piece(body.body(), edge=0.55)
    _draw_quilting(canvas, body, design["quilting"])
    if design["hem"] == "rib":
        pieces.draw_hem_band(canvas, body, "rib", 4.5)
        pieces.draw_ribs(canvas, body.hem, body.bottom - 4, body.bottom)
    _draw_shoulder(canvas, body, design["shoulder"])
    _draw_closure(canvas, body, design["closure"])
    canvas.pieces(_JACKET_COLLARS[design["collar"]] + (0, body.top), edge=0.6)
    _draw_chest_pockets(canvas, body.top + 19.0, design["chest_pocket"])
    low = body.bottom - (24.0 if design["length"] == "coat" else 12.0)
    _draw_side_pockets(canvas, low, design["pocket"])
    if design["belt"] != "none":
        y = body.top + 30.0 if length > 45 else body.bottom - 7.0
        fill = "accent" if design["belt"] == "accent" else "rib"
        band = rectangle(-waist - 0.2, y, waist + 0.2, y + 3.0)
        canvas.piece(band, fill, edge=0.5)
        canvas.piece(rectangle(-2.2, y - 0.6, 2.2, y + 3.6), "metal", edge=0.3)


def _draw_quilting(canvas: Canvas, body: pieces.Torso, quilting: str) -> None:
    top, width = body.top + 8.0, body.chest - 0.8
    if quilting in ("wide", "narrow"):
        spacing = 7.5 if quilting == "wide" else 3.8
        for y in np.arange(top + 3.0, body.bottom - 2, spacing):
            canvas.line(bezier((-width, y), (0, y + 1.0), (width, y)), 0.5)
    elif quilting == "diamonds":
        height = body.bottom - 2 - (top + 4)
        share = np.linspace(0, 1, 30)
        for x in np.arange(-width * 2, width * 2, 6.0):
            for slope in (1.0, -1.0):
                x_end = x + slope * height * 0.6
                path = np.stack([x + (x_end - x) * share, top + 4 + height * share], 1)
                inside = path[np.abs(path[:, 0]) < width]
                if len(inside) > 1:
                    canvas.line(inside, 0.4)


def _draw_shoulder(canvas: Canvas, body: pieces.Torso, kind: str) -> None:
    x, y = body.shoulder
    if kind == "straps":
        start, end = points((7.0, 0.8), (7.0, 3.2)) + (0, body.top)
        canvas.pieces(points(start, (x, y - 0.2), (x, y + 2.2), end), edge=0.5)
        for side in (8.2, -8.2):
            canvas.dot((side, body.top + 2.3), 0.6)
    elif kind == "yoke":
        canvas.lines(points((2.0, y + 8.5), (x - 1.0, y + 6.5)), 0.6)


def _draw_closure(canvas: Canvas, body: pieces.Torso, closure: str) -> None:
    top, bottom = body.top + 10.0, body.bottom + 0.3
    if closure == "zip":
        pieces.draw_zip(canvas, (0, top - 1), (0, bottom))
        return
    overlap = 5.5 if closure == "double_breasted" else 1.8
    edge = points((overlap * 0.6, top), (overlap, top + 5), (overlap, bottom))
    canvas.line(edge, 0.6)
    if closure == "buttons":
        pieces.draw_buttons(canvas, 0, top + 3, body.bottom - 8, 5, 1.3)
    elif closure == "double_breasted":
        for x in (-3.6, 3.6):
            pieces.draw_buttons(canvas, x, top + 7, body.bottom - 12, 3, 1.4)


def _draw_chest_pockets(canvas: Canvas, y: float, pocket: str) -> None:
    where, _, kind = pocket.partition("_")
    for x in {"none": (), "left": (9.0,), "two": (9.0, -9.0)}[where]:
        if kind == "zip":
            pieces.draw_zip(canvas, (x + 5.0, y - 2), (x - 4.5, y - 2))
        else:
            pieces.draw_pocket(canvas, "flap", (x, y), 8.4, 8.4)


def _draw_side_pockets(canvas: Canvas, y: float, kind: str) -> None:
    if kind == "welt":
        welt = points((7.8, -4.5), (9.6, -4.5), (12.2, 4.0), (10.4, 4.0)) + (0, y)
        canvas.pieces(welt, edge=0.55)
    elif kind != "none":
        for x in (9.6, -9.6):
            pieces.draw_pocket(canvas, kind, (x, y + 1), 10.0, 10.0)


SHIRT = Garment(_SHIRT_FIELDS, _draw_shirt, zoom=1.05)
JACKET = Garment(_JACKET_FIELDS, _draw_jacket, zoom=1.05)
