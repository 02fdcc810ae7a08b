"""Part layouts: the fixed windows that the frame of a product is cut into.

A window is `(top, left, height, width)` in fractions of the frame, so one table fits
images of every size. In a symmetric layout, a part is a window together with its mirror
image across the vertical middle, such as both sleeves: products are nearly symmetric,
their photos less so. The layouts are our own; the idea is from arXiv 2104.08581.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from cv_tf.errors import UserError

Window = tuple[float, float, float, float]
Layout = str | Sequence[Sequence[float]]

# Tolerance for fractions such as 1/3, so that 1/3 of 9 pixels is 3 and not 4.
_SLACK = 1e-6


def _steps(num_steps: int, size: float) -> tuple[Window, ...]:
    """Square windows of one size at even steps, row by row."""
    starts = np.linspace(0.0, 1.0 - size, num_steps).tolist()
    return tuple((top, left, size, size) for top in starts for left in starts)


def _left_half(num_steps: int) -> tuple[Window, ...]:
    """The cells of a square grid that reach into the left half, row by row."""
    size = 1.0 / num_steps
    return tuple(w for w in _steps(num_steps, size) if w[1] < 0.5 - _SLACK)


LAYOUTS: dict[str, tuple[Window, ...]] = {
    "corners_center": (
        (0.0, 0.0, 0.5, 0.5),
        (0.0, 0.5, 0.5, 0.5),
        (0.5, 0.0, 0.5, 0.5),
        (0.5, 0.5, 0.5, 0.5),
        (0.25, 0.25, 0.5, 0.5),
    ),
    "halves": ((0.0, 0.0, 0.5, 1.0), (0.5, 0.0, 0.5, 1.0)),
    "thirds": tuple((band / 3, 0.0, 1 / 3, 1.0) for band in range(3)),
    "grid_2x2": _steps(2, 1 / 2),
    "grid_3x3": _steps(3, 1 / 3),
    "grid_4x4": _steps(4, 1 / 4),
    "grid_7x7": _steps(7, 1 / 7),
    "overlapping_3x3": _steps(3, 1 / 2),
    "symmetric_5x5": _left_half(5),
    "symmetric_7x7": _left_half(7),
    "symmetric_10x10": _left_half(10),
}


def is_symmetric(layout: Layout) -> bool:
    """Whether each part of a layout is a window together with its mirror image."""
    return isinstance(layout, str) and layout.startswith("symmetric_")


def windows(layout: Layout) -> np.ndarray:
    """The table of a layout, [parts, 4] float64; of a symmetric one, the left half.

    Args:
      layout: A name from `LAYOUTS`, or rows of (top, left, height, width) fractions.

    Raises:
      ValueError: If the name is unknown, or the table not one of windows in the frame.
    """
    if isinstance(layout, str):
        if layout not in LAYOUTS:
            raise UserError(
                f"There is no part layout {layout!r}. Choose one of "
                f"{', '.join(LAYOUTS)}, or give a table of "
                "(top, left, height, width) rows."
            )
        return np.array(LAYOUTS[layout])
    table = np.asarray(layout, dtype=np.float64)
    if table.ndim != 2 or table.shape[0] == 0 or table.shape[1] != 4:
        raise UserError(
            "A part layout must be a table of (top, left, height, width) rows; got "
            f"shape {table.shape}. Give one row of four numbers for each part."
        )
    start, size = table[:, :2], table[:, 2:]
    inside = (start >= 0) & (size > 0) & (start + size <= 1 + _SLACK)
    if not inside.all():
        row = int(np.argmin(inside.all(axis=1)))
        raise UserError(
            f"Window {row} of the part layout, {table[row].tolist()}, does not lie "
            "inside the frame. Tops, lefts, heights and widths are fractions of the "
            "frame: 0 <= top, 0 < height, top + height <= 1, and the same across."
        )
    return table


def windows_by_part(layout: Layout) -> tuple[tuple[Window, ...], ...]:
    """The windows of each part: one, or two in a symmetric layout.

    There, a part in the middle is its own mirror image and has one window.

    Args:
      layout: A name from `LAYOUTS` or a table of windows.

    Raises:
      ValueError: If the layout is unknown or not a table of windows.
    """
    parts = []
    for top, left, height, width in windows(layout).tolist():
        part: list[Window] = [(top, left, height, width)]
        mirrored = 1.0 - left - width
        if is_symmetric(layout) and abs(mirrored - left) > _SLACK:
            part.append((top, mirrored, height, width))
        parts.append(tuple(part))
    return tuple(parts)


def pixel_windows(layout: Layout, height: int, width: int) -> np.ndarray:
    """The windows of a layout in whole pixels, all of one size, [parts, 4] int64.

    Sizes are rounded up, and starts to the nearest pixel (halves upwards); windows that
    then exceed the image are moved inside. So the windows of a grid cover all pixels.
    Raises ValueError if the windows differ in size or the layout is symmetric.
    """
    table = windows(layout)
    if is_symmetric(layout):
        raise UserError(
            f"The parts of the layout {layout!r} are pairs of mirrored windows, which "
            "cannot be cut out as one piece. Pool a feature map instead "
            "(--parts_from=features), or choose another layout."
        )
    if np.ptp(table[:, 2:], axis=0).max() > _SLACK:
        raise UserError(
            "The windows of this part layout differ in size, so their pixels do not "
            f"stack into one tensor: {table.tolist()}. Give all windows one height "
            "and one width, or pool a feature map instead (PartPooling)."
        )

    def extents(column: int, extent: int) -> tuple[np.ndarray, np.ndarray]:
        size = math.ceil(table[0, column + 2] * extent - _SLACK)
        starts = np.floor(table[:, column] * extent + 0.5 + _SLACK).astype(np.int64)
        return np.minimum(starts, extent - size), np.full_like(starts, size)

    tops, heights = extents(0, height)
    lefts, widths = extents(1, width)
    return np.stack([tops, lefts, heights, widths], axis=1)
