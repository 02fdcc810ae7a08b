"""Neighbors as a search returns them, and checks of embeddings and blocks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cv_tf.embeddings import LENGTH_TOLERANCE, in_pieces
from cv_tf.errors import UserError


@dataclass(frozen=True)
class Neighbors:
    """The nearest neighbors of some queries, the most similar first.

    Attributes:
      indices: [num_queries, k] int32, row numbers of the embeddings that were searched;
        -1 where fewer than `k` products were there to be found.
      similarities: [num_queries, k] float32, dot products of the L2-normalized
        embeddings, descending; -inf where `indices` is -1.
    """

    indices: np.ndarray
    similarities: np.ndarray

    @classmethod
    def none(cls, num_queries: int, k: int) -> Neighbors:
        """Neighbors of which every place is still empty, to be filled."""
        return cls(
            indices=np.full((num_queries, k), -1, np.int32),
            similarities=np.full((num_queries, k), -np.inf, np.float32),
        )

    def without(self, rows: np.ndarray) -> Neighbors:
        """Leaves one row out of each query's neighbors, or else the last of them.

        Of `k + 1` neighbors, a product that is searched for among products keeps its
        `k` others, in the same order.
        """
        out = self.indices == rows[:, None]
        # A query without its row among its neighbors loses the last one.
        out[~out.any(axis=1), -1] = True
        shape = (len(rows), self.indices.shape[1] - 1)
        return Neighbors(
            self.indices[~out].reshape(shape), self.similarities[~out].reshape(shape)
        )


def rows_by_block(
    blocks: np.ndarray | None, num_products: int
) -> Iterator[tuple[int, np.ndarray]]:
    """Yields each block and the rows of its products, int64, both ascending.

    Args:
      blocks: [num_products] int, block of each product; None puts all into block 0.
      num_products: Number of products.

    Raises:
      ValueError: If `blocks` has another length than `num_products`.
    """
    if blocks is None:
        blocks = np.zeros(num_products, np.int32)
    blocks = np.asarray(blocks)
    if blocks.shape != (num_products,):
        raise UserError(
            f"Blocks have shape {blocks.shape}; expected ({num_products},), one block "
            "for each embedding. Pass the blocks of the same rows in the same order."
        )
    if num_products == 0:
        return
    # A stable sort keeps the rows of a block ascending.
    order = np.argsort(blocks, kind="stable")
    values, starts = np.unique(blocks[order], return_index=True)
    for value, rows in zip(values, np.split(order, starts[1:]), strict=True):
        yield int(value), rows


def check_embeddings(embeddings: np.ndarray) -> np.ndarray:
    """Checks embeddings, and returns them as a C-contiguous float32 array.

    Args:
      embeddings: [num_products, dim] float, rows of length 1; copied only if needed.

    Raises:
      ValueError: If the array is not a matrix, is empty, holds NaN or infinity, or has
        rows whose length is not 1. The message names the first such row.
    """
    return check_vectors(embeddings).astype(np.float32, copy=False)


def check_vectors(embeddings: np.ndarray) -> np.ndarray:
    """Checks embeddings as `check_embeddings` does, which stay in half precision.

    Args:
      embeddings: [num_products, dim] float, rows of length 1; copied only if needed.

    Returns:
      The same, C-contiguous, as float16 if they are, and as float32 otherwise.

    Raises:
      ValueError: As `check_embeddings`.
    """
    embeddings = np.asarray(embeddings)
    kind = np.float16 if embeddings.dtype == np.float16 else np.float32
    embeddings = np.ascontiguousarray(embeddings, dtype=kind)
    if embeddings.ndim != 2 or 0 in embeddings.shape:
        raise UserError(
            f"Embeddings have shape {embeddings.shape}; expected [num_products, dim] "
            "with at least one product. Pass one vector a product."
        )
    length = np.empty(len(embeddings), np.float32)
    for rows, some in in_pieces(embeddings):
        length[rows] = np.sqrt(np.einsum("nd,nd->n", some, some))
    _refuse(
        ~np.isfinite(length),
        "hold NaN or infinity",
        "Training has probably diverged: check its loss, and the embedder's weights.",
    )
    _refuse(
        np.abs(length - 1) > LENGTH_TOLERANCE,
        "are not of length 1",
        "Divide each embedding by its L2 norm.",
    )
    return embeddings


def _refuse(bad: np.ndarray, what: str, remedy: str) -> None:
    if bad.any():
        raise UserError(
            f"{bad.sum()} of {len(bad)} embeddings {what} (the first is row "
            f"{bad.argmax()}); expected finite, L2-normalized rows. {remedy}"
        )
