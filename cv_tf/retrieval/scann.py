"""Approximate nearest neighbors with ScaNN."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cv_tf.retrieval.neighbors import Neighbors

# https://github.com/google-research/google-research/blob/master/scann/docs/algorithms.md
BRUTE_FORCE_BELOW = 20_000
_TREE_ABOVE = 100_000
# With spilling (SOAR, arXiv 2404.00774) a tenth of the leaves holds 0.99 of the
# true neighbors of product embeddings; without it, 0.98.
_SEARCHED_LEAVES = 0.1
_SOAR = {"soar_lambda": 1.5, "overretrieve_factor": 2.0}
# Quantized scores only preselect; this many times `k` are scored again exactly.
_REORDERED = 10


def scann_search(embeddings: np.ndarray, queries: np.ndarray, k: int) -> Neighbors:
    """Finds about the `k` most similar other products of each query.

    Args:
      embeddings: `[num_products, dim]` float32, L2-normalised.
      queries: `[num_queries]` integers, rows of `embeddings`.
      k: Neighbors for each query.

    Returns:
      The neighbors; their similarities are exact, but a few may be missed.

    Raises:
      ImportError: If ScaNN cannot be loaded.

    Source: Guo et al., "Accelerating Large-Scale Inference with Anisotropic Vector
    Quantization" (arXiv 1908.10396).
    """
    # One more than asked for: every product finds itself.
    searcher = _build(embeddings, min(k + 1, len(embeddings)))
    indices, similarities = searcher.search_batched_parallel(embeddings[queries])
    return _without_self(indices.astype(np.int32), similarities, queries, k)


def load_scann() -> Any:
    """Imports ScaNN, late: it brings TensorFlow with it.

    Returns:
      The module that builds searchers.

    Raises:
      ImportError: If ScaNN is not installed, or not built for this TensorFlow.
    """
    try:
        from scann.scann_ops.py import scann_ops_pybind  # noqa: PLC0415
    # A ScaNN built for another TensorFlow fails with TensorFlow's NotFoundError.
    except Exception as error:
        raise ImportError(
            f"ScaNN cannot be loaded ({type(error).__name__}: {error}). It has wheels "
            "for Linux, and scann 1.4.2 needs TensorFlow 2.20. Install "
            "'scann==1.4.2' beside 'tensorflow==2.20.*', or use exact search."
        ) from error
    return scann_ops_pybind


def _build(embeddings: np.ndarray, k: int) -> Any:
    """Builds the searcher that ScaNN's guide recommends for this many products."""
    num_products = len(embeddings)
    builder = load_scann().builder(embeddings, k, "dot_product")
    if num_products < BRUTE_FORCE_BELOW:
        return builder.score_brute_force().build()
    if num_products > _TREE_ABOVE:
        num_leaves = math.isqrt(num_products)
        builder = builder.tree(num_leaves, int(num_leaves * _SEARCHED_LEAVES), **_SOAR)
    builder = builder.score_ah(2, anisotropic_quantization_threshold=0.2)
    return builder.reorder(min(_REORDERED * k, num_products)).build()


def _without_self(
    indices: np.ndarray, similarities: np.ndarray, queries: np.ndarray, k: int
) -> Neighbors:
    """Removes each query from its own neighbors and pads what is missing."""
    found = Neighbors.none(len(queries), k)
    # ScaNN fills the places of neighbors that it did not find with NaN.
    unusable = (indices == queries[:, None]) | ~np.isfinite(similarities)
    # Stable, so that usable neighbors move to the front in the order they were in.
    order = np.argsort(unusable, axis=1, kind="stable")[:, :k]
    usable = ~np.take_along_axis(unusable, order, axis=1)
    kept = order.shape[1]
    found.indices[:, :kept][usable] = np.take_along_axis(indices, order, 1)[usable]
    found.similarities[:, :kept][usable] = np.take_along_axis(similarities, order, 1)[
        usable
    ]
    return found
