"""What the first step learns from, as images in TensorBoard."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf

from cv_tf.config import Config
from cv_tf.inspection.previews import Preview, preview_first_batch
from cv_tf.pipeline import Photos
from cv_tf.report.pictures import Captioned, draw_sheet
from cv_tf.report.views import captioned

_NUM_PRODUCTS = 8
# Files of curves end otherwise.
_SUFFIX = ".views"
_DESCRIPTION = "As it is prepared, beside the views that the first step learns from."


def show_first_batch(folder: Path, config: Config, photos: Photos) -> None:
    """Writes some products of the first batch, their views, and parts where cut.

    Nothing is written where that was done before: a run may be gone on with.

    Args:
      folder: Where TensorBoard looks; made if needed.
      config: Of the training.
      photos: Those to learn from.
    """
    if any(folder.glob(f"*{_SUFFIX}")):
        return
    pictures = {
        f"views/{product.product_id}": _draw(product, config)
        for product in preview_first_batch(config, photos, _NUM_PRODUCTS).products
    }
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".", dir=folder) as unfinished:
        writer = tf.summary.create_file_writer(unfinished, filename_suffix=_SUFFIX)
        with writer.as_default(step=0):
            for name, picture in pictures.items():
                tf.summary.image(name, picture[None], description=_DESCRIPTION)
        writer.close()
        (file,) = Path(unfinished).iterdir()
        file.rename(folder / file.name)


def _draw(product: Preview, config: Config) -> np.ndarray:
    names = (product.product_id, product.block, product.color)
    pictures = _rows(captioned(product, config))
    return draw_sheet(", ".join(filter(None, names)), pictures)


def _rows(pictures: list[Captioned]) -> list[list[Captioned]]:
    """Two rows of two, for TensorBoard's cards are narrow; up to three in one."""
    return [pictures[:2], pictures[2:]] if len(pictures) == 4 else [pictures]
