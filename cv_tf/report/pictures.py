"""Pictures for inspection: a color scale, parts over a photo, sheets of pictures."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cv_tf.atomic import whole_file
from cv_tf.vision import Layout, Window, windows_by_part

if TYPE_CHECKING:
    from matplotlib.figure import Figure

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

_CAPTION_LETTERS = 24  # Longest line of a caption above a picture of 2 inches.

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
    # Imported late and without pyplot, whose import takes a second.
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    num_columns = max(map(len, rows))
    size = (inches * num_columns, (inches + 0.4) * len(rows) + 1.2)
    figure = Figure(figsize=size, dpi=100, layout="constrained")
    # A dollar sign in the name of a product must not begin a formula.
    figure.suptitle(title, fontsize=11, parse_math=False)
    axes = figure.subplots(len(rows), num_columns, squeeze=False)
    for place in axes.flat:
        place.set_axis_off()
    for row, places in zip(rows, axes, strict=True):
        for place, captioned in zip(places, row, strict=False):
            place.imshow(captioned.picture)
            letters = round(_CAPTION_LETTERS * inches / 2)
            caption = textwrap.fill(captioned.caption, letters)
            place.set_title(caption, fontsize=9, parse_math=False)
    if scale:
        _draw_scale(figure, axes, scale)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _draw_scale(figure: Figure, axes: np.ndarray, scale: ColorScale) -> None:
    from matplotlib.cm import ScalarMappable  # noqa: PLC0415
    from matplotlib.colors import LinearSegmentedColormap, Normalize  # noqa: PLC0415

    values = np.linspace(scale.lowest, scale.highest, 64)
    colors = [np.divide(scale.color(value), 255) for value in values]
    colormap = LinearSegmentedColormap.from_list("", colors)
    mappable = ScalarMappable(Normalize(scale.lowest, scale.highest), colormap)
    bar = figure.colorbar(
        mappable, ax=axes, orientation="horizontal", shrink=0.6, aspect=30
    )
    bar.set_label(scale.label)


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
