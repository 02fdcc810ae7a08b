"""T-shirts, hoodies and sweaters."""

from __future__ import annotations

import numpy as np

from cv_tf.datasets.synthetic_color_variants.canvas import Canvas
from cv_tf.datasets.synthetic_color_variants.curves import (
    Point,
    bezier,
    both_sides,
    ellipse,
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

_LENGTH = {"cropped": 36.0, "regular": 47.0, "long": 60.0}

# Center of the logo (`x`, and `y` below the neck) and half of its height, in percent.
_LOGO_PLACES = {
    "chest": (7.5, 14.0, 3.4),
    "center": (0.0, 17.0, 4.2),
    "large": (0.0, 21.0, 7.5),
    "hem": (8.0, 30.0, 3.4),
}

_LOGOS = ("ring", "star", "triangle", "cross", "heart", "bars", "moon", "bolt")
# Outlines of logos of half height 1.
_LOGO_OUTLINES = {
    "triangle": points((0, -1), (1.1, 0.8), (-1.1, 0.8)),
    "bolt": points(
        (0.3, -1.1), (-0.7, 0.2), (-0.1, 0.2), (-0.4, 1.1), (0.7, -0.3), (0.1, -0.3)
    ),
    "heart": mirrored(
        points((0, -0.45), (0.5, -0.95), (1.05, -0.6), (1.0, -0.1), (0, 1.0))
    ),
}
_LOGO = Field(("none", *_LOGOS), 0.6)

_SHAPE = {"fit": pieces.FIT, "length": Field(("regular", "cropped", "long"))}

_T_SHIRT_FIELDS = {
    **_SHAPE,
    "neck": Field(("crew", "v", "scoop", "boat")),
    "sleeve": Field(("short", "cap", "elbow", "long")),
    "pattern": Field(
        ("plain", "stripes_fine", "stripes_medium", "stripes_wide", "stripes_spaced"),
        0.75,
    ),
    "pocket": Field(("none", "patch", "pointed")),
    "logo": _LOGO,
    "logo_place": Field(("center", "chest", "large", "hem"), unless=("logo", "none")),
    "trim": Field(("none", "neck", "cuffs", "neck_and_cuffs")),
}

_HOODIE_FIELDS = {
    **_SHAPE,
    "opening": Field(("pullover", "zip", "half_zip")),
    "pocket": Field(("kangaroo", "welt", "none")),
    "sleeve": Field(("long", "wide", "short")),
    "arm_stripes": Field(("none", "one", "two")),
    "block": Field(("plain", "lower", "upper", "band")),
    "logo": _LOGO,
    "logo_place": Field(("chest", "hem"), unless=("logo", "none")),
    "cords": Field(("tonal", "none")),
    "cuffs": Field(("rib", "accent")),
}

_SWEATER_FIELDS = {
    **_SHAPE,
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


def _draw_t_shirt(canvas: Canvas, design: Design) -> None:
    chest, length = pieces.CHEST[design["fit"]], _LENGTH[design["length"]]
    pattern, neck = design["pattern"], design["neck"]
    body = pieces.Torso(50 - length / 2, length, chest, chest - 0.8, chest, neck)
    pieces.draw_back(canvas, body)
    cuff = "accent" if "cuffs" in design["trim"] else None
    pieces.draw_sleeves(canvas, body, design["sleeve"], "base", pattern, cuff)
    canvas.piece(body.body(), "base", pattern)
    band = "accent" if "neck" in design["trim"] else "rib"
    pieces.draw_neck_band(canvas, body, band)
    hem = points((-body.hem, -1.6), (0, -0.6), (body.hem, -1.6)) + (0, body.bottom)
    canvas.line(hem)
    if design["pocket"] != "none":
        center = (-8.5, body.top + 16.0)
        pieces.draw_pocket(canvas, design["pocket"], center, 9.5, 10.5, pattern)
    if design["logo"] != "none":
        x, y, size = _LOGO_PLACES[design["logo_place"]]
        _draw_logo(canvas, design["logo"], (x, body.top + y), size)


def _draw_logo(canvas: Canvas, shape: str, center: Point, size: float) -> None:
    """Draws a print in the accent color; `size` is half of its height."""
    for outline in _logo_outlines(shape, size):
        canvas.piece(outline + center, "accent", edge=0.0)
    holes = {
        "ring": ellipse((0, 0), size * 0.5, size * 0.5),
        "moon": ellipse((size * 0.45, -size * 0.2), size * 0.8, size * 0.8),
    }
    if shape in holes:
        canvas.piece(holes[shape] + center, "base", edge=0.0)


def _logo_outlines(shape: str, size: float) -> list[np.ndarray]:
    """Outlines of a logo, around the origin."""
    if shape in _LOGO_OUTLINES:
        return [_LOGO_OUTLINES[shape] * size]
    if shape == "bars":
        bar = rectangle(-size * 1.1, -size * 0.2, size * 1.1, size * 0.2)
        return [bar + (0, y * size) for y in (-0.7, 0.0, 0.7)]
    if shape == "cross":
        bar = rectangle(-size, -size * 0.3, size, size * 0.3)
        return [bar, bar[:, ::-1]]
    if shape == "star":
        angle = np.arange(10) * np.pi / 5 - np.pi / 2
        radius = np.where(np.arange(10) % 2, 0.45, 1.1) * size
        return [np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)]
    return [ellipse((0, 0), size, size)]  # The disc of a ring or a moon.


def _draw_hoodie(canvas: Canvas, design: Design) -> None:
    chest, length = pieces.CHEST[design["fit"]] + 1.0, _LENGTH[design["length"]]
    body = pieces.Torso(54 - length / 2, length, chest, chest, chest - 0.8, "crew")
    pieces.draw_sleeves(canvas, body, design["sleeve"], cuff=design["cuffs"])
    _draw_arm_stripes(canvas, body, design)
    canvas.piece(body.body())
    _draw_block(canvas, body, design["block"])
    pieces.draw_hem_band(canvas, body, design["cuffs"], 4.0)
    if design["opening"] != "pullover":
        share = 1.0 if design["opening"] == "zip" else 0.42
        end = body.top + 4 + share * (length - 4)
        pieces.draw_zip(canvas, (0, body.top + 8), (0, end))
    _draw_front_pocket(canvas, body.bottom - 4.5, design)
    _draw_hood(canvas, body.top, design["cords"])
    if design["logo"] != "none":
        x, y, size = _LOGO_PLACES[design["logo_place"]]
        _draw_logo(canvas, design["logo"], (x + 1.0, body.top + y + 1), size)


def _draw_arm_stripes(canvas: Canvas, body: pieces.Torso, design: Design) -> None:
    """Draws stripes along the outer side of each arm."""
    count = {"none": 0, "one": 1, "two": 2}[design["arm_stripes"]]
    _, ends = body.sleeve(design["sleeve"], canvas.pose.limbs)
    start, end = points(body.shoulder, ends[0])
    for index in range(count):
        inward = (-1.8 - 2.0 * index, 0.4)
        path = points(start + (-0.3 - index, 1.0), end + inward)
        canvas.lines(path, 1.1, "accent")


def _draw_block(canvas: Canvas, body: pieces.Torso, block: str) -> None:
    """Draws a part of the body in the accent color."""
    middle, width = body.top + 20.0, body.chest
    spans = {"lower": (middle, body.bottom - 2.0), "band": (middle - 3.0, middle + 4.0)}
    if block in spans:
        top, bottom = spans[block]
        canvas.piece(rectangle(-width, top, width, bottom), "accent", edge=0.3)
    elif block == "upper":
        x, y = body.shoulder
        neck = points((0, 3.8), (5.2, 0)) + (0, body.top)
        right = points(neck, (x, y), (x - 0.6, y + 7.0), (0, y + 7.0))
        canvas.piece(mirrored(right), "accent", edge=0.3)


def _draw_front_pocket(canvas: Canvas, bottom: float, design: Design) -> None:
    if design["pocket"] == "kangaroo":
        right = points((0, -11), (6, -11), (10, -4), (10, 0), (0, 0)) + (0, bottom)
        if design["opening"] == "zip":
            half = points((1.2, bottom - 11), right[1:4], (1.2, bottom))
            canvas.pieces(half, edge=0.6)
        else:
            canvas.piece(mirrored(right), edge=0.6)
    elif design["pocket"] == "welt":
        welt = points((6.0, -11), (7.6, -11), (11.6, -2), (10.0, -2)) + (0, bottom)
        canvas.pieces(welt, "rib", edge=0.5)


def _draw_hood(canvas: Canvas, top: float, cords: str) -> None:
    outer = points((0, -11), bezier((4, -11), (10.5, -9), (9.5, 3)), (0, 7)) + (0, top)
    canvas.piece(mirrored(outer), edge=0.5)
    opening = bezier((2.5, -7.5), (6.5, -5.5), (5.6, 1.0))
    inner = points((0, -7.5), opening, (0, 5.0)) + (0, top)
    canvas.piece(mirrored(inner), "lining", edge=0.4)
    if cords != "none":
        cord = bezier((2.4, 4.0), (3.2, 8), (2.7, 14)) + (0, top)
        canvas.lines(cord, 0.9, "ink")


def _draw_sweater(canvas: Canvas, design: Design) -> None:
    chest, length = pieces.CHEST[design["fit"]] + 0.5, _LENGTH[design["length"]]
    collar = design["neck"] if design["neck"] in ("turtle", "mock") else None
    neck = "crew" if collar else design["neck"]
    body = pieces.Torso(51 - length / 2, length, chest, chest, chest - 0.6, neck)
    pieces.draw_back(canvas, body)
    cuff = "accent" if design["hem"] == "accent" else "rib"
    pattern = design["pattern"]
    pieces.draw_sleeves(canvas, body, design["sleeve"], "base", pattern, cuff)
    if design["elbow"] == "bands":
        _draw_arm_bands(canvas, body, design["sleeve"])
    canvas.piece(body.body(), "base", pattern)
    _draw_knit(canvas, body, design["knit"])
    height = 8.5 if design["hem"] == "wide" else 3.6
    pieces.draw_hem_band(canvas, body, cuff, height)
    pieces.draw_ribs(canvas, body.hem, body.bottom - height + 1, body.bottom)
    if design["opening"] == "cardigan":
        top = body.top + pieces.NECKS[neck][1]
        canvas.piece(rectangle(-1.6, top, 1.6, body.bottom + 0.8), "rib")
        pieces.draw_buttons(canvas, 0, top + 3, body.bottom - 2, 6, 1.2)
    if collar:
        _draw_knitted_collar(canvas, body.top, 8.0 if collar == "turtle" else 3.6)
    else:
        pieces.draw_neck_band(canvas, body, cuff, 1.9)
    if design["pocket"] == "two":
        y = body.bottom - 13.0
        for x in (8.5, -8.5):
            pieces.draw_pocket(canvas, "patch", (x, y), 9.5, 9.5, pattern)


def _draw_arm_bands(canvas: Canvas, body: pieces.Torso, kind: str) -> None:
    """Draws one accent band around each arm, clipped to the sleeve."""
    sleeve, (outer, inner) = body.sleeve(kind, canvas.pose.limbs)
    shoulder, armpit = np.array(body.shoulder), np.array(body.armpit)
    start, end = 0.45, 0.58
    beyond = (outer - inner) * 0.6
    band = points(
        shoulder + (outer - shoulder) * start + beyond,
        shoulder + (outer - shoulder) * end + beyond,
        armpit + (inner - armpit) * end - beyond,
        armpit + (inner - armpit) * start - beyond,
    )
    for side, within in zip(both_sides(band), both_sides(sleeve), strict=True):
        canvas.piece(side, "accent", edge=0.3, within=within)


def _draw_knit(canvas: Canvas, body: pieces.Torso, knit: str) -> None:
    top, bottom = body.top + 9.0, body.bottom - 3.0
    if knit == "ribbed":
        for x in np.arange(-body.chest + 2.5, body.chest - 1.5, 2.5):
            start = body.top + (13.0 if abs(x) < 8 else 8.0)
            canvas.line(points((x, start), (x, bottom)), 0.4)
    elif knit in ("cables", "one_cable"):
        y = np.arange(top + 3.0, bottom, 0.5)
        for x in (0.0,) if knit == "one_cable" else (-8.0, 0.0, 8.0):
            sway = 1.5 * np.sin(y * 1.25)
            canvas.line(np.stack([x + sway, y], axis=1), 0.5)
            canvas.line(np.stack([x - sway, y], axis=1), 0.5)


def _draw_knitted_collar(canvas: Canvas, top: float, height: float) -> None:
    upper = points((0, top - height + 0.6), (5.4, top - height))
    right = points(upper, (6.0, top + 1.5), (0, top + 4.2))
    canvas.piece(mirrored(right), "rib", edge=0.5)
    if height > 5:
        canvas.line(points((-5.6, -1.5), (0, -0.5), (5.6, -1.5)) + (0, top))


T_SHIRT = Garment(_T_SHIRT_FIELDS, _draw_t_shirt, zoom=1.15)
HOODIE = Garment(_HOODIE_FIELDS, _draw_hoodie, zoom=1.1)
SWEATER = Garment(_SWEATER_FIELDS, _draw_sweater, zoom=1.1)
