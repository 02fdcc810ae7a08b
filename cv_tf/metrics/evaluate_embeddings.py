"""All figures of a set of embeddings."""

from __future__ import annotations

import numpy as np

from cv_tf.config import GroupingSettings
from cv_tf.grouping import group
from cv_tf.metrics.grouping import grouping_figures
from cv_tf.metrics.retrieval import retrieval_figures


def evaluate_embeddings(
    embeddings: np.ndarray,
    styles: np.ndarray,
    blocks: np.ndarray | None,
    threshold: float,
    settings: GroupingSettings | None = None,
    lab: np.ndarray | None = None,
) -> dict[str, float]:
    """Measures retrieval, and grouping at a threshold.

    Args:
      embeddings: `[num_products, dim]` float32, L2-normalised.
      styles: `[num_products]` integers, the true styles; -1 where unknown.
      blocks: `[num_products]` integers, or None for one block of all products.
      threshold: Mean likeness from which on groups merge, chosen on other products
        than these (`cv_tf.grouping.calibrate_on`).
      settings: How to search and to group; None for the defaults.
      lab: `[num_products, 3]` float32, the products' colors in CIELAB; None if
        unknown.

    Returns:
      The figures of `retrieval_figures` and `grouping_figures`, and `threshold`.

    Raises:
      ValueError: As `retrieval_figures`, `group` and `grouping_figures`.
    """
    settings = settings or GroupingSettings()
    figures = retrieval_figures(embeddings, styles, blocks, settings.retrieval, lab)
    groups = group(embeddings, blocks, lab, threshold, settings)
    return figures | grouping_figures(groups, styles) | {"threshold": float(threshold)}
