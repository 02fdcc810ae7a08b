"""Which products may be variants at all: a sparse graph of near neighbors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

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
