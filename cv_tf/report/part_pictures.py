"""The fixed parts of a product, drawn over its photo."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cv_tf.report.color_scale import Color, is_bright
from cv_tf.vision.layouts import Layout, Window, windows_by_part

# Of Okabe and Ito, who chose colors that the color-blind tell apart. Six of them: in
# none of the layouts do neighbors get the same one.
_PALETTE: tuple[Color, ...] = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (204, 121, 167),
)
_SMALLEST_SIDE = 448
_LARGEST_FONT, _SMALLEST_FONT = 18, 8
_OPACITY = 56  # Of 255.


def draw_parts(
    pixels: np.ndarray,
    layout: Layout,
    labels: Sequence[str] | None = None,
    colors: Sequence[Color] | None = None,
) -> Image.Image:
    """Draws each part's windows over a photo; mirror images share color and label.

    Args:
      pixels: uint8 `[side, side, 3]`.
      layout: Of the parts.
      labels: What stands in each part, a line or several; None for its number, from 1.
      colors: Of each part; None for colors that tell neighbors apart.

    Returns:
      A picture with sides of 448 pixels or more, so that labels can be read.
    """
    parts = windows_by_part(layout)
    labels = labels or [str(number) for number in range(1, len(parts) + 1)]
    colors = colors or [_PALETTE[i % len(_PALETTE)] for i in range(len(parts))]
    side = max(_SMALLEST_SIDE, len(pixels))
    picture = Image.fromarray(pixels).resize((side, side), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(picture, "RGBA")
    for part, color in zip(parts, colors, strict=True):
        for window in part:
            box = _box(window, side)
            draw.rectangle(box, fill=(*color, _OPACITY), outline=color, width=2)
    font = _font(draw, labels, parts, side)
    # After all windows, for these may overlap.
    for part, color, label in zip(parts, colors, labels, strict=True):
        for window in part:
            _write(draw, _box(window, side), label, color, font)
    return picture


def _box(window: Window, side: int) -> tuple[int, int, int, int]:
    """Left, top, right and bottom in pixels, all within the window."""
    top, left, height, width = window
    start, end = (left, top), (left + width, top + height)
    return (
        *(round(place * side) for place in start),
        *(round(place * side) - 1 for place in end),
    )


def _font(
    draw: ImageDraw.ImageDraw,
    labels: Sequence[str],
    parts: Sequence[Sequence[Window]],
    side: int,
) -> ImageFont.FreeTypeFont:
    """The largest font in which each label fits into the smallest window."""
    room = min(window[axis] for part in parts for window in part for axis in (2, 3))
    for size in range(_LARGEST_FONT, _SMALLEST_FONT, -1):
        font = ImageFont.load_default(size)
        boxes = [draw.multiline_textbbox((0, 0), label, font) for label in labels]
        longest = max(max(box[2] - box[0], box[3] - box[1]) for box in boxes)
        if longest + 14 <= room * side:
            return font
    return ImageFont.load_default(_SMALLEST_FONT)


def _write(
    draw: ImageDraw.ImageDraw,
    box: Sequence[int],
    label: str,
    color: Color,
    font: ImageFont.FreeTypeFont,
) -> None:
    """Writes a label on a ground of the part's color, in the middle of its window."""
    middle = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    options = {"font": font, "anchor": "mm", "align": "center", "spacing": 2}
    left, top, right, bottom = draw.multiline_textbbox(middle, label, **options)
    ground = (left - 4, top - 4, right + 4, bottom + 4)
    ink = "black" if is_bright(color) else "white"
    draw.rounded_rectangle(ground, radius=3, fill=color, outline=ink)
    draw.multiline_text(middle, label, fill=ink, **options)
