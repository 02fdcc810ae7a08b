"""From vectors to dendrograms: neighbors, their graph, linkage along it."""

from __future__ import annotations

import numpy as np

from cv_tf.config import GroupingSettings
from cv_tf.grouping.calibration import Calibration, calibrate, guess_threshold
from cv_tf.grouping.graph import Dendrograms, Graph, mutual_graph
from cv_tf.grouping.linkage import average_linkage
from cv_tf.grouping.similarity import Similarity
from cv_tf.retrieval import Neighbors, nearest

# Of the pairs of variants, the share that may lie below all thresholds tried.
_UNLIKELY = 0.05


def find_neighbors(
    vectors: np.ndarray,
    blocks: np.ndarray | None,
    settings: GroupingSettings,
    progress: str = "",
) -> Neighbors:
    """The neighbors of every product within its block.

    Args:
      vectors: `[num_products, dim]` float32, L2-normalised.
      blocks: `[num_products]` integers, or None for one block of all products.
      settings: How many, and how to search.
      progress: What the progress bar says; empty for none.

    Raises:
      ValueError: As `cv_tf.retrieval.nearest`.
    """
    return nearest(
        vectors,
        settings.neighbors,
        blocks,
        retrieval=settings.retrieval,
        recall=settings.recall,
        progress=progress,
    )


def link(
    similarity: Similarity,
    neighbors: Neighbors,
    floor: float,
    max_size: int | None = None,
    start: np.ndarray | None = None,
) -> Dendrograms:
    """Links products that are among each other's neighbors, down to a floor.

    Args:
      similarity: Of all products.
      neighbors: Of all products, in the order of their rows.
      floor: Mean similarity below which nothing merges.
      max_size: As in `average_linkage`.
      start: As in `average_linkage`.

    Returns:
      The dendrograms of all blocks, for cuts at any threshold from the floor up.
    """
    # Similarity is at most similarity, so that no edge is missed.
    graph = mutual_graph(neighbors, floor)
    return average_linkage(similarity, graph, floor, max_size, start)


def calibrate_on(
    vectors: np.ndarray,
    blocks: np.ndarray | None,
    lab: np.ndarray | None,
    styles: np.ndarray,
    settings: GroupingSettings,
    criterion: str = "f1",
    for_blocks: np.ndarray | None = None,
    min_precision: float | None = None,
) -> Calibration:
    """Chooses the threshold on labelled products, grouped as `group` groups them.

    Args:
      vectors: `[m, dim]` float32, L2-normalised.
      blocks: `[m]` integers, or None for one block of all products.
      lab: `[m, 3]` float32, colors in CIELAB; None if unknown.
      styles: `[m]` integers, the true styles; -1 where unknown.
      settings: How to group.
      criterion: As in `calibrate`, as are the others.
      for_blocks: Blocks of the catalog that the threshold is for, one a product; None
        if its blocks are as large as these.
      min_precision: Precision to reach.

    Raises:
      ValueError: As `calibrate` and `cv_tf.retrieval.nearest`.
    """
    neighbors = find_neighbors(vectors, blocks, settings)
    similarity = Similarity(vectors, lab, settings.same_color)
    floor = _likely_floor(similarity, mutual_graph(neighbors), styles)
    dendrograms = link(similarity, neighbors, floor, settings.max_group_size)
    crowding = 1.0
    if for_blocks is not None:
        known = np.zeros(len(styles)) if blocks is None else np.asarray(blocks)
        crowding = crowd(for_blocks) / crowd(known[np.asarray(styles) >= 0])
    return calibrate(dendrograms, styles, criterion, crowding, min_precision)


def crowd(blocks: np.ndarray) -> float:
    """How many products there are in a product's block, on average; 1 without any."""
    sizes = np.unique(blocks, return_counts=True)[1].astype(np.float64)
    return float((sizes**2).sum() / sizes.sum()) if len(sizes) else 1.0


def _likely_floor(similarity: Similarity, graph: Graph, styles: np.ndarray) -> float:
    """A similarity below which no threshold is worth trying: most variants are above.

    Linking further down costs much: groups grow large, one product at a time.
    """
    alike = similarity.of_pairs(graph.first, graph.second)
    first, second = styles[graph.first], styles[graph.second]
    variants = alike[(first == second) & (first >= 0)]
    return max(float(np.quantile(variants, _UNLIKELY)), -1.0) if len(variants) else -1.0


def group(
    vectors: np.ndarray,
    blocks: np.ndarray | None,
    lab: np.ndarray | None,
    threshold: float | None,
    settings: GroupingSettings,
) -> np.ndarray:
    """Groups products.

    Args:
      vectors: `[num_products, dim]` float32, L2-normalised.
      blocks: `[num_products]` integers, or None for one block of all products.
      lab: `[num_products, 3]` float32, the products' colors in CIELAB; None if
        unknown.
      threshold: Mean similarity at which groups join; None to guess it.
      settings: All else.

    Returns:
      `[num_products]` int32 group of each product: 0, 1, 2, ... in the order of
      their first products. A product without variants has a group of its own.

    Raises:
      ValueError: As `cv_tf.retrieval.nearest`, and if the threshold is NaN.
    """
    return group_at(vectors, blocks, lab, threshold, settings)[0]


def group_at(
    vectors: np.ndarray,
    blocks: np.ndarray | None,
    lab: np.ndarray | None,
    threshold: float | None,
    settings: GroupingSettings,
) -> tuple[np.ndarray, float]:
    """Groups products as `group` does, and says at which threshold.

    Args and errors are those of `group`.

    Returns:
      The groups, and the threshold that was given or guessed.
    """
    neighbors = find_neighbors(vectors, blocks, settings)
    similarity = Similarity(vectors, lab, settings.same_color)
    size = settings.max_group_size
    if threshold is None:
        threshold = guess_threshold(similarity, neighbors)
    return link(similarity, neighbors, threshold, size).cut(threshold), threshold
