"""Labelled catalogues, and figures of them with intervals: what benchmarks share."""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cv_tf.catalog import Catalog, read_products
from cv_tf.config import Config, RankingSettings
from cv_tf.embeddings import Embeddings, embed_with_color
from cv_tf.grouping import ranking_weights
from cv_tf.methods import build_embedder
from cv_tf.metrics import Resampling, Score, pair_counts
from cv_tf.metrics.resampling import NUM_RESAMPLES
from cv_tf.metrics.retrieval import average_precision_at_r, count_variants, is_variant
from cv_tf.models import Embedder, Whitening
from cv_tf.pipeline import photos_of
from cv_tf.retrieval import CANDIDATES, nearest, rank
from cv_tf.training.fit_whitening import whiten


class Products(NamedTuple):
    """A catalog with its descriptors.

    Attributes:
      catalog: Catalog of n products.
      described: Descriptors from `Embedder.describe` as vectors, colors and styles.
      embedder: Embedder that made the descriptors.
    """

    catalog: Catalog
    described: Embeddings
    embedder: Embedder

    @property
    def descriptors(self) -> np.ndarray:
        """Descriptors, [n, dimensions] float32."""
        return self.described.vectors

    def select(self, rows: np.ndarray) -> Products:
        """Some of the products."""
        return Products(
            self.catalog.select(rows), self.described.select(rows), self.embedder
        )


class Found(NamedTuple):
    """Results of the search for each product that has a variant.

    Attributes:
      styles: [q] int, styles of the products.
      first: [q] bool, whether the nearest product is a variant.
      precision: [q] float64, average precision at R, 0 to 1.
    """

    styles: np.ndarray
    first: np.ndarray
    precision: np.ndarray


class Pairs(NamedTuple):
    """Numbers of pairs of each style, [num_styles] float64 each, twice each pair.

    They are pairs that are grouped rightly, all that are grouped, and true ones.
    """

    right: np.ndarray
    grouped: np.ndarray
    true: np.ndarray


def describe(path: str, cache_dir: str) -> Products:
    """Embeds the photos of a catalogue, without whitening."""
    config = Config(catalog=path, image_size=224, cache_dir=cache_dir)
    return describe_products(read_products(config), config)


def describe_products(
    catalog: Catalog, config: Config, embedder: Embedder | None = None
) -> Products:
    """Embeds the photos of products, without whitening, by the untrained network.

    Args:
      catalog: The products.
      config: Settings of the photos and of the network.
      embedder: Another network; None for the one that the settings describe.
    """
    if embedder is None:
        embedder = build_embedder(config)
    photos = photos_of(catalog, config, embedder.image_size)
    plain = embedder.with_options(whitening=None)
    described = embed_with_color(plain, photos, config.embed_batch_size, "Embedding")
    return Products(photos.catalog, described, embedder)


def people_of(path: str, catalog: Catalog) -> np.ndarray:
    """Whether the photo of each product shows a person, [n] bool.

    The table's column `on_model` says so; without it, no photo does.
    """
    with Path(path).open(newline="", encoding="utf-8") as file:
        cells = {row["product_id"]: row.get("on_model") for row in csv.DictReader(file)}
    return np.array([cells[name] == "1" for name in catalog.product_id])


def whitening_of(products: Products) -> Whitening:
    """The whitening that training fits to these products, without labels."""
    return whiten(products.embedder, products.described, Config()).whitening


def whitened(described: Embeddings, whitening: Whitening) -> Embeddings:
    """Products with whitened vectors in place of their descriptors."""
    vectors = whitening(described.vectors).numpy()
    return dataclasses.replace(described, vectors=vectors)


def search(
    embeddings: Embeddings, asked: np.ndarray | None = None, color: str = "off"
) -> Found:
    """Looks for the variants of products within their blocks.

    Args:
      embeddings: Embeddings of n products with their styles.
      asked: [n] bool, products whose variants are looked for; None for all.
      color: The setting `--color`, by which neighbors are ranked.
    """
    styles, lab = embeddings.known_style, embeddings.lab
    num_variants = count_variants(styles)
    queries = np.flatnonzero(num_variants if asked is None else num_variants * asked)
    k = int(num_variants.max())
    settings = RankingSettings(color=color, second_look=False)
    weight = ranking_weights(embeddings, settings).color
    found = nearest(
        embeddings.vectors,
        k + CANDIDATES if weight else k,
        embeddings.block,
        "exact",
        queries,
    )
    if weight and lab is not None:
        found = rank(found, lab[queries], lab, weight).first(k)
    right = is_variant(found, styles, queries)
    precision = average_precision_at_r(right, num_variants[queries])
    return Found(styles[queries], right[:, 0], precision)


def pairs_of(styles: np.ndarray, groups: np.ndarray) -> Pairs:
    """Pairs by style, in the order of the sorted styles.

    Args:
      styles: [n] int, true styles, 0 or more.
      groups: [n] int, groups that were found.
    """
    _, style = np.unique(styles, return_inverse=True)
    counts = pair_counts(groups, styles)
    return Pairs(*(np.bincount(style, of) for of in counts[:3]))


def gain(sums: np.ndarray, queries: np.ndarray) -> str:
    """A mean difference, and what 95% of resamplings of styles have.

    Args:
      sums: [styles] float64, sum of the differences of the queries of each style.
      queries: [styles] int, number of these queries.
    """
    generator = np.random.default_rng(0)
    drawn = generator.integers(len(sums), size=(NUM_RESAMPLES, len(sums)))
    means = sums[drawn].sum(axis=1) / queries[drawn].sum(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return f"{sums.sum() / queries.sum():+.3f} ({low:+.3f} to {high:+.3f})"


def f1(pairs: Pairs) -> float:
    """The harmonic mean of pairwise precision and recall."""
    right, grouped, true = (of.sum() for of in pairs)
    return float(2 * right / (grouped + true))


def f1_score(resampling: Resampling, pairs: Pairs) -> Score:
    """F1 of the pairs of all styles that are drawn, in the order of `pairs_of`."""
    above, below = 2 * pairs.right, pairs.grouped + pairs.true
    return resampling.of_ratio(above, below, resampling.styles)
