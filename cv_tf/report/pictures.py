"""Pictures for inspection: a color scale, parts over a photo, sheets of pictures."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cv_tf.atomic import whole_file
from cv_tf.vision import Layout, Window, windows_by_part

Color = tuple[int, int, int]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

# Colormap "cividis" at even steps, from high to low: parts that differ are bright. It
# is perceptually uniform, also with color vision deficiency (Nunez, Anderton and
# Renslow, PLOS ONE 13(7), 2018).
_COLORS = np.array(
    [
        *((254, 232, 56), (222, 201, 88), (188, 174, 108)),
        *((155, 148, 118), (125, 124, 120), (97, 101, 111)),
        *((67, 78, 108), (26, 56, 111), (0, 34, 78)),
    ],
    np.float64,
)
_LOWEST = 0.9  # Scales begin at 0.9 or lower, so that small differences look small.
_NUM_TICKS = 5

# Of sheets, in pixels but for the letters.
_CAPTION_LETTERS = 24  # Longest line of a caption above a picture of 2 inches.
_PIXELS_AN_INCH = 100
_TITLE_FONT, _CAPTION_FONT = 15, 12
_GAP = 8
_BAR_HEIGHT, _SCALE_HEIGHT = 16, 80

# Six colors of Okabe and Ito, which color-blind people can tell apart. Adjacent parts
# have different colors in all layouts.
_PALETTE: tuple[Color, ...] = (
    *((230, 159, 0), (86, 180, 233), (0, 158, 115)),
    *((240, 228, 66), (0, 114, 178), (204, 121, 167)),
)
_SMALLEST_SIDE = 448  # Pixels.
_LARGEST_FONT, _SMALLEST_FONT = 18, 8
_OPACITY = 56  # From 0 to 255.


class Tick(NamedTuple):
    """A similarity on the scale and its color."""

    value: float
    color: Color


class ColorScale(NamedTuple):
    """Color scale of similarities, from yellow (lowest) to dark blue (highest)."""

    lowest: float  # Lower ones have the same color.
    highest: float = 1.0
    label: str = "similarity of a part"

    @classmethod
    def for_values(cls, values: Sequence[float]) -> ColorScale:
        """Makes a scale that begins at 0.9, or at the tenth below the lowest value."""
        tenth = math.floor(min(values) * 10 + 1e-6) / 10
        return cls(max(-1.0, min(_LOWEST, tenth)))

    @classmethod
    def between(cls, values: Sequence[float]) -> ColorScale:
        """Makes a scale from the lowest to the highest value."""
        lowest, highest = min(values), max(values)
        label = "what a part adds to the similarity"
        return cls(lowest, max(highest, lowest + 1e-6), label)

    def color(self, value: float) -> Color:
        """Returns the color of a similarity."""
        share = (value - self.lowest) / (self.highest - self.lowest)
        place = np.clip(share, 0.0, 1.0) * (len(_COLORS) - 1)
        at = np.arange(len(_COLORS))
        red, green, blue = (round(np.interp(place, at, of)) for of in _COLORS.T)
        return red, green, blue

    def ticks(self) -> tuple[Tick, ...]:
        """Returns ticks at even steps, from the lowest similarity to the highest."""
        values = np.linspace(self.lowest, self.highest, _NUM_TICKS).tolist()
        return tuple(Tick(value, self.color(value)) for value in values)


def is_bright(color: Color) -> bool:
    """Whether black text has a higher contrast on a color than white text."""
    linear = [(channel / 255) ** 2.2 for channel in color]
    luminance = float(np.dot((0.2126, 0.7152, 0.0722), linear))
    # Both contrasts of WCAG 2.2 are equal at this luminance.
    return luminance > 0.179


class Captioned(NamedTuple):
    """A picture, uint8 `[height, width, 3]`, and the caption above it."""

    caption: str
    picture: np.ndarray


def write_sheet(
    path: Path,
    title: str,
    rows: Sequence[Sequence[Captioned]],
    scale: ColorScale | None = None,
    inches: float = 2.0,
) -> None:
    """Writes what `draw_sheet` draws as a PNG file that appears whole or not at all."""
    sheet = Image.fromarray(draw_sheet(title, rows, scale, inches))
    with whole_file(path) as unfinished:
        sheet.save(unfinished, "PNG")


def draw_sheet(
    title: str,
    rows: Sequence[Sequence[Captioned]],
    scale: ColorScale | None = None,
    inches: float = 2.0,
) -> np.ndarray:
    """Draws a sheet of pictures, uint8 `[height, width, 3]`; rows may differ in length.

    `scale` is drawn below; `inches` is the width of a picture, 100 pixels each.
    """
    width = round(_PIXELS_AN_INCH * inches)
    num_columns = max(map(len, rows))
    letters = round(_CAPTION_LETTERS * inches / 2)
    head = "\n".join(
        textwrap.fill(it, letters * num_columns) for it in title.split("\n")
    )
    captions = [[textwrap.fill(it.caption, letters) for it in row] for row in rows]
    pictures = [[_fitted(it.picture, width - 2 * _GAP) for it in row] for row in rows]
    # What each row takes: its captions, and its pictures below them.
    above = [max(_height_of(it, _CAPTION_FONT) for it in row) for row in captions]
    below = [max(it.height for it in row) + 2 * _GAP for row in pictures]
    top = _height_of(head, _TITLE_FONT)
    height = top + sum(above) + sum(below) + (_SCALE_HEIGHT if scale else 0)
    sheet = Image.new("RGB", (width * num_columns, height), "white")
    draw = ImageDraw.Draw(sheet)
    _write_centered(draw, sheet.width / 2, 0, head, _TITLE_FONT)
    for row, texts, room, more in zip(pictures, captions, above, below, strict=True):
        for column, (picture, text) in enumerate(zip(row, texts, strict=True)):
            middle = width * column + width / 2
            _write_centered(draw, middle, top, text, _CAPTION_FONT)
            sheet.paste(picture, (round(middle - picture.width / 2), top + room))
        top += room + more
    if scale:
        _draw_scale(draw, top, scale, sheet.width)
    return np.asarray(sheet)


def _fitted(picture: np.ndarray, width: int) -> Image.Image:
    """A picture, scaled to a width."""
    height, before = picture.shape[:2]
    size = (width, max(1, round(height * width / before)))
    return Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC)


def _height_of(text: str, size: int) -> int:
    """Pixels that lines of text take, with the space around them."""
    return round(1.3 * size) * (text.count("\n") + 1) + _GAP


def _write_centered(
    draw: ImageDraw.ImageDraw, middle: float, top: float, text: str, size: int
) -> None:
    for number, line in enumerate(text.split("\n")):
        place = (middle, top + round(1.3 * size) * number + _GAP / 2)
        draw.text(place, line, "black", ImageFont.load_default(size), anchor="ma")


def _draw_scale(
    draw: ImageDraw.ImageDraw, top: int, scale: ColorScale, width: int
) -> None:
    """Draws a bar of all colors, its ticks, and what it is of."""
    left, length = round(0.2 * width), round(0.6 * width)
    for step in range(length + 1):
        value = scale.lowest + (scale.highest - scale.lowest) * step / length
        place = (left + step, top, left + step, top + _BAR_HEIGHT)
        draw.line(place, scale.color(value))
    for number, tick in enumerate(scale.ticks()):
        middle = left + length * number / (_NUM_TICKS - 1)
        text = f"{tick.value:.3g}"
        _write_centered(draw, middle, top + _BAR_HEIGHT, text, _CAPTION_FONT)
    below = top + _BAR_HEIGHT + _height_of("", _CAPTION_FONT)
    _write_centered(draw, width / 2, below, scale.label, _CAPTION_FONT)


def draw_parts(
    pixels: np.ndarray,
    layout: Layout,
    labels: Sequence[str] | None = None,
    colors: Sequence[Color] | None = None,
) -> Image.Image:
    """Draws the windows of each part over a photo, uint8 `[side, side, 3]`.

    A window and its mirror image are one part. Without labels, parts are numbered from
    1; without colors, adjacent ones differ. The sides are at least 448 pixels, so that
    labels are legible.
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
    # Labels are drawn after all windows, because windows may overlap.
    for part, color, label in zip(parts, colors, labels, strict=True):
        for window in part:
            _write(draw, _box(window, side), label, color, font)
    return picture


