"""Nearest neighbors of products among themselves."""

from __future__ import annotations

import numpy as np
from tqdm import tqdm

from cv_tf.retrieval.blocks import rows_by_block
from cv_tf.retrieval.embeddings import check_embeddings
from cv_tf.retrieval.engines import ENGINES, build_index, check_engine
from cv_tf.retrieval.index import check_k
from cv_tf.retrieval.neighbors import Neighbors

__all__ = ["ENGINES", "nearest"]

# Products of numbers that take some ten seconds on two cores, 65,000 products of 128
# dimensions with each other: an index would be built and tuned hardly sooner.
_EXACT_BELOW = 2**39
CHUNK = 2**16


def nearest(
    embeddings: np.ndarray,
    k: int,
    blocks: np.ndarray | None = None,
    engine: str = "auto",
    queries: np.ndarray | None = None,
    recall: float = 0.95,
    progress: str = "",
) -> Neighbors:
    """Finds the `k` most similar other products, within the block where given.

    Args:
      embeddings: `[num_products, dim]` float32, L2-normalised.
      k: Neighbors for each query, at least 1.
      blocks: `[num_products]` integers; a product's neighbors share its block. None
        searches among all products.
      engine: As in `build_index`, for each block by itself; `auto` also is exact where
        that takes seconds, as it does for some ten thousand products or queries.
      queries: `[num_queries]` integers, the rows to find neighbors of; None: all.
      recall: The share of the true neighbors that ScaNN is to find, above 0 and at
        most 1; exact search finds them all.
      progress: What the progress bar says; empty for none.

    Returns:
      The neighbors of each query in the order of `queries`; never the query itself.

    Raises:
      ValueError: If the embeddings are not finite and of length 1, `k`, `engine` or
        `recall` is none of the above, or `blocks` or `queries` do not fit the
        embeddings.
      ImportError: If `engine` is `scann` and ScaNN cannot be loaded.
    """
    embeddings = check_embeddings(embeddings)
    check_k(k)
    check_engine(engine, recall)
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
    bar = tqdm(
        total=len(queries), desc=progress, unit=" products", disable=not progress
    )
    for block, asked in rows_by_block(asked_blocks, len(queries)):
        rows = rows_of[block]
        members = embeddings if len(rows) == num_products else embeddings[rows]
        few = engine == "auto" and len(asked) * members.size < _EXACT_BELOW
        index = build_index(members, "exact" if few else engine, recall, k)
        for start in range(0, len(asked), CHUNK):
            part = asked[start : start + CHUNK]
            # Rows are ascending, so a binary search turns them into positions.
            own = np.searchsorted(rows, queries[part])
            inside = index.search(members[own], k + 1).without(own)
            found.indices[part] = np.where(inside.indices < 0, -1, rows[inside.indices])
            found.similarities[part] = inside.similarities
            bar.update(len(part))
    bar.close()
    return found
