"""Neighbors of many products with long vectors: looked for in fewer dimensions."""

from __future__ import annotations

import math

import numpy as np
from absl import logging

from cv_tf.embeddings import in_pieces, rows_at_once, take_rows
from cv_tf.retrieval.exact import ExactIndex
from cv_tf.retrieval.neighbors import Neighbors
from cv_tf.retrieval.scann import load_scann
from cv_tf.retrieval.scann_files import BLOCK_DIM
from cv_tf.retrieval.tuning import Effort, Search, count_wanted, tune

# Numbers of components that are tried, the fewest first. Of vectors with fewer than
# twice as many dimensions as components, a search by all dimensions is as fast.
_NUMBERS = (32, 64, 128, 256, 512)
# Products that tell how many components are needed: their wanted neighbors are to be
# among the best so many, with half of the misses that there may be.
_NUM_ASKED, _CANDIDATES = 300, 30
# Products that tell the components, and those that tell the leaves.
_NUM_SAMPLED, _NUM_TRAINING = 2**14, 2**17
_MOST_COMPARED = 200
# The time of one similarity of whole vectors, in similarities of quantized products.
_EXACT_COST = 500


class ReducedSearch:
    """Searches products by their principal components, and compares whole vectors.

    How many components are needed depends on how alike the neighbors are that are
    wanted, and how alike strangers are; `find_components` finds it out. ScaNN finds the
    best products by them, quantized; their similarities to the query are then computed
    from all dimensions, and are exact. Vectors are never held in single precision at
    once, and ScaNN holds only the codes of the components. How many products are
    compared is tuned as in `ScannIndex`.

    Args:
      vectors: [num_products, dim] float16 or float32, L2-normalized.
      components: [dim, number] float32, orthogonal directions of length 1.
      recall: Share of the true neighbors to be found, as in `build_index`.
      k: Number of neighbors that it is tuned for.
      floor: Similarity below which neighbors need not be found; -1 for none.

    Raises:
      ImportError: If ScaNN cannot be loaded.
    """

    def __init__(
        self,
        vectors: np.ndarray,
        components: np.ndarray,
        recall: float,
        k: int,
        floor: float = -1.0,
    ):
        self._vectors, self._components = vectors, components
        num_products = len(vectors)
        num_leaves = math.isqrt(num_products)
        reduced = _reduced(vectors, components)
        builder = load_scann().builder(reduced, k + 1, "dot_product")
        builder = builder.tree(num_leaves, num_leaves, min(_NUM_TRAINING, num_products))
        builder = builder.score_ah(BLOCK_DIM, anisotropic_quantization_threshold=0.2)
        self._searcher = builder.build()
        del reduced, builder
        most = Effort(num_leaves, min(_MOST_COMPARED, num_products))
        self._effort, found, reached = tune(
            self._search_once(most), vectors, k, recall, most, floor, _EXACT_COST
        )
        logging.info(
            "By %d components, %.3f of the %d nearest of %d products are found, "
            "looking at %d of %d leaves and comparing %d products exactly.",
            *(components.shape[1], found, k, num_products),
            *(self._effort.leaves, num_leaves, self._effort.reordered),
        )
        if not reached:
            logging.warning(
                "The search by components finds %.3f of the nearest neighbors at most, "
                "where %.3f were asked for. Use exact search, or ask for less.",
                *(found, recall),
            )

    def search(self, queries: np.ndarray, k: int) -> Neighbors:
        """As `Index.search`, for as many neighbors as it was tuned for, and one."""
        found = Neighbors.none(len(queries), k)
        compared = self._compared(self._effort, queries)
        order = np.argsort(-compared.similarities, axis=1, kind="stable")[:, :k]
        kept = slice(order.shape[1])
        for all_places, some in zip(
            (found.indices, found.similarities),
            (compared.indices, compared.similarities),
            strict=True,
        ):
            all_places[:, kept] = np.take_along_axis(some, order, axis=1)
        return found

    def _search_once(self, most: Effort) -> Search:
        """A search for the tuning, which always has the same queries.

        Whatever number of products is compared, these are the first of the most.
        """
        compared: dict[int, Neighbors] = {}

        def search(effort: Effort, queries: np.ndarray, _: int) -> Neighbors:
            if effort.leaves not in compared:
                widest = Effort(effort.leaves, most.reordered)
                compared[effort.leaves] = self._compared(widest, queries)
            found, first = compared[effort.leaves], slice(effort.reordered)
            return Neighbors(found.indices[:, first], found.similarities[:, first])

        return search

    def _compared(self, effort: Effort, queries: np.ndarray) -> Neighbors:
        """The products that are compared, best by components first, with similarities.

        They have exact similarities to [q, dim] queries; -inf and -1 where none is.
        """
        indices, estimates = self._searcher.search_batched_parallel(
            _unit(queries @ self._components),
            final_num_neighbors=min(effort.reordered, len(self._vectors)),
            leaves_to_search=effort.leaves,
        )
        # ScaNN fills the places of neighbors that it did not find with NaN.
        indices = np.where(np.isnan(estimates), -1, indices.astype(np.int64))
        found = Neighbors.none(*indices.shape)
        found.indices[:] = indices
        chunk = max(rows_at_once(queries.shape[1]) // indices.shape[1], 1)
        for start in range(0, len(queries), chunk):
            rows = slice(start, start + chunk)
            some = np.maximum(indices[rows], 0)
            vectors = take_rows(self._vectors, some.ravel()).reshape(*some.shape, -1)
            exact = (vectors @ queries[rows][:, :, None])[:, :, 0]
            found.similarities[rows] = np.where(indices[rows] < 0, -np.inf, exact)
        return found


def find_components(
    vectors: np.ndarray, recall: float, k: int, floor: float = -1.0
) -> np.ndarray | None:
    """The principal components that are enough to find neighbors by.

    They are the fewest by which the wanted neighbors of 300 products are among the 30
    best. The arguments are those of `ReducedSearch`.

    Returns:
      [dim, number] float32; None where more than half of the dimensions are needed.
    """
    dim = vectors.shape[1]
    rows = _sampled(len(vectors), _NUM_ASKED)
    queries = take_rows(vectors, rows)
    exact = ExactIndex(vectors).search(queries, k + 1).without(rows)
    is_wanted = np.arange(k) < count_wanted(exact, floor)[:, None]
    directions = _principal_components(vectors)
    for number in _NUMBERS:
        if 2 * number > dim:
            return None
        components = np.ascontiguousarray(directions[:, :number])
        index = ExactIndex(_reduced(vectors, components))
        found = index.search(_unit(queries @ components), _CANDIDATES + 1)
        is_found = (exact.indices[:, :, None] == found.indices[:, None]).any(axis=2)
        if is_found[is_wanted].mean() >= (1 + recall) / 2:
            return components
    return None


def _principal_components(vectors: np.ndarray) -> np.ndarray:
    """The directions in which vectors vary, [dim, dim] float32, most first."""
    sample = take_rows(vectors, _sampled(len(vectors), _NUM_SAMPLED))
    # Not about the mean: similarities are those of whole vectors.
    _, directions = np.linalg.eigh(sample.T @ sample)
    return directions[:, ::-1]


def _sampled(num_products: int, number: int) -> np.ndarray:
    """Rows of some products, ascending."""
    number = min(number, num_products)
    return np.sort(np.random.default_rng(0).choice(num_products, number, replace=False))


def _reduced(vectors: np.ndarray, components: np.ndarray) -> np.ndarray:
    """The components of all products, [num_products, number] float32, of length 1."""
    reduced = np.empty((len(vectors), components.shape[1]), np.float32)
    for rows, some in in_pieces(vectors):
        reduced[rows] = _unit(some @ components)
    return reduced


def _unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors of length 1; those of no length stay."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.maximum(length, np.finfo(np.float32).tiny)
