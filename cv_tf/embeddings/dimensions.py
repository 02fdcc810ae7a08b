"""Vectors of fewer dimensions, for catalogs of millions of products."""

from __future__ import annotations

from pathlib import Path

from cv_tf.errors import UserError
from cv_tf.models import Embedder


def load_embedder(path: str | Path, dimensions: int = 0) -> Embedder:
    """Loads an Embedder whose vectors have the first of its dimensions alone.

    The dimensions of whitened vectors are in the order of what they tell of a catalog,
    so that the first 512 or 256 are nearly as good as all. They depend on the Embedder
    alone: vectors that were cut at one width can be compared, whenever they were made.

    Args:
      path: File of the Embedder.
      dimensions: Number of dimensions; 0 for all.

    Raises:
      UserError: If the Embedder has fewer, or does not whiten its vectors.
    """
    embedder = Embedder.load(path)
    if not dimensions:
        return embedder
    whitening = embedder.whitening
    if whitening is None:
        raise UserError(
            f"'{path}' does not whiten its vectors, whose dimensions are in no order. "
            "Leave --dimensions out, or train with whitening."
        )
    if dimensions > whitening.dimensions:
        raise UserError(
            f"--dimensions={dimensions} is more than the {whitening.dimensions} "
            f"dimensions of the vectors of '{path}'. Ask for {whitening.dimensions} at "
            "most, or leave it out for all."
        )
    if dimensions < whitening.dimensions:
        embedder.whitening = whitening.first(dimensions)
    return embedder
