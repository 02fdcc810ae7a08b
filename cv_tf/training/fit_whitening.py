"""Fits an Embedder's whitening on products, with labels or without."""

from __future__ import annotations

import numpy as np

from cv_tf.catalog import Catalog
from cv_tf.config import Config, GroupingSettings
from cv_tf.embeddings import embed, with_color
from cv_tf.grouping import group
from cv_tf.models import Embedder, Whitening
from cv_tf.pipeline import Photos

# How figures are made, say without the colors, does not change what is learned.
GROUPING = GroupingSettings()
# Pairs that the vectors themselves have found agree with these vectors even where they
# are wrong. So many pairs a dimension make them count half as much as known variants,
# fewer make them count less. 1, 2, 3 and 5 are level; if they always counted in full,
# found groups would be worse than none on few photos, and where few products have
# variants (docs/parts.md).
_HALF_TRUSTED = 3


def embed_whitened(
    embedder: Embedder, photos: Photos, config: Config, progress: str = ""
) -> tuple[Embedder, np.ndarray, np.ndarray]:
    """Embeds photos, with whitening that is fitted on them.

    Args:
      embedder: Its whitening, if any, is replaced.
      photos: Of n products.
      config: Whether and how to whiten, as `whiten` has it.
      progress: What the progress bar says; empty for none.

    Returns:
      The whitened Embedder, its vectors `[n, dim]` and the colors `[n, 3]` in CIELAB.
    """
    descriptors, lab = embed(
        with_color(embedder.describe), photos, config.embed_batch_size, progress
    )
    embedder = whiten(embedder, descriptors, lab, photos.catalog, config)
    if embedder.whitening is not None:
        descriptors = embedder.whitening(descriptors).numpy()
    return embedder, descriptors, lab


def whiten(
    embedder: Embedder,
    descriptors: np.ndarray,
    lab: np.ndarray | None,
    catalog: Catalog,
    config: Config,
) -> Embedder:
    """The Embedder with whitening fitted on descriptors, if the config says so.

    Args:
      embedder: Its whitening, if any, is replaced.
      descriptors: float32 `[num_products, dimensions]`, from `Embedder.describe`.
      lab: float32 `[num_products, 3]`, the products' colors in CIELAB; None if unknown.
      catalog: Of the same products.
      config: `whiten` is "none", "pca", "groups" (products that are grouped are taken
        for variants: six pairs in ten are), or "labels" (known variants are, and groups
        of products without a label).
    """
    if config.whiten == "none":
        return embedder.with_options(whitening=None)
    whitening = Whitening.fit(
        descriptors, config.whiten_dimensions, config.whiten_power, config.seed
    )
    if config.whiten != "pca":
        vectors = whitening(descriptors).numpy()
        known, found = _variants(vectors, lab, catalog, config)
        share = len(found) / (len(found) + _HALF_TRUSTED * whitening.dimensions)
        trust = np.repeat([1.0, share], [len(known), len(found)])
        pairs = np.concatenate([known, found])
        whitening = whitening.refine(descriptors, pairs, trust)
    return embedder.with_options(whitening=whitening)


def _variants(
    vectors: np.ndarray, lab: np.ndarray | None, catalog: Catalog, config: Config
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of products that are known to be variants, and that are grouped.

    Returns:
      Two [num_pairs, 2] arrays of rows.
    """
    known = np.zeros((0, 2), np.int64)
    rows = np.arange(len(vectors))
    if config.whiten == "labels":
        known = known_variants(catalog.style)
        rows = np.flatnonzero(catalog.style < 0)
    if len(rows) < 2:
        return known, known[:0]
    lab = None if lab is None else lab[rows]
    groups = group(vectors[rows], catalog.block[rows], lab, None, GROUPING)
    return known, rows[known_variants(groups)]


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
