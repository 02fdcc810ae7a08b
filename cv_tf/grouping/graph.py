"""Which products may be variants at all: a sparse graph of near neighbors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from cv_tf.errors import UserError
from cv_tf.retrieval import Neighbors


@dataclass(frozen=True)
class Graph:
    """Undirected edges between products.

    Attributes:
      first: `[num_edges]` int32, the lower row of each edge.
      second: `[num_edges]` int32, the higher one.
    """

    first: np.ndarray
    second: np.ndarray

    def __len__(self) -> int:
        return len(self.first)


def mutual_graph(neighbors: Neighbors, floor: float = -1.0) -> Graph:
    """Joins products that are among each other's nearest neighbors.

    A product in a crowd is the neighbor of many that are not its own; where both
    must agree, such hubs join nothing.

    Args:
      neighbors: Of every product, in the order of their rows.
      floor: Pairs less similar than this are left out.

    Returns:
      The edges, ascending.
    """
    num_products, k = neighbors.indices.shape
    rows = np.repeat(np.arange(num_products, dtype=np.int64), k)
    others = neighbors.indices.ravel().astype(np.int64)
    kept = (others >= 0) & (neighbors.similarities.ravel() >= floor)
    rows, others = rows[kept], others[kept]
    edges = np.minimum(rows, others) * num_products + np.maximum(rows, others)
    edges.sort()
    # A pair that both named is there twice, side by side.
    edges = edges[:-1][edges[1:] == edges[:-1]]
    first, second = np.divmod(edges, num_products)
    return Graph(first.astype(np.int32), second.astype(np.int32))


@dataclass(frozen=True)
class Dendrograms:
    """Which groups merge at which similarity, for all blocks at once.

    A group goes by the lowest row among its products, so a merge is a pair of rows
    and the merges are the edges of a forest: the groups at a threshold are the
    connected components of the edges that reach it. This needs no tree, and no
    product knows its block any more.

    Attributes:
      num_products: How many products there are, merged or not.
      merges: `[num_merges, 2]` int32, the lowest rows of the two groups that merge,
        the lower first. Merges of a group come after those that made it.
      similarities: `[num_merges]` float64, the mean similarity between the products
        of the one group and those of the other; descending. Infinite for merges that
        were there to begin with.
      floor: Below this similarity nothing was merged, so no cut is possible.
      num_refused: Merges left out because a group would have become too large.
    """

    num_products: int
    merges: np.ndarray
    similarities: np.ndarray
    floor: float = -1.0
    num_refused: int = 0

    def cut(self, threshold: float) -> np.ndarray:
        """Returns the groups after all merges of at least this similarity.

        Args:
          threshold: The mean similarity from which on groups merge, in [-1, 1].

        Returns:
          `[num_products]` int32 group of each product: 0, 1, 2, ... in the order of
          their first products.

        Raises:
          ValueError: If the threshold is NaN, or below the floor.
        """
        if np.isnan(threshold):
            raise UserError(
                "The threshold is NaN; expected a similarity in [-1, 1]. Calibrate it "
                "on labelled products, or set it."
            )
        if threshold < self.floor:
            raise UserError(
                f"The threshold {threshold} is below {self.floor}, down to which "
                "products were linked. Link them further down."
            )
        kept = np.searchsorted(-self.similarities, -threshold, side="right")
        first, second = self.merges[:kept].T
        graph = sparse.coo_array(
            (np.ones(kept, np.int8), (first, second)), shape=(self.num_products,) * 2
        )
        _, groups = csgraph.connected_components(graph, directed=False)
        return groups.astype(np.int32)
