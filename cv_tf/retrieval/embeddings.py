"""What every room asks of embeddings before it compares them."""

from __future__ import annotations

import numpy as np

# Wide enough for embeddings that were normalised in half precision.
_LENGTH_TOLERANCE = 1e-2


def check_embeddings(embeddings: np.ndarray) -> np.ndarray:
    """Returns embeddings as a float32 array, checked.

    Args:
      embeddings: `[num_products, dim]`, floating point, every row of length 1.

    Returns:
      `[num_products, dim]` float32, C-contiguous; the input itself where it is
      that already.

    Raises:
      ValueError: If the array is not a matrix, is empty, holds NaN or infinity, or
        has rows whose length is not 1. The message names the first such row.
    """
    embeddings = np.ascontiguousarray(embeddings, dtype=np.float32)
    if embeddings.ndim != 2 or 0 in embeddings.shape:
        raise ValueError(
            f"Embeddings have shape {embeddings.shape}; expected [num_products, dim] "
            "with at least one product. Pass one vector a product."
        )
    length = np.sqrt(np.einsum("nd,nd->n", embeddings, embeddings))
    _refuse(
        ~np.isfinite(length),
        "hold NaN or infinity",
        "Training has probably diverged: check its loss, and the embedder's weights.",
    )
    _refuse(
        np.abs(length - 1) > _LENGTH_TOLERANCE,
        "are not of length 1",
        "Divide each embedding by its L2 norm.",
    )
    return embeddings


def _refuse(bad: np.ndarray, what: str, remedy: str) -> None:
    if bad.any():
        raise ValueError(
            f"{bad.sum()} of {len(bad)} embeddings {what} (the first is row "
            f"{bad.argmax()}); expected finite, L2-normalised rows. {remedy}"
        )
