"""Rows of captioned pictures as one picture."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cv_tf.files import whole_file
from cv_tf.report.thumbnails import SIDE, NoThumbnailError, small_photo
from cv_tf.vision import Layout, Window, windows_by_part

Color = tuple[int, int, int]

# "cividis" at even steps, from high to low: what differs is bright. Both lightness and
# hue change evenly, also for who lacks a kind of cone (Nunez, Anderton and Renslow,
# PLOS ONE 13(7), 2018).
_COLORS = np.array(
    [
        (254, 232, 56),
        (222, 201, 88),
        (188, 174, 108),
        (155, 148, 118),
        (125, 124, 120),
        (97, 101, 111),
        (67, 78, 108),
        (26, 56, 111),
        (0, 34, 78),
    ],
    np.float64,
)
_LOWEST = 0.9  # Of those that begin a scale: products that hardly differ look so.
_NUM_TICKS = 5


class Tick(NamedTuple):
    """A value on the scale."""

    value: float
    color: Color


class ColorScale(NamedTuple):
    """Colors of similarities, from yellow (lowest) to dark blue (1).

    Attributes:
      lowest: Similarities of this and below are yellow.
    """

    lowest: float

    @classmethod
    def for_values(cls, values: Sequence[float]) -> ColorScale:
        """The scale that begins at 0.9, or at the tenth below the lowest value."""
        tenth = math.floor(min(values) * 10 + 1e-6) / 10
        return cls(max(-1.0, min(_LOWEST, tenth)))

    def color(self, value: float) -> Color:
        """The color of a value."""
        share = (value - self.lowest) / (1.0 - self.lowest)
        place = np.clip(share, 0.0, 1.0) * (len(_COLORS) - 1)
        at = np.arange(len(_COLORS))
        return tuple(round(np.interp(place, at, channel)) for channel in _COLORS.T)

    def ticks(self) -> tuple[Tick, ...]:
        """Values at even steps, from the lowest to 1."""
        values = np.linspace(self.lowest, 1.0, _NUM_TICKS).tolist()
        return tuple(Tick(value, self.color(value)) for value in values)


def is_bright(color: Color) -> bool:
    """Whether black letters are easier to read on a color than white ones."""
    linear = [(channel / 255) ** 2.2 for channel in color]
    luminance = float(np.dot((0.2126, 0.7152, 0.0722), linear))
    # Where the contrasts of WCAG 2.2 are equal.
    return luminance > 0.179


_LETTERS = 24  # That fit above a picture.


class Captioned(NamedTuple):
    """A picture, uint8 `[height, width, 3]`, and what is written above it."""

    caption: str
    picture: np.ndarray


def write_sheet(
    path: Path,
    title: str,
    rows: Sequence[Sequence[Captioned]],
    scale: ColorScale | None = None,
    inches: float = 2.0,
) -> None:
    """Writes a sheet of pictures, which appears whole or not at all.

    Args:
      path: Of the file: a JPEG if it ends in .jpg, else a PNG.
      title: As `draw_sheet`, as are the others.
      rows: Of pictures.
      scale: Of similarities.
      inches: Width of a picture.
    """
    sheet = Image.fromarray(draw_sheet(title, rows, scale, inches))
    with whole_file(path) as unfinished:
        sheet.save(unfinished, "JPEG" if path.suffix == ".jpg" else "PNG")


def draw_sheet(
    title: str,
    rows: Sequence[Sequence[Captioned]],
    scale: ColorScale | None = None,
    inches: float = 2.0,
) -> np.ndarray:
    """Draws a sheet of pictures.

    Args:
      title: A line or several.
      rows: Of pictures, from the left; shorter rows end in empty places.
      scale: A scale of similarities to draw below; None for none.
      inches: Width of a picture; 100 pixels each.

    Returns:
      uint8 `[height, width, 3]`.
    """
    # Late, and without a window: importing pyplot takes a second.
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    num_columns = max(map(len, rows))
    size = (inches * num_columns, (inches + 0.4) * len(rows) + 1.2)
    figure = Figure(figsize=size, dpi=100, layout="constrained")
    # Names of products may hold dollars, which would begin a formula.
    figure.suptitle(title, fontsize=11, parse_math=False)
    axes = figure.subplots(len(rows), num_columns, squeeze=False)
    for place in axes.flat:
        place.set_axis_off()
    for row, places in zip(rows, axes, strict=True):
        for place, captioned in zip(places, row, strict=False):
            place.imshow(captioned.picture)
            letters = round(_LETTERS * inches / 2)
            caption = textwrap.fill(captioned.caption, letters)
            place.set_title(caption, fontsize=9, parse_math=False)
    if scale:
        _draw_scale(figure, axes, scale)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _draw_scale(figure, axes: np.ndarray, scale: ColorScale) -> None:
    from matplotlib.cm import ScalarMappable  # noqa: PLC0415
    from matplotlib.colors import LinearSegmentedColormap, Normalize  # noqa: PLC0415

    values = np.linspace(scale.lowest, 1.0, 64)
    colors = [np.divide(scale.color(value), 255) for value in values]
    mappable = ScalarMappable(
        Normalize(scale.lowest, 1.0), LinearSegmentedColormap.from_list("", colors)
    )
    bar = figure.colorbar(
        mappable, ax=axes, orientation="horizontal", shrink=0.6, aspect=30
    )
    bar.set_label("similarity of a part")


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


def write_photo_sheet(
    path: Path,
    title: str,
    rows: Sequence[Sequence[tuple[str, str | bytes]]],
    inches: float = 1.3,
) -> None:
    """Draws a sheet of photos; the file appears whole or not at all.

    Args:
      path: As for `write_sheet`.
      title: A line or several.
      rows: Of captions and photos, which are paths, URIs of object storage, or what is
        in the files. Where a photo cannot be shown, the caption says why.
      inches: As for `write_sheet`.
    """
    sheet = [[_captioned(caption, photo) for caption, photo in row] for row in rows]
    write_sheet(path, title, sheet, inches=inches)


def _captioned(caption: str, photo: str | bytes) -> Captioned:
    try:
        return Captioned(caption, np.asarray(small_photo(photo)))
    except NoThumbnailError as error:
        blank = np.full((SIDE, SIDE, 3), 255, np.uint8)
        return Captioned(f"{caption}: {error}", blank)
