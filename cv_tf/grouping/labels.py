"""Products whose style is known, among those that are embedded."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from absl import logging

from cv_tf.catalog.table import number_styles
from cv_tf.embeddings import Embeddings, EmbeddingsError


def match_labels(
    embeddings: Embeddings, labels: Mapping[str, str], source: str
) -> tuple[Embeddings, np.ndarray]:
    """Finds the vectors of labelled products.

    Args:
      embeddings: Where to find them.
      labels: Products to their styles; "" where a style is not known.
      source: Where the labels come from, for messages.

    Returns:
      The embeddings of the products that `labels` names, m of them, and `[m]` int32
      styles; -1 where unknown.

    Raises:
      EmbeddingsError: If none of them is embedded.
    """
    is_named = np.array([product in labels for product in embeddings.product_id], bool)
    rows = np.flatnonzero(is_named)
    if not len(rows):
        raise EmbeddingsError(
            f"None of the {len(labels):,} products of {source} is in "
            f"{embeddings.name}. Name the file that holds their vectors with "
            "--calibrate_embeddings."
        )
    if len(rows) < len(labels):
        logging.warning(
            "%s of %s labelled products have no vector in %s; the others calibrate.",
            f"{len(labels) - len(rows):,}",
            f"{len(labels):,}",
            embeddings.name,
        )
    known = embeddings.select(rows)
    return known, number_styles([labels[product] for product in known.product_id])
