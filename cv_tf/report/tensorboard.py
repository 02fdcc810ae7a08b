"""Files for TensorBoard: vectors for its projector, and views of the first batch."""

from __future__ import annotations

import math
import shutil
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

from cv_tf.atomic import whole_file, whole_folder
from cv_tf.catalog import Catalog
from cv_tf.config import Config
from cv_tf.inspection import Preview, preview_first_batch
from cv_tf.pipeline import Photos, in_order
from cv_tf.report.inspection_pages import captioned
from cv_tf.report.pictures import draw_sheet
from cv_tf.training import sample_styles

# 64 x 64 tiles of 64 pixels have a side of 4,096 pixels; browsers draw up to 8,192.
_MOST_PRODUCTS = 4096
_TILE = 64
_NAME = "products"
_VECTORS, _METADATA, _SPRITE = "vectors.tsv", "metadata.tsv", "sprite.jpg"

_NUM_PRODUCTS = 8  # Products of the first batch that are shown.
_SUFFIX = ".views"  # Other event files end differently.
_DESCRIPTION = "As it is prepared, beside the views that the first step learns from."


def write_projector(folder: Path, photos: Photos, vectors: np.ndarray) -> None:
    """Writes vectors, metadata and thumbnails; they appear together or not at all.

    Of more than 4,096 products, a random sample of whole styles is written.

    Args:
      folder: Log folder of TensorBoard; its subfolder `projector` is replaced.
      photos: Photos of n products.
      vectors: Vectors of the products, float32 `[n, dimensions]`.
    """
    rows = sample_styles(photos.catalog.style, _MOST_PRODUCTS, seed=0)[:_MOST_PRODUCTS]
    photos, vectors = photos.select(rows), vectors[rows]
    target = folder / "projector"
    folder.mkdir(parents=True, exist_ok=True)
    with whole_folder(target) as unfinished:
        write_vectors(unfinished / _VECTORS, vectors)
        (unfinished / _METADATA).write_text(metadata(photos.catalog), encoding="utf-8")
        Image.fromarray(draw_sprite(photos)).save(unfinished / _SPRITE, quality=90)
        (unfinished / PROJECTOR_FILENAME).write_text(_projector_config())
    # An empty event file makes the folder a new run: a TensorBoard that is already
    # running only notices new runs.
    tf.summary.create_file_writer(str(target)).close()


def write_vectors(path: Path, vectors: np.ndarray) -> None:
    """Writes float32 `[n, dimensions]` as text, one vector per line, without loss.

    A binary file would be smaller, but TensorBoard tries to read each file as text
    first, and succeeds with some binary files.
    """
    columns = [pa.array(np.ascontiguousarray(column)) for column in vectors.T]
    table = pa.table(columns, names=[str(number) for number in range(len(columns))])
    csv.write_csv(table, path, csv.WriteOptions(include_header=False, delimiter="\t"))


def metadata(catalog: Catalog) -> str:
    """The columns of a catalog as tab-separated text, one product per line.

    There are always two columns or more: TensorBoard would read the header of a single
    column as a product.
    """
    columns = {
        "product_id": catalog.product_id,
        "style_id": catalog.style_id,
        "block": [catalog.block_names[block] for block in catalog.block],
        "color": catalog.color,
        "split": catalog.split,
    }
    known = {name: column for name, column in columns.items() if column is not None}
    return "".join(map(_line, [tuple(known), *zip(*known.values(), strict=True)]))


def _line(cells: Sequence[str]) -> str:
    return "\t".join(" ".join(cell.split()) for cell in cells) + "\n"


def draw_sprite(photos: Photos) -> np.ndarray:
    """Draws all prepared photos as tiles of one picture, row by row.

    Returns:
      uint8 `[height, width, 3]`, about square; unused tiles are white.
    """
    num_columns = math.ceil(math.sqrt(len(photos)))
    num_rows = math.ceil(len(photos) / num_columns)
    tiles = np.full((num_rows * num_columns, _TILE, _TILE, 3), 255, np.uint8)
    for batch in in_order(photos):
        small = tf.image.resize(batch["image"], (_TILE, _TILE), "area")
        tiles[batch["row"].numpy()] = tf.saturate_cast(tf.round(small), tf.uint8)
    grid = tiles.reshape(num_rows, num_columns, _TILE, _TILE, 3)
    return grid.swapaxes(1, 2).reshape(num_rows * _TILE, num_columns * _TILE, 3)


def _projector_config() -> str:
    config = ProjectorConfig()
    embedding = config.embeddings.add(
        tensor_name=_NAME, tensor_path=_VECTORS, metadata_path=_METADATA
    )
    embedding.sprite.image_path = _SPRITE
    embedding.sprite.single_image_dim.extend((_TILE, _TILE))
    return text_format.MessageToString(config)


def show_first_batch(folder: Path, config: Config, photos: Photos) -> None:
    """Writes some products of the first batch with their views and parts.

    Does nothing if the folder has them already, as when a training is resumed.

    Args:
      folder: Log folder of TensorBoard; created if needed.
      config: Settings of the training.
      photos: Photos to train on.
    """
    if any(folder.glob(f"*{_SUFFIX}")):
        return
    products = preview_first_batch(config, photos, _NUM_PRODUCTS).products
    pictures = {f"views/{of.product_id}": _draw(of, config) for of in products}
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        writer = tf.summary.create_file_writer(scratch, filename_suffix=_SUFFIX)
        with writer.as_default(step=0):
            for name, picture in pictures.items():
                tf.summary.image(name, picture[None], description=_DESCRIPTION)
        writer.close()
        (file,) = Path(scratch).iterdir()
        with whole_file(folder / file.name) as unfinished:
            shutil.copyfile(file, unfinished)


def _draw(product: Preview, config: Config) -> np.ndarray:
    names = filter(None, (product.product_id, product.block, product.color))
    pictures = captioned(product, config)
    # Four pictures take two rows, because TensorBoard's cards are narrow.
    rows = [pictures[:2], pictures[2:]] if len(pictures) == 4 else [pictures]
    return draw_sheet(", ".join(names), rows)
