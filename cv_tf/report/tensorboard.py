"""Vectors with names and small photos, as TensorBoard's projector reads them."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import tensorflow as tf
from google.protobuf import text_format
from PIL import Image
from pyarrow import csv
from tensorboard.plugins.projector import ProjectorConfig
from tensorboard.plugins.projector.metadata import PROJECTOR_FILENAME

from cv_tf.catalog import Catalog
from cv_tf.config import Config
from cv_tf.files import whole_folder
from cv_tf.inspection import Preview, preview_first_batch
from cv_tf.pipeline import Photos, in_order
from cv_tf.report.inspection_pages import captioned
from cv_tf.report.pictures import Captioned, draw_sheet
from cv_tf.training import sample_styles

# Tiles of 64 pixels, 64 in a row: a side of 4,096. Browsers draw up to 8,192 at most.
_MOST_PRODUCTS = 4096
_TILE = 64
_NAME = "products"
_VECTORS, _METADATA, _SPRITE = "vectors.tsv", "metadata.tsv", "sprite.jpg"


def write_projector(folder: Path, photos: Photos, vectors: np.ndarray) -> None:
    """Writes vectors, metadata and thumbnails; they appear together or not at all.

    Of more than 4,096 products, whole styles are drawn.

    Args:
      folder: Where TensorBoard looks; its `projector` is replaced.
      photos: Of n products.
      vectors: float32 `[n, dimensions]`.
    """
    rows = sample_styles(photos.catalog.style, _MOST_PRODUCTS, seed=0)[:_MOST_PRODUCTS]
    photos, vectors = photos.select(rows), vectors[rows]
    target = folder / "projector"
    folder.mkdir(parents=True, exist_ok=True)
    with whole_folder(target) as unfinished:
        write_vectors(unfinished / _VECTORS, vectors)
        (unfinished / _METADATA).write_text(metadata(photos.catalog), encoding="utf-8")
        Image.fromarray(draw_sprite(photos)).save(unfinished / _SPRITE, quality=90)
        (unfinished / PROJECTOR_FILENAME).write_text(_config())
    # A file of events, though an empty one, makes a run of its own. TensorBoard, where
    # it was started before, looks into new runs alone.
    tf.summary.create_file_writer(str(target)).close()


def write_vectors(path: Path, vectors: np.ndarray) -> None:
    """Writes float32 `[n, dimensions]` as text, a vector a line, exactly.

    As bytes they would be smaller, but TensorBoard tells bytes from text by trial, and
    takes some bytes for text.
    """
    columns = [pa.array(np.ascontiguousarray(column)) for column in vectors.T]
    table = pa.table(columns, names=[str(number) for number in range(len(columns))])
    csv.write_csv(table, path, csv.WriteOptions(include_header=False, delimiter="\t"))


def metadata(catalog: Catalog) -> str:
    """What is known of products, as a table with a header, a product a line.

    Without a second column, TensorBoard would take the header for a product.
    """
    columns = {
        "product_id": catalog.product_id,
        "style_id": catalog.style_id,
        "block": [catalog.block_names[block] for block in catalog.block],
        "color": catalog.color,
        "split": catalog.split,
    }
    there = {name: column for name, column in columns.items() if column is not None}
    return "".join(map(_line, [there, *zip(*there.values(), strict=True)]))


def _line(cells: Sequence[str]) -> str:
    return "\t".join(" ".join(cell.split()) for cell in cells) + "\n"


def draw_sprite(photos: Photos) -> np.ndarray:
    """All photos as they are prepared, as tiles of one picture, row by row.

    Returns:
      uint8 `[height, width, 3]`, hardly taller than wide; missing tiles are white.
    """
    num_columns = math.ceil(math.sqrt(len(photos)))
    num_rows = math.ceil(len(photos) / num_columns)
    tiles = np.full((num_rows * num_columns, _TILE, _TILE, 3), 255, np.uint8)
    for batch in in_order(photos):
        small = tf.image.resize(batch["image"], (_TILE, _TILE), "area")
        tiles[batch["row"].numpy()] = tf.saturate_cast(tf.round(small), tf.uint8)
    grid = tiles.reshape(num_rows, num_columns, _TILE, _TILE, 3)
    return grid.swapaxes(1, 2).reshape(num_rows * _TILE, num_columns * _TILE, 3)


def _config() -> str:
    config = ProjectorConfig()
    embedding = config.embeddings.add(
        tensor_name=_NAME, tensor_path=_VECTORS, metadata_path=_METADATA
    )
    embedding.sprite.image_path = _SPRITE
    embedding.sprite.single_image_dim.extend((_TILE, _TILE))
    return text_format.MessageToString(config)


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
