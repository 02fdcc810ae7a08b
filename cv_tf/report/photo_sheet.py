"""Rows of captioned photos as one picture, as a notebook shows them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cv_tf.report.pictures import Captioned, write_sheet
from cv_tf.report.thumbnails import SIDE, NoThumbnailError, small_photo


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
