"""Exact neighbors of all products among each other: each pair is compared once."""

from __future__ import annotations

import numpy as np

from cv_tf.retrieval.exact import merge_neighbors, ranked, top_k
from cv_tf.retrieval.neighbors import Neighbors

# Similarities that are held at once, 64 MB of them, and rows of theirs at most.
_AT_ONCE, _MOST_ROWS = 2**24, 1024
# Candidates of a row, in multiples of k, from which on `top_k` is faster.
_MANY = 4


def nearest_of_all(vectors: np.ndarray, k: int) -> Neighbors:
    """Finds the `k` most similar other products of each product.

    The similarities of some rows with all later ones serve both: as their rows, and as
    their columns. So half of the multiplications do. The neighbors are those that
    `ExactIndex` finds, with similarities that may be rounded otherwise.

    Args:
      vectors: [n, dimensions] float32, of length 1.
      k: Number of neighbors, at least 1.
    """
    num_products = len(vectors)
    found = Neighbors.none(num_products, k)
    size = min(max(_AT_ONCE // num_products, 1), _MOST_ROWS)
    for start in range(0, num_products, size):
        own = slice(start, min(start + size, num_products))
        similarities = vectors[own] @ vectors[start:].T
        np.fill_diagonal(similarities, -np.inf)  # A product is no neighbor of itself.
        _take(found, own, similarities, first=start)
        later = slice(own.stop, num_products)
        _take(found, later, similarities[:, own.stop - start :].T, first=start)
    return found


def _take(found: Neighbors, rows: slice, values: np.ndarray, first: int) -> None:
    """Merges what is most similar of [num_rows, num_columns] values into neighbors."""
    if not values.size:
        return
    k = found.indices.shape[1]
    above = found.similarities[rows, -1]
    is_candidate = values > above[:, None]
    # Where most rows know neighbors already, few are nearer.
    if np.count_nonzero(is_candidate) > _MANY * k * len(values):
        columns, largest = top_k(np.ascontiguousarray(values), k, above)
    else:
        row, column = _places(is_candidate)
        columns, largest = ranked(row, column, values, k)
    merge_neighbors(found, rows, columns, largest, first)


def _places(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of what is true; quick where that is little."""
    if mask.flags.c_contiguous:
        row, column = np.divmod(np.flatnonzero(mask), mask.shape[1])
    else:
        column, row = np.divmod(np.flatnonzero(mask.T), mask.shape[0])
    return row, column
