"""Hoodies."""

from __future__ import annotations

from cv_tf.datasets.synthetic_color_variants import curves
from cv_tf.datasets.synthetic_color_variants.canvas import Canvas
from cv_tf.datasets.synthetic_color_variants.design import Design, Field, Garment
from cv_tf.datasets.synthetic_color_variants.garments import details, pieces as torso
from cv_tf.datasets.synthetic_color_variants.garments.tops import LOGO_PLACES

_LENGTH = {"cropped": 36.0, "regular": 47.0, "long": 60.0}

_FIELDS = {
    "fit": Field(("regular", "slim", "boxy")),
    "length": Field(("regular", "cropped", "long")),
    "opening": Field(("pullover", "zip", "half_zip")),
    "pocket": Field(("kangaroo", "welt", "none")),
    "sleeve": Field(("long", "wide", "short")),
    "arm_stripes": Field(("none", "one", "two")),
    "block": Field(("plain", "lower", "upper", "band")),
    "logo": Field(("none", *details.LOGOS), 0.6),
    "logo_place": Field(("chest", "hem"), unless=("logo", "none")),
    "cords": Field(("tonal", "none")),
    "cuffs": Field(("rib", "accent")),
}


def _draw(canvas: Canvas, design: Design) -> None:
    chest, length = torso.CHEST[design["fit"]] + 1.0, _LENGTH[design["length"]]
    body = torso.Torso(54 - length / 2, length, chest, chest, chest - 0.8, "crew")
    torso.draw_sleeves(canvas, body, design["sleeve"], cuff=design["cuffs"])
    _draw_arm_stripes(canvas, body, design)
    canvas.piece(body.body())
    _draw_block(canvas, body, design["block"])
    torso.draw_hem_band(canvas, body, design["cuffs"], 4.0)
    if design["opening"] != "pullover":
        share = 1.0 if design["opening"] == "zip" else 0.42
        end = body.top + 4 + share * (length - 4)
        details.draw_zip(canvas, (0, body.top + 8), (0, end))
    _draw_pocket(canvas, body.bottom - 4.5, design)
    _draw_hood(canvas, body.top, design["cords"])
    if design["logo"] != "none":
        x, y, size = LOGO_PLACES[design["logo_place"]]
        details.draw_logo(canvas, design["logo"], (x + 1.0, body.top + y + 1), size)


def _draw_arm_stripes(canvas: Canvas, body: torso.Torso, design: Design) -> None:
    """Stripes that run down the outer side of each arm."""
    count = {"none": 0, "one": 1, "two": 2}[design["arm_stripes"]]
    _, ends = body.sleeve(design["sleeve"], canvas.pose.limbs)
    start, end = curves.points(body.shoulder, ends[0])
    for index in range(count):
        inward = (-1.8 - 2.0 * index, 0.4)
        path = curves.points(start + (-0.3 - index, 1.0), end + inward)
        for side in (path, curves.flipped(path)):
            canvas.line(side, 1.1, "accent")


def _draw_block(canvas: Canvas, body: torso.Torso, block: str) -> None:
    middle, width = body.top + 20.0, body.chest
    spans = {"lower": (middle, body.bottom - 2.0), "band": (middle - 3.0, middle + 4.0)}
    if block in spans:
        top, bottom = spans[block]
        canvas.piece(curves.rectangle(-width, top, width, bottom), "accent", edge=0.3)
    elif block == "upper":
        x, y = body.shoulder
        right = curves.points(
            (0, body.top + 3.8),
            (5.2, body.top),
            (x, y),
            (x - 0.6, y + 7.0),
            (0, y + 7.0),
        )
        canvas.piece(curves.mirrored(right), "accent", edge=0.3)


def _draw_pocket(canvas: Canvas, bottom: float, design: Design) -> None:
    if design["pocket"] == "kangaroo":
        right = curves.points(
            (0, bottom - 11),
            (6.0, bottom - 11),
            (10.0, bottom - 4),
            (10.0, bottom),
            (0, bottom),
        )
        outline = curves.mirrored(right)
        if design["opening"] == "zip":
            half = curves.points((1.2, bottom - 11), right[1:4], (1.2, bottom))
            canvas.piece(half, edge=0.6)
            canvas.piece(curves.flipped(half), edge=0.6)
        else:
            canvas.piece(outline, edge=0.6)
    elif design["pocket"] == "welt":
        for side in (1.0, -1.0):
            welt = curves.points(
                (6.0, bottom - 11),
                (7.6, bottom - 11),
                (11.6, bottom - 2),
                (10.0, bottom - 2),
            )
            canvas.piece(welt * (side, 1.0), "rib", edge=0.5)


def _draw_hood(canvas: Canvas, top: float, cords: str) -> None:
    outer = curves.points(
        (0, top - 11.0),
        curves.bezier((4.0, top - 11.0), (10.5, top - 9.0), (9.5, top + 3.0)),
        (0, top + 7.0),
    )
    canvas.piece(curves.mirrored(outer), edge=0.5)
    inner = curves.points(
        (0, top - 7.5),
        curves.bezier((2.5, top - 7.5), (6.5, top - 5.5), (5.6, top + 1.0)),
        (0, top + 5.0),
    )
    canvas.piece(curves.mirrored(inner), "lining", edge=0.4)
    if cords != "none":
        for side in (1.0, -1.0):
            path = curves.bezier((2.4, top + 4.0), (3.2, top + 8), (2.7, top + 14))
            canvas.line(path * (side, 1.0), 0.9, "ink")


GARMENT = Garment(_FIELDS, _draw, zoom=1.1)
