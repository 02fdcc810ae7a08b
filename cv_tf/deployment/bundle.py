"""Writes an Embedder in another format, and keeps it if it says the same."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from cv_tf.catalog import Catalog, CatalogError
from cv_tf.deployment.savedmodel import (
    Vectors,
    load_onnx,
    load_savedmodel,
    write_onnx,
    write_savedmodel,
)
from cv_tf.deployment.tflite import load_tflite, write_tflite
from cv_tf.embeddings import embed
from cv_tf.errors import UserError
from cv_tf.files import whole_file, whole_folder
from cv_tf.models import Embedder
from cv_tf.pipeline import Photos, in_order, scan_photos

# The mean cosine that an export must reach, by its precision. What computes in
# floats differs in the last digits; whitening magnifies what quantization loses.
TOLERANCE = {"float32": 0.9999, "float16": 0.999, "int8_weights": 0.9, "int8": 0.6}


class ExportError(UserError):
    """An export that is not what it should be."""


class ExportAgreement(NamedTuple):
    """Figures of two sets of vectors of the same photos.

    Attributes:
      num_photos: How many.
      lowest_cosine: Between the two vectors of a photo.
      mean_cosine: Of all photos.
      same_nearest: Share of photos whose nearest other photo is the same by both; NaN
        of a single photo.
    """

    num_photos: int
    lowest_cosine: float
    mean_cosine: float
    same_nearest: float


def compare_vectors(expected: np.ndarray, found: np.ndarray) -> ExportAgreement:
    """Compares unit vectors, each `[n, dimensions]`, row by row."""
    cosines = np.einsum("nd,nd->n", expected, found, dtype=np.float64)
    same = _nearest(expected) == _nearest(found)
    return ExportAgreement(
        num_photos=len(cosines),
        lowest_cosine=float(cosines.min()),
        mean_cosine=float(cosines.mean()),
        same_nearest=float(same.mean()) if len(same) > 1 else float("nan"),
    )


def check_agreement(agreement: ExportAgreement, precision: str, what: str) -> None:
    """Refuses vectors that are too far from the Embedder's.

    Raises:
      ExportError: If the mean cosine is below the tolerance, or no number.
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
    """[n]: the nearest other row of each."""
    similarities = vectors @ vectors.T
    np.fill_diagonal(similarities, -np.inf)
    return similarities.argmax(axis=1)


_BATCH = 16


def export_embedder(
    embedder: Embedder,
    format: str,  # noqa: A002 (the word of the flag)
    precision: str,
    find_frame: bool,
    checked: Photos,
    learned: Photos,
    output: Path,
) -> dict[str, ExportAgreement]:
    """Writes an export; it appears at `output` only if it agrees with the Embedder.

    Args:
      embedder: To export.
      format: One of `cv_tf.choices.EXPORT_FORMATS`.
      precision: One of `cv_tf.choices.EXPORT_PRECISIONS`; "float32" but for tflite.
      find_frame: Whether a SavedModel looks for the product in encoded photos.
      checked: Photos to compare vectors of.
      learned: Photos to learn ranges of "int8" from.
      output: The file, or the folder of a SavedModel; replaced if it is there.

    Returns:
      How well it agrees, by what it was given: "images", and "photos" if it takes
      encoded ones.

    Raises:
      ExportError: If it does not agree.
    """
    expected = embed(embedder, checked, _BATCH)
    whole = whole_folder if format == "savedmodel" else whole_file
    with whole(output) as unfinished:
        found = {}
        if format == "savedmodel":
            write_savedmodel(embedder, find_frame, unfinished)
            of_photos, of_images = load_savedmodel(unfinished)
            found["photos"] = _of_files(of_photos, checked)
        elif format == "tflite":
            sample = _pixels(learned) if precision == "int8" else np.zeros(0)
            write_tflite(embedder, precision, sample, unfinished)
            of_images = load_tflite(unfinished)
        else:
            write_onnx(embedder, unfinished)
            of_images = load_onnx(unfinished)
        found["images"] = of_images(_pixels(checked))
        agreements = {
            what: compare_vectors(expected, vectors) for what, vectors in found.items()
        }
        for what, agreement in agreements.items():
            check_agreement(agreement, precision, what)
    return agreements


def draw_photos(
    catalog: Catalog, size: int, frame: str, cache_dir: str, most: int
) -> tuple[Photos, Photos]:
    """Draws photos at random: some to check an export on, others to learn ranges from.

    Args:
      catalog: Of the products.
      size: Pixels a side.
      frame: Which part of a photo is the product.
      cache_dir: Where findings about photos are kept; "" for beside the data.
      most: Photos of each kind; at most half of the catalogue.

    Raises:
      CatalogError: If there are none that can be used.
    """
    rows = np.random.default_rng(0).permutation(len(catalog))
    middle = len(rows) - len(rows) // 2
    chosen = np.concatenate([rows[:middle][:most], rows[middle:][:most]])
    photos = scan_photos(catalog.select(chosen), size, frame, cache_dir or None)
    if not len(photos):
        raise CatalogError(
            f"{catalog.name}: none of the {len(chosen)} photos drawn to check the "
            "export on can be used. Pass a --catalog whose photos are there."
        )
    middle = len(photos) - len(photos) // 2
    return (
        photos.select(np.arange(middle)),
        photos.select(np.arange(middle, len(photos))),
    )


def _pixels(photos: Photos) -> np.ndarray:
    """uint8 [n, S, S, 3]."""
    size = photos.image_size
    images = [batch["image"] for batch in in_order(photos).as_numpy_iterator()]
    return np.concatenate([np.zeros((0, size, size, 3), np.uint8), *images])


def _of_files(of_photos: Vectors, photos: Photos) -> np.ndarray:
    """The vectors of encoded photos, a batch at a time."""
    starts = range(0, len(photos), _BATCH)
    batches = [range(start, min(start + _BATCH, len(photos))) for start in starts]
    return np.concatenate(
        [of_photos(np.array([photos.encoded(i) for i in rows])) for rows in batches]
    )
