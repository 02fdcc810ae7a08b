"""Rows of captioned pictures as one picture."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from cv_tf.catalog.whole_file import whole_file
from cv_tf.report.color_scale import ColorScale

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
