"""Nearest neighbors, by whichever engine suits the catalog."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from absl import logging

from cv_tf.retrieval.blocks import rows_by_block
from cv_tf.retrieval.embeddings import check_embeddings
from cv_tf.retrieval.exact import exact_search
from cv_tf.retrieval.neighbors import Neighbors
from cv_tf.retrieval.scann import BRUTE_FORCE_BELOW, load_scann, scann_search

# An engine takes (embeddings, queries, k); it knows nothing of blocks.
Engine = Callable[[np.ndarray, np.ndarray, int], Neighbors]
ENGINES = ("auto", "exact", "scann")


def nearest(
    embeddings: np.ndarray,
    k: int,
    blocks: np.ndarray | None = None,
    engine: str = "auto",
    queries: np.ndarray | None = None,
) -> Neighbors:
    """Finds the `k` most similar other products, within the block where given.

    Args:
      embeddings: `[num_products, dim]` float32, L2-normalised.
      k: Neighbors for each query, at least 1.
      blocks: `[num_products]` integers; a product's neighbors share its block. None
        searches among all products.
      engine: `exact`; `scann`; or `auto`: ScaNN for blocks of 20,000 products or
        more where it can be loaded (and a warning where not), exact for the others.
      queries: `[num_queries]` integers, the rows to find neighbors of; None: all.

    Returns:
      The neighbors of each query in the order of `queries`; never the query itself.

    Raises:
      ValueError: If the embeddings are not finite and of length 1, `k` or `engine` is
        none of the above, or `blocks` or `queries` do not fit the embeddings.
      ImportError: If `engine` is `scann` and ScaNN cannot be loaded.
    """
    embeddings = check_embeddings(embeddings)
    if k < 1:
        raise ValueError(f"k is {k}; expected at least 1. Ask for one or more.")
    if engine not in ENGINES:
        raise ValueError(f"Engine {engine!r} is unknown. Choose one of {ENGINES}.")
    num_products = len(embeddings)
    queries = np.arange(num_products) if queries is None else np.asarray(queries)
    if len(queries) and not 0 <= queries.min() <= queries.max() < num_products:
        raise ValueError(
            f"Queries lie in {queries.min()}..{queries.max()}; expected rows of the "
            f"{num_products} embeddings. Pass row numbers from 0."
        )
    rows_of = dict(rows_by_block(blocks, num_products))
    asked_blocks = None if blocks is None else np.asarray(blocks)[queries]
    found = Neighbors.none(len(queries), k)
    for block, asked in rows_by_block(asked_blocks, len(queries)):
        rows = rows_of[block]
        members = embeddings if len(rows) == num_products else embeddings[rows]
        search = _engine(engine, len(rows))
        # Rows are ascending, so a binary search turns them into positions.
        inside = search(members, np.searchsorted(rows, queries[asked]), k)
        found.indices[asked] = np.where(inside.indices < 0, -1, rows[inside.indices])
        found.similarities[asked] = inside.similarities
    return found


def _engine(name: str, num_products: int) -> Engine:
    """Chooses the search for one block."""
    if name == "exact" or (name == "auto" and num_products < BRUTE_FORCE_BELOW):
        return exact_search
    if name == "auto":
        try:
            load_scann()
        except ImportError as error:
            logging.warning(
                "Exact search takes over for %d products, and will be slower. %s",
                num_products,
                error,
            )
            return exact_search
    return scann_search