def _box(window: Window, side: int) -> tuple[int, int, int, int]:
    """Left, top, right and bottom pixel of a window, all included."""
    top, left, height, width = window
    return (
        round(left * side),
        round(top * side),
        round((left + width) * side) - 1,
        round((top + height) * side) - 1,
    )


def _font(
    draw: ImageDraw.ImageDraw,
    labels: Sequence[str],
    parts: Sequence[Sequence[Window]],
    side: int,
) -> Font:
    """Finds the largest font in which each label fits into the smallest window."""
    room = side * min(min(window[2:]) for part in parts for window in part)
    for size in range(_LARGEST_FONT, _SMALLEST_FONT, -1):
        font = ImageFont.load_default(size)
        boxes = [draw.multiline_textbbox((0, 0), label, font) for label in labels]
        longest = max(max(box[2] - box[0], box[3] - box[1]) for box in boxes)
        if longest + 14 <= room:
            return font
    return ImageFont.load_default(_SMALLEST_FONT)


def _write(
    draw: ImageDraw.ImageDraw, box: Sequence[int], label: str, color: Color, font: Font
) -> None:
    """Writes a label in the middle of its window, on a box of the part's color."""
    middle = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    # Anchor in the middle, 2 pixels between lines, which are centered.
    options = (font, "mm", 2, "center")
    left, top, right, bottom = draw.multiline_textbbox(middle, label, *options)
    ground = (left - 4, top - 4, right + 4, bottom + 4)
    ink = "black" if is_bright(color) else "white"
    draw.rounded_rectangle(ground, radius=3, fill=color, outline=ink)
    draw.multiline_text(middle, label, ink, *options)
