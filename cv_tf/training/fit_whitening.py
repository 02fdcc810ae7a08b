"""Fits an Embedder's whitening on products, with labels or without."""

from __future__ import annotations

import dataclasses

import numpy as np

from cv_tf.config import Config, GroupingSettings
from cv_tf.embeddings import Embeddings, embed_with_color
from cv_tf.grouping import (
    Scale,
    Similarity,
    find_neighbors,
    group,
    mutual_graph,
    mutually_best,
)
from cv_tf.models import Embedder, Whitening
from cv_tf.pipeline import Photos
from cv_tf.retrieval import Neighbors

# The defaults, whatever the settings of the run: how figures are computed, such as
# without the colors, does not change what is learned.
GROUPING = GroupingSettings()
# Share of the pairs of mutually nearest products that are not taken for variants: what
# whitening learns from may be less sure than what people are shown. From the groups of
# `cv_tf.group`, which are fewer, it learns a little less
# (docs/explanations/grouping.md).
_LEFT_OUT = 0.15
# Pairs that the vectors themselves have found agree with these vectors even where they
# are wrong. With this number of pairs a dimension they count half as much as known
# variants, with fewer they count less. 1, 2, 3 and 5 are level; if they always counted
# in full, found groups would be worse than none on few photos, and where few products
# have variants (docs/explanations/tried.md).
_HALF_TRUSTED = 3


def embed_whitened(
    embedder: Embedder, photos: Photos, config: Config, progress: str = ""
) -> tuple[Embedder, Embeddings]:
    """Embeds photos, with whitening that is fitted on them as in `whiten`.

    Returns the whitened Embedder, and the embeddings that it makes of the photos. An
    empty text of the progress bar is for no bar.
    """
    plain = embedder.with_options(whitening=None)
    described = embed_with_color(plain, photos, config.embed_batch_size, progress)
    embedder = whiten(embedder, described, config)
    if embedder.whitening is None:
        return embedder, described
    vectors = embedder.whitening(described.vectors).numpy()
    return embedder, dataclasses.replace(described, vectors=vectors)


def whiten(embedder: Embedder, described: Embeddings, config: Config) -> Embedder:
    """The Embedder with whitening fitted on descriptors, if the config says so.

    Vectors are from `Embedder.describe`. With "groups", products that are grouped are
    taken for variants (six pairs in ten are); with "labels", known variants are, and
    groups of products without a label. Where people have answered, it is known
    variants in either case, and groups of all products but for pairs that are known
    not to be variants: few products of an answered catalogue have none left to find.
    """
    if config.whiten == "none":
        return embedder.with_options(whitening=None)
    descriptors = described.vectors
    whitening = Whitening.fit(
        descriptors, config.whiten_dimensions, config.whiten_power, config.seed
    )
    if config.whiten != "pca":
        vectors = whitening(descriptors).numpy()
        whitened = dataclasses.replace(described, vectors=vectors)
        known, found = _variants(whitened, config)
        share = len(found) / (len(found) + _HALF_TRUSTED * whitening.dimensions)
        trust = np.repeat([1.0, share], [len(known), len(found)])
        pairs = np.concatenate([known, found])
        whitening = whitening.refine(descriptors, pairs, trust)
    return embedder.with_options(whitening=whitening)


def _variants(whitened: Embeddings, config: Config) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of known variants and of grouped products, [num_pairs, 2] int64 each."""
    styles = whitened.known_style
    known = np.zeros((0, 2), np.int64)
    rows = np.arange(len(whitened))
    if config.whiten == "labels" or config.answers:
        known = known_variants(styles)
    if config.whiten == "labels" and not config.answers:
        rows = np.flatnonzero(styles < 0)
    if len(rows) < 2:
        return known, known[:0]
    unknown = whitened.select(rows)
    neighbors = find_neighbors(unknown, GROUPING)
    threshold = learning_threshold(unknown, neighbors)
    groups = group(unknown, threshold, GROUPING, neighbors)
    found = rows[known_variants(groups)]
    if config.answers:
        first, second = styles[found.T]
        found = found[(first < 0) | (second < 0) | (first == second)]
    return known, found


def learning_threshold(whitened: Embeddings, neighbors: Neighbors) -> float:
    """The threshold that joins most of the pairs of mutually nearest products."""
    distinct = whitened.distinct
    weight = Scale.of(distinct, neighbors).usual_weight(GROUPING.color)
    similarity = Similarity.of(distinct, weight)
    graph = mutual_graph(neighbors)
    pairs = similarity.of_pairs(graph.first, graph.second)
    best = mutually_best(graph.first, graph.second, pairs, len(distinct))
    return float(np.quantile(pairs[best], _LEFT_OUT)) if len(best) else 1.0


def known_variants(styles: np.ndarray) -> np.ndarray:
    """Pairs of each product and the next of its style, [num_pairs, 2] int64 rows.

    Styles are [n] int, -1 where unknown; a style of m products has m - 1 pairs.
    """
    rows = np.argsort(styles, kind="stable")
    rows = rows[styles[rows] >= 0]
    same = styles[rows[:-1]] == styles[rows[1:]]
    return np.stack([rows[:-1][same], rows[1:][same]], axis=1)
