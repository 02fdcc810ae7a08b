"""T-shirts."""

from __future__ import annotations

from cv_tf.datasets.synthetic_color_variants import curves
from cv_tf.datasets.synthetic_color_variants.canvas import Canvas
from cv_tf.datasets.synthetic_color_variants.design import Design, Field, Garment
from cv_tf.datasets.synthetic_color_variants.garments import details, pieces as torso

_LENGTH = {"cropped": 36.0, "regular": 47.0, "long": 60.0}

# Position in fractions of the body's length and half of the logo's height.
LOGO_PLACES = {
    "chest": (7.5, 14.0, 3.4),
    "center": (0.0, 17.0, 4.2),
    "large": (0.0, 21.0, 7.5),
    "hem": (8.0, 30.0, 3.4),
}

_FIELDS = {
    "fit": Field(("regular", "slim", "boxy")),
    "length": Field(("regular", "cropped", "long")),
    "neck": Field(("crew", "v", "scoop", "boat")),
    "sleeve": Field(("short", "cap", "elbow", "long")),
    "pattern": Field(
        ("plain", "stripes_fine", "stripes_medium", "stripes_wide", "stripes_spaced"),
        0.75,
    ),
    "pocket": Field(("none", "patch", "pointed")),
    "logo": Field(("none", *details.LOGOS), 0.6),
    "logo_place": Field(("center", "chest", "large", "hem"), unless=("logo", "none")),
    "trim": Field(("none", "neck", "cuffs", "neck_and_cuffs")),
}


def _draw(canvas: Canvas, design: Design) -> None:
    chest = torso.CHEST[design["fit"]]
    length = _LENGTH[design["length"]]
    body = torso.Torso(
        50 - length / 2, length, chest, chest - 0.8, chest, design["neck"]
    )
    pattern = design["pattern"]
    torso.draw_back(canvas, body)
    cuff = "accent" if "cuffs" in design["trim"] else None
    torso.draw_sleeves(canvas, body, design["sleeve"], "base", pattern, cuff)
    canvas.piece(body.body(), "base", pattern)
    band = "accent" if "neck" in design["trim"] else "rib"
    torso.draw_neck_band(canvas, body, band)
    canvas.line(
        curves.points(
            (-body.hem, body.bottom - 1.6),
            (0, body.bottom - 0.6),
            (body.hem, body.bottom - 1.6),
        )
    )
    if design["pocket"] != "none":
        details.draw_pocket(
            canvas, design["pocket"], (-8.5, body.top + 16.0), 9.5, 10.5, pattern
        )
    if design["logo"] != "none":
        x, y, size = LOGO_PLACES[design["logo_place"]]
        details.draw_logo(canvas, design["logo"], (x, body.top + y), size)


GARMENT = Garment(_FIELDS, _draw, zoom=1.15)
