"""In which parts two products agree, as a page or a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from cv_tf.inspection.part_agreement import Agreement
from cv_tf.report.color_scale import ColorScale
from cv_tf.report.page import write_page
from cv_tf.report.part_pictures import draw_parts
from cv_tf.report.pictures import Captioned, write_sheet
from cv_tf.report.settings_in_words import say_layout, say_places
from cv_tf.report.thumbnails import as_thumbnail
from cv_tf.vision.layouts import is_symmetric

_QUALITY = 90


class Pair(NamedTuple):
    """Two products, and how similar an Embedder finds them.

    Attributes:
      names: Of the two.
      photos: uint8 `[2, side, side, 3]`, as prepared.
      agreement: What was computed.
      layout: Of the parts.
      notes: What else is to be said.
    """

    names: tuple[str, str]
    photos: np.ndarray
    agreement: Agreement
    layout: str
    notes: Sequence[str] = ()


class _Row(NamedTuple):
    """A row of the table."""

    number: int
    place: str
    similarity: float
    weight: float


def write_pair(path: Path, pair: Pair) -> None:
    """Writes the photos with the similarity of each part, and a table of them.

    Args:
      path: Of the file, which appears whole or not at all; ".png" for a picture, any
        other ending for a page.
      pair: What is shown.
    """
    agreement = pair.agreement
    scale = ColorScale.for_values(agreement.similarities)
    maps = [draw_agreement(photo, pair, scale) for photo in pair.photos]
    if path.suffix.lower() == ".png":
        title = f"Similarity {agreement.whole:.3f}; by parts, {agreement.joint:.3f}"
        row = [
            Captioned(name, np.asarray(picture))
            for name, picture in zip(pair.names, maps, strict=True)
        ]
        return write_sheet(path, title, [row], scale, inches=5.0)
    return write_page(
        path,
        "pair.html.j2",
        names=pair.names,
        photos=[as_thumbnail(Image.fromarray(p), _QUALITY) for p in pair.photos],
        maps=[as_thumbnail(picture, _QUALITY) for picture in maps],
        agreement=agreement,
        layout=say_layout(pair.layout),
        is_symmetric=is_symmetric(pair.layout),
        rows=_rows(pair),
        ticks=scale.ticks(),
        notes=pair.notes,
    )


def draw_agreement(photo: np.ndarray, pair: Pair, scale: ColorScale) -> Image.Image:
    """Draws the number and the similarity of each part over a photo in grey.

    Args:
      photo: uint8 `[side, side, 3]`.
      pair: Whose similarities are drawn.
      scale: Their colors.
    """
    similarities = pair.agreement.similarities
    grey = np.asarray(Image.fromarray(photo).convert("L").convert("RGB"))
    return draw_parts(
        grey,
        pair.layout,
        [f"{i}\n{value:.2f}" for i, value in enumerate(similarities, start=1)],
        [scale.color(value) for value in similarities],
    )


def _rows(pair: Pair) -> list[_Row]:
    """The table, those that agree least first."""
    similarities, weights = pair.agreement[:2]
    places = say_places(pair.layout)
    return [
        _Row(i + 1, places[i], float(similarities[i]), float(weights[i]))
        for i in np.argsort(similarities, kind="stable").tolist()
    ]
