"""Figures of retrieval: variants among the nearest neighbors."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cv_tf.config import EvaluationSettings
from cv_tf.embeddings import Embeddings
from cv_tf.errors import UserError
from cv_tf.grouping import ranking_weight
from cv_tf.retrieval import (
    CANDIDATES,
    Neighbors,
    check_embeddings,
    nearest,
    other_colors_first,
)

RECALL_AT = (1, 5, 10)
# Recall of an approximate search: what it misses counts as missed by the embeddings.
SEARCHED = 0.99


def retrieval_figures(
    labelled: Embeddings, settings: EvaluationSettings | None = None
) -> dict[str, float]:
    """Measures how well products find their color variants.

    Every product with a variant is a query, once among all products and once (keys that
    end in `_in_block`) among those of its block; a variant in another block counts as
    missed there. The other products, also unlabelled ones, are only candidates.
    Products of one photo and one style count once: copies are no variants.

    Recall@k is the share of queries with a variant among their first k neighbors. mAP@R
    is the mean over queries of `1/R * sum(P(i) * rel(i) for i in 1..R)`, where R counts
    the query's variants, rel(i) is 1 where neighbor i is one of them, and P(i) is the
    share of variants among the first i (Musgrave et al., "A Metric Learning Reality
    Check", arXiv 2003.08505, section 3.2).

    Args:
      labelled: Embeddings with the `style` of some products at least; -1 elsewhere.
      settings: Kind of search and weight of color; None for the defaults.

    Returns:
      `recall_at_1`, `recall_at_5`, `recall_at_10` and `map_at_r`, the same with
      `_in_block` added, `num_queries`, and `num_copies` if there are any. With colors,
      also those with `_with_color` added, of neighbors that are ranked by
      `cv_tf.retrieval.other_colors_first`.

    Raises:
      ValueError: If no product has a variant, or vectors are not finite and of
        length 1.
    """
    settings = settings or EvaluationSettings()
    num_products = len(labelled)
    labelled = labelled.measured
    styles, lab = labelled.known_style, labelled.lab
    num_variants = count_variants(styles)
    queries = np.flatnonzero(num_variants)
    if not len(queries):
        raise UserError(
            "No style has two products, so there is nothing to retrieve. Evaluate on "
            "a catalog whose style_id column repeats for color variants."
        )
    k = max(*RECALL_AT, int(num_variants.max()))
    wanted = k if lab is None else k + CANDIDATES
    weight = ranking_weight(labelled, settings.color)
    figures: dict[str, float] = {}
    for suffix, blocks in (("", None), ("_in_block", labelled.block)):
        found = nearest(
            labelled.vectors, wanted, blocks, settings.retrieval, queries, SEARCHED
        )
        rankings = {suffix: found}
        if lab is not None:
            ranked = other_colors_first(found, lab[queries], lab, k, weight)
            rankings[f"{suffix}_with_color"] = ranked
        for name, neighbors in rankings.items():
            right = is_variant(neighbors, styles, queries)
            of_ranking = _figures(right, num_variants[queries])
            figures |= {f"{figure}{name}": value for figure, value in of_ranking}
    figures["num_queries"] = len(queries)
    num_copies = num_products - len(labelled)
    return figures | ({"num_copies": num_copies} if num_copies else {})


def _figures(right: np.ndarray, num_variants: np.ndarray) -> list[tuple[str, float]]:
    """The figures of one ranking; the arguments are `average_precision_at_r`'s."""
    recalls = [right[:, :rank].any(axis=1).mean() for rank in RECALL_AT]
    precision = average_precision_at_r(right, num_variants).mean()
    names = [*(f"recall_at_{rank}" for rank in RECALL_AT), "map_at_r"]
    return list(zip(names, map(float, [*recalls, precision]), strict=True))


def count_variants(styles: np.ndarray) -> np.ndarray:
    """The number of other products of each product's style, [n] int; 0 for style -1."""
    _, inverse, counts = np.unique(styles, return_inverse=True, return_counts=True)
    return np.where(styles >= 0, counts[inverse] - 1, 0)


def is_variant(
    neighbors: Neighbors, styles: np.ndarray, queries: np.ndarray
) -> np.ndarray:
    """Which neighbors are of their query's style, [num_queries, k] bool."""
    same_style = styles[neighbors.indices] == styles[queries][:, None]
    return same_style & (neighbors.indices >= 0)


def average_precision_at_r(found: np.ndarray, num_variants: np.ndarray) -> np.ndarray:
    """The average precision at R of each query, [num_queries] float64, 0 to 1.

    `found`, [num_queries, k] bool, says which neighbors are variants; R is 1 to `k`.
    """
    ranks = np.arange(1, found.shape[1] + 1)
    hits = found & (ranks <= num_variants[:, None])
    precision = np.cumsum(hits, axis=1) / ranks
    return (precision * hits).sum(axis=1) / num_variants


class Queries(NamedTuple):
    """Products that have a variant, those whose variants are found worst first.

    Attributes:
      rows: [num_queries] int64, row numbers of the products.
      neighbors: Neighbors of each product within its block.
      is_right: [num_queries, k] bool, which neighbors are variants.
      num_variants: [num_queries] int, number of variants to be found.
      precision: [num_queries] float64, average precision at R, 0 to 1.
    """

    rows: np.ndarray
    neighbors: Neighbors
    is_right: np.ndarray
    num_variants: np.ndarray
    precision: np.ndarray


def rank_queries(labelled: Embeddings, k: int = 6, retrieval: str = "auto") -> Queries:
    """Looks for the variants of every product that has one, the worst first.

    Queries are in the order of precision; of equals, those that take a stranger for a
    variant with the highest similarity come first.

    Args:
      labelled: Embeddings with the `style` of some products at least; -1 elsewhere.
      k: Number of neighbors to find; more where a style has more variants.
      retrieval: "auto", "exact" or "scann", as in `cv_tf.retrieval.nearest`.

    Raises:
      ValueError: As `cv_tf.retrieval.nearest`.
    """
    all_rows = labelled.rows_to_measure
    labelled = labelled.measured
    styles = labelled.known_style
    num_variants = count_variants(styles)
    rows = np.flatnonzero(num_variants)
    num_variants = num_variants[rows]
    k = max(k, int(num_variants.max(initial=0)))
    found = nearest(labelled.vectors, k, labelled.block, retrieval, rows, SEARCHED)
    is_right = is_variant(found, styles, rows)
    precision = average_precision_at_r(is_right, num_variants)
    stranger = np.where(is_right, -np.inf, found.similarities).max(axis=1)
    order = np.lexsort((-stranger, precision.round(9)))
    near = found.indices[order]
    return Queries(
        all_rows[rows[order]],
        Neighbors(np.where(near < 0, -1, all_rows[near]), found.similarities[order]),
        is_right[order],
        num_variants[order],
        precision[order],
    )


def embedding_std(embeddings: np.ndarray) -> float:
    """The embedding standard deviation, 0 to 1: how far vectors are from being equal.

    The standard deviation over the products, averaged over the dimensions and
    multiplied by the square root of their number: near 1 where the vectors point in all
    directions, 0 where they are all equal (Chen and He, "Exploring Simple Siamese
    Representation Learning", arXiv 2011.10566, section 4.1).

    Args:
      embeddings: [n, dimensions] float32, L2-normalized.

    Raises:
      ValueError: If the embeddings are not finite and of length 1.
    """
    # float64: the mean of many equal float32 numbers is not quite that number.
    embeddings = check_embeddings(embeddings).astype(np.float64)
    return float(embeddings.std(axis=0).mean() * np.sqrt(embeddings.shape[1]))
