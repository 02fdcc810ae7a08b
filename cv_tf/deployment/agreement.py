"""How much the vectors of an export are those of the Embedder."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

# The mean cosine that an export must reach, by its precision. What computes in
# floats differs in the last digits; whitening magnifies what quantization loses.
TOLERANCE = {"float32": 0.9999, "float16": 0.999, "int8_weights": 0.9, "int8": 0.6}


class ExportError(ValueError):
    """An export that is not what it should be."""


class Agreement(NamedTuple):
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


def compare_vectors(expected: np.ndarray, found: np.ndarray) -> Agreement:
    """Compares unit vectors, each `[n, dimensions]`, row by row."""
    cosines = np.einsum("nd,nd->n", expected, found, dtype=np.float64)
    same = _nearest(expected) == _nearest(found)
    return Agreement(
        num_photos=len(cosines),
        lowest_cosine=float(cosines.min()),
        mean_cosine=float(cosines.mean()),
        same_nearest=float(same.mean()) if len(same) > 1 else float("nan"),
    )


def check_agreement(agreement: Agreement, precision: str, what: str) -> None:
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
