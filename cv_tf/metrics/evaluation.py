"""All figures of a set of embeddings."""

from __future__ import annotations

import numpy as np

from cv_tf.grouping import average_linkage
from cv_tf.metrics.grouping import grouping_figures
from cv_tf.metrics.retrieval import retrieval_figures


def evaluate_embeddings(
    embeddings: np.ndarray,
    styles: np.ndarray,
    blocks: np.ndarray | None,
    threshold: float,
    engine: str = "auto",
) -> dict[str, float]:
    """Measures retrieval, and grouping by average linkage at a threshold.

    Args:
      embeddings: `[num_products, dim]` float32, L2-normalised.
      styles: `[num_products]` integers, the true styles; -1 where unknown.
      blocks: `[num_products]` integers, or None for one block of all products.
      threshold: Mean similarity from which on groups merge, chosen on other products
        than these (`cv_tf.grouping.calibrate`).
      engine: Engine of the search, as in `cv_tf.retrieval.nearest`.

    Returns:
      The figures of `retrieval_figures` and `grouping_figures`, and `threshold`.

    Raises:
      ValueError: As `retrieval_figures`, `average_linkage` and `grouping_figures`.
    """
    figures = retrieval_figures(embeddings, styles, blocks, engine)
    groups = average_linkage(embeddings, blocks, threshold)
    return figures | grouping_figures(groups, styles) | {"threshold": float(threshold)}
