"""Exact nearest neighbors by blocked matrix products."""

from __future__ import annotations

import numpy as np

from cv_tf.retrieval.neighbors import Neighbors

# 1,024 queries a product saturate the cores; more only cost memory.
_MAX_CHUNK = 1024
# Similarities held at once: 2^25 float32 are 128 MiB.
_MAX_SIMILARITIES = 2**25


def exact_search(embeddings: np.ndarray, queries: np.ndarray, k: int) -> Neighbors:
    """Finds the `k` most similar other products of each query.

    NumPy rather than TensorFlow: on CPUs its matrix product and `argpartition` are
    faster than `matmul` and `top_k`, and the full similarity matrix exists in
    neither case.

    Args:
      embeddings: `[num_products, dim]` float32, L2-normalised.
      queries: `[num_queries]` integers, rows of `embeddings`.
      k: Neighbors for each query.

    Returns:
      The neighbors, equally similar ones in the order of their rows; which of those
      that tie for the last place is among them is not defined.
    """
    found = Neighbors.none(len(queries), k)
    kept = min(k, len(embeddings) - 1)
    if kept == 0:
        return found
    chunk = int(np.clip(_MAX_SIMILARITIES // len(embeddings), 1, _MAX_CHUNK))
    for start in range(0, len(queries), chunk):
        own = queries[start : start + chunk]
        similarities = embeddings[own] @ embeddings.T
        similarities[np.arange(len(own)), own] = -np.inf
        indices = _largest(similarities, kept)
        found.indices[start : start + chunk, :kept] = indices
        found.similarities[start : start + chunk, :kept] = np.take_along_axis(
            similarities, indices, axis=1
        )
    return found


def _largest(values: np.ndarray, count: int) -> np.ndarray:
    """Returns the columns of each row's `count` largest values, descending."""
    split = values.shape[1] - count
    columns = np.argpartition(values, split, axis=1)[:, split:]
    # Ascending columns and a stable sort put ties in the order of rows.
    columns.sort(axis=1)
    order = np.argsort(-np.take_along_axis(values, columns, 1), axis=1, kind="stable")
    return np.take_along_axis(columns, order, axis=1)
