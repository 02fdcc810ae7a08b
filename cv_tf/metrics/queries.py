"""Product by product: what is found nearest, and how much of it is right."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cv_tf.metrics.retrieval import (
    SEARCHED,
    average_precision_at_r,
    count_variants,
    is_variant,
)
from cv_tf.retrieval import Neighbors, nearest


class Queries(NamedTuple):
    """Products that have a variant, those whose variants are found worst first.

    Attributes:
      rows: `[num_queries]` rows of the products.
      neighbors: Of each, within its block.
      is_right: `[num_queries, k]` bool, which neighbors are variants.
      num_variants: `[num_queries]`, how many there are to be found.
      precision: `[num_queries]` float64, the average precision at R.
    """

    rows: np.ndarray
    neighbors: Neighbors
    is_right: np.ndarray
    num_variants: np.ndarray
    precision: np.ndarray


def rank_queries(
    embeddings: np.ndarray,
    styles: np.ndarray,
    blocks: np.ndarray | None = None,
    k: int = 6,
    engine: str = "auto",
) -> Queries:
    """Looks for the variants of every product that has one.

    Args:
      embeddings: `[num_products, dim]` float32, L2-normalised.
      styles: `[num_products]` integers, the true styles; -1 where unknown.
      blocks: `[num_products]` integers, or None for one block of all products.
      k: Neighbors to find, or more where a style has more variants.
      engine: Engine of the search, as in `cv_tf.retrieval.nearest`.

    Returns:
      The queries by ascending precision; of equals, those that take a stranger for a
      variant with the highest similarity come first.

    Raises:
      ValueError: As `cv_tf.retrieval.nearest`.
    """
    num_variants = count_variants(styles)
    rows = np.flatnonzero(num_variants)
    num_variants = num_variants[rows]
    k = max(k, int(num_variants.max(initial=0)))
    found = nearest(embeddings, k, blocks, engine, rows, SEARCHED)
    is_right = is_variant(found, styles, rows)
    precision = average_precision_at_r(is_right, num_variants)
    stranger = np.where(is_right, -np.inf, found.similarities).max(axis=1)
    order = np.lexsort((-stranger, precision.round(9)))
    return Queries(
        rows[order],
        Neighbors(found.indices[order], found.similarities[order]),
        is_right[order],
        num_variants[order],
        precision[order],
    )
