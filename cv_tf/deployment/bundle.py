"""Exports an Embedder in a format, and keeps it if its vectors are the same."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from cv_tf.atomic import whole_file, whole_folder
from cv_tf.catalog import Catalog, CatalogError
from cv_tf.deployment.savedmodel import (
    Vectors,
    load_onnx,
    load_savedmodel,
    write_onnx,
    write_savedmodel,
)
from cv_tf.deployment.tflite import load_tflite, write_tflite
from cv_tf.errors import UserError
from cv_tf.models import Embedder, compiled
from cv_tf.pipeline import Photos, in_order, scan_photos

# Least mean cosine with the Embedder's vectors, by precision. Floats differ in their
# last digits; whitening magnifies what quantization loses.
TOLERANCE = {"float32": 0.9999, "float16": 0.999, "int8_weights": 0.9}

_BATCH_SIZE = 16


class ExportError(UserError):
    """An export does not agree with the Embedder."""


class ExportAgreement(NamedTuple):
    """How well the vectors of an export agree with those of the Embedder.

    Cosines, in [-1, 1], are those of the two vectors of a photo; `same_nearest` is the
    share of photos, 0 to 1, whose nearest other photo is the same by both.
    """

    num_photos: int
    lowest_cosine: float
    mean_cosine: float
    same_nearest: float  # NaN for a single photo.


def export_embedder(
    embedder: Embedder,
    format: str,  # noqa: A002 (the word of the flag)
    precision: str,
    find_frame: bool,
    photos: Photos,
    output: Path,
) -> dict[str, ExportAgreement]:
    """Writes an export; it appears at `output` only if it agrees with the Embedder.

    Args:
      embedder: The Embedder.
      format: One of `cv_tf.choices.EXPORT_FORMATS`.
      precision: One of `cv_tf.choices.EXPORT_PRECISIONS`; "float32" except for tflite.
      find_frame: Whether a SavedModel searches for the product in encoded photos.
      photos: Photos whose vectors are compared.
      output: Path of the file, or of the folder of a SavedModel; replaced if it exists.

    Returns:
      How well the export agrees, by its input: "images", and "photos" if it takes
      encoded ones.

    Raises:
      ExportError: If it does not agree.
    """
    batches = in_order(photos).as_numpy_iterator()
    images = np.concatenate([batch["image"] for batch in batches])
    expected = _of_graph(embedder, images)
    whole = whole_folder if format == "savedmodel" else whole_file
    with whole(output) as unfinished:
        found = {}
        if format == "savedmodel":
            write_savedmodel(embedder, find_frame, unfinished)
            of_photos, of_images = load_savedmodel(unfinished)
            found["photos"] = _of_files(of_photos, photos)
        elif format == "tflite":
            write_tflite(embedder, precision, unfinished)
            of_images = load_tflite(unfinished)
        else:
            write_onnx(embedder, unfinished)
            of_images = load_onnx(unfinished)
        found["images"] = of_images(images)
        agreements = {
            what: compare_vectors(expected, vectors) for what, vectors in found.items()
        }
        for what, agreement in agreements.items():
            check_agreement(agreement, precision, what)
    return agreements


def _of_graph(embedder: Embedder, images: np.ndarray) -> np.ndarray:
    """The vectors of images by TensorFlow, which an export is compared with."""
    graph = compiled(embedder, embedder.image_size)
    starts = range(0, len(images), _BATCH_SIZE)
    batches = [images[start : start + _BATCH_SIZE] for start in starts]
    return np.concatenate([graph(batch).numpy() for batch in batches])


def draw_photos(
    catalog: Catalog, size: int, frame: str, cache_dir: str, most: int
) -> Photos:
    """Draws photos at random, to check an export on.

    Args:
      catalog: The products.
      size: Side of the images in pixels.
      frame: How the product's frame is found, one of `cv_tf.choices.FRAMES`.
      cache_dir: Cache folder of frames and converted photos; "" for beside the data.
      most: Number of photos to draw; all where the catalogue has fewer.

    Raises:
      CatalogError: If none of them can be used.
    """
    rows = np.random.default_rng(0).permutation(len(catalog))[:most]
    photos = scan_photos(catalog.select(rows), size, frame, cache_dir or None)
    if not len(photos):
        raise CatalogError(
            f"{catalog.name}: none of the {len(rows)} photos drawn to check the export "
            "on can be used. Pass a --catalog whose photos are there."
        )
    return photos


def compare_vectors(expected: np.ndarray, found: np.ndarray) -> ExportAgreement:
    """Compares unit vectors, each float32 `[n, d]`, row by row."""
    cosines = np.einsum("nd,nd->n", expected, found, dtype=np.float64)
    same = _nearest(expected) == _nearest(found)
    return ExportAgreement(
        num_photos=len(cosines),
        lowest_cosine=float(cosines.min()),
        mean_cosine=float(cosines.mean()),
        same_nearest=float(same.mean()) if len(same) > 1 else float("nan"),
    )


def check_agreement(agreement: ExportAgreement, precision: str, what: str) -> None:
    """Raises `ExportError` if the mean cosine is NaN, or too low for the precision.

    The message names the input of the export, `what`: "images" or "photos".
    """
    tolerance = TOLERANCE[precision]
    if not agreement.mean_cosine >= tolerance:
        raise ExportError(
            f"The export is not kept: over {agreement.num_photos} photos, vectors of "
            f"{what} have a mean cosine of {agreement.mean_cosine:.4f} with those of "
            f"the Embedder; {tolerance} is the least for {precision}. Pass another "
            "--format or --precision."
        )


def _nearest(vectors: np.ndarray) -> np.ndarray:
    """The row number of the nearest other row of each, `[n]`."""
    similarities = vectors @ vectors.T
    np.fill_diagonal(similarities, -np.inf)
    return similarities.argmax(axis=1)


def _of_files(of_photos: Vectors, photos: Photos) -> np.ndarray:
    """The vectors of encoded photos, computed batch by batch."""
    encoded = [photos.encoded(row) for row in range(len(photos))]
    starts = range(0, len(encoded), _BATCH_SIZE)
    return np.concatenate(
        [of_photos(np.array(encoded[start : start + _BATCH_SIZE])) for start in starts]
    )
