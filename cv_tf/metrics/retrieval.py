"""Figures of retrieval: variants among the nearest neighbors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from cv_tf.config import EvaluationSettings
from cv_tf.embeddings import Embeddings
from cv_tf.errors import UserError
from cv_tf.grouping import RankingWeights, ranking_weights
from cv_tf.retrieval import (
    CANDIDATES,
    DEPTH,
    MOST_PRODUCTS,
    NearestLists,
    Neighbors,
    Ranked,
    check_embeddings,
    look_again,
    nearest,
    rank,
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
      `cv_tf.retrieval.rank`. Those with `_in_block_as_searched` are of the ranking of
      `cv_tf.search`: with color, where it is known, and, among `MOST_PRODUCTS` at most,
      after a second look.

    Raises:
      ValueError: If no product has a variant, or vectors are not finite and of
        length 1.
    """
    return means_of(query_figures(labelled, settings), labelled)


def means_of(found: QueryFigures, labelled: Embeddings) -> dict[str, float]:
    """What `retrieval_figures` returns, from the figures of each query."""
    num_copies = len(labelled) - len(labelled.rows_to_measure)
    figures = found.means() | {"num_queries": len(found.rows)}
    return figures | ({"num_copies": num_copies} if num_copies else {})


class QueryFigures(NamedTuple):
    """The figures of retrieval of each query, of which `retrieval_figures` has means.

    Attributes:
      rows: [q] int64, row numbers of the products that have a variant, ascending.
      values: [q] float64 for each figure, by its name in `metrics.json`: 0 or 1 for
        recall, 0 to 1 for average precision.
    """

    rows: np.ndarray
    values: Mapping[str, np.ndarray]

    def means(self) -> dict[str, float]:
        """The mean of each figure over the queries."""
        return {name: float(of.mean()) for name, of in self.values.items()}


def query_figures(
    labelled: Embeddings, settings: EvaluationSettings | None = None
) -> QueryFigures:
    """Measures how well each product finds its color variants.

    Args and errors are those of `retrieval_figures`, which says what is measured.

    Example:
      >>> import numpy as np
      >>> from cv_tf.embeddings import Embeddings
      >>> vectors = np.array([[1, 0], [0.8, 0.6], [0, 1]], np.float32)
      >>> products = Embeddings.of_arrays(vectors, style=np.array([0, 0, 1]))
      >>> found = query_figures(products)
      >>> found.rows.tolist(), found.values["recall_at_1"].tolist()
      ([0, 1], [1.0, 1.0])
    """
    settings = settings or EvaluationSettings()
    all_rows = labelled.rows_to_measure
    labelled = labelled.measured
    queries = np.flatnonzero(count_variants(labelled.known_style))
    if not len(queries):
        raise UserError(
            "No style has two products, so there is nothing to retrieve. Evaluate on "
            "a catalog whose style_id column repeats for color variants."
        )
    weights = ranking_weights(labelled, settings)
    kind = settings.retrieval
    values = _search(labelled, queries, kind, weights, in_block=False)
    in_block = _search(labelled, queries, kind, weights, in_block=True)
    return QueryFigures(all_rows[queries], values | in_block)


def figures_among_all(
    reported: Embeddings,
    known: Embeddings,
    settings: EvaluationSettings | None = None,
    *,
    all_blocks: bool = False,
) -> QueryFigures:
    """Measures products that were held out among all products of a catalogue.

    A shop looks for variants among all that it has, not among a held-out part alone:
    more strangers make recall lower. Queries are those of `query_figures`; a product
    that was learned from and shares a style with one of them is a variant of it, unless
    it has the same photo.

    Args:
      reported: Held-out products, with styles.
      known: Other products of the catalogue, with the same numbers of blocks and
        styles.
      settings: Kind of search and weight of color; None for the defaults.
      all_blocks: Whether to look in all blocks, too.

    Returns:
      Row numbers of `reported`, and recall@1 and mAP@R in block, without and with
      color, with `_among_all` added to their names. With `all_blocks`, also recall@1
      and mAP@R over all blocks.

    Raises:
      ValueError: As `retrieval_figures`.
    """
    own = reported.measured
    queries = np.flatnonzero(count_variants(own.known_style))
    lab = None
    if own.lab is not None and known.lab is not None:
        lab = np.concatenate([own.lab, known.lab])
    together = Embeddings.of_arrays(
        np.concatenate([own.vectors, known.vectors]),
        np.concatenate([own.block, known.block]),
        lab,
        np.concatenate([own.known_style, known.known_style]),
    )
    # Of one photo, the known products are left out, and of these all but the first.
    is_kept = ~together.copies.is_copy
    is_kept[: len(own)] = True
    together = together if is_kept.all() else together.select(is_kept)
    settings = settings or EvaluationSettings()
    weights = ranking_weights(together, settings)
    values = _search(together, queries, settings.retrieval, weights, in_block=True)
    wanted = ("recall_at_1_in_block", "map_at_r_in_block")
    kept = {name: of for name, of in values.items() if name.startswith(wanted)}
    if all_blocks:
        kind = settings.retrieval
        values = _search(together, queries, kind, weights, in_block=False)
        kept |= {name: values[name] for name in ("recall_at_1", "map_at_r")}
    return QueryFigures(
        reported.rows_to_measure[queries],
        {f"{name}_among_all": of for name, of in kept.items()},
    )


def _search(
    products: Embeddings,
    queries: np.ndarray,
    retrieval: str,
    weights: RankingWeights,
    in_block: bool,
) -> dict[str, np.ndarray]:
    """The figures of each query, [q] float64, by name, with colors if these are known.

    `queries`, [q] int, are rows of products that have a variant.
    """
    styles, lab = products.known_style, products.lab
    num_variants = count_variants(styles)
    k = max(*RECALL_AT, int(num_variants[queries].max()))
    blocks, suffix = (products.block, "_in_block") if in_block else (None, "")
    wanted = max(k, DEPTH) if lab is None else k + CANDIDATES
    found = nearest(products.vectors, wanted, blocks, retrieval, queries, SEARCHED)
    rankings: dict[str, Neighbors | Ranked] = {suffix: found}
    asked = None if lab is None else lab[queries]
    ranked = rank(found, asked, lab, weights.color)
    if lab is not None:
        rankings[f"{suffix}_with_color"] = ranked.first(k)
    if in_block:
        if weights.shared and len(products) <= MOST_PRODUCTS:
            lists = NearestLists(products, weights.color)
            ranked = look_again(ranked, queries, lists, weights.shared)
        rankings[f"{suffix}_as_searched"] = ranked.first(k)
    figures: dict[str, np.ndarray] = {}
    for name, neighbors in rankings.items():
        right = is_variant(neighbors, styles, queries)
        for depth in RECALL_AT:
            hit = np.asarray(right[:, :depth].any(axis=1), np.float64)
            figures[f"recall_at_{depth}{name}"] = hit
        precision = average_precision_at_r(right, num_variants[queries])
        figures[f"map_at_r{name}"] = np.asarray(precision)
    return figures


def count_variants(styles: np.ndarray) -> np.ndarray:
    """The number of other products of each product's style, [n] int; 0 for style -1."""
    _, inverse, counts = np.unique(styles, return_inverse=True, return_counts=True)
    return np.where(styles >= 0, counts[inverse] - 1, 0)


def is_variant(
    neighbors: Neighbors | Ranked, styles: np.ndarray, queries: np.ndarray
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
