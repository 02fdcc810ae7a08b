"""Fits an Embedder's whitening on products, with labels or without."""

from __future__ import annotations

import numpy as np

from cv_tf.catalog import Catalog
from cv_tf.config import Config
from cv_tf.models import Embedder, Whitening
from cv_tf.retrieval import mutual_neighbors

# Of mutual neighbors, the more similar half: three in four are variants.
_CONFIDENT = 0.5


def whiten(
    embedder: Embedder, descriptors: np.ndarray, catalog: Catalog, config: Config
) -> Embedder:
    """The Embedder with whitening fitted on descriptors, if the config says so.

    Args:
      embedder: Its whitening, if any, is replaced.
      descriptors: float32 `[num_products, dimensions]`, from `Embedder.describe`.
      catalog: Of the same products.
      config: `whiten` is "none", "pca", "neighbors" (variants are suspected where two
        products are each other's nearest neighbor in their block) or "labels" (known
        variants, and suspected ones among products without a label).
    """
    if config.whiten == "none":
        return embedder.with_options(whitening=None)
    whitening = Whitening.fit(
        descriptors, config.whiten_dimensions, config.whiten_power, config.seed
    )
    if config.whiten != "pca":
        vectors = whitening(descriptors).numpy()
        known = config.whiten == "labels"
        styles = catalog.style if known else np.full(len(vectors), -1)
        pairs = np.concatenate(
            [
                known_variants(styles),
                _suspected_variants(vectors, styles, catalog.block),
            ]
        )
        whitening = whitening.refine(descriptors, pairs)
    return embedder.with_options(whitening=whitening)


def known_variants(styles: np.ndarray) -> np.ndarray:
    """Pairs of products of one style: each product and the next of its style.

    Args:
      styles: `[num_products]` integers; -1 where unknown.

    Returns:
      `[num_pairs, 2]` rows; a style of n products gives n - 1 pairs.
    """
    rows = np.argsort(styles, kind="stable")
    rows = rows[styles[rows] >= 0]
    same = styles[rows[:-1]] == styles[rows[1:]]
    return np.stack([rows[:-1][same], rows[1:][same]], axis=1)


def _suspected_variants(
    vectors: np.ndarray, styles: np.ndarray, blocks: np.ndarray
) -> np.ndarray:
    """Mutual neighbors among the products whose style is unknown."""
    rows = np.flatnonzero(styles < 0)
    if len(rows) < 2:
        return np.zeros((0, 2), np.int64)
    return rows[mutual_neighbors(vectors[rows], blocks[rows], _CONFIDENT)]
