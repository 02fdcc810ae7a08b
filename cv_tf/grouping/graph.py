"""Which products may be variants at all: a sparse graph of near neighbors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cv_tf.config import GroupingSettings
from cv_tf.embeddings import Embeddings
from cv_tf.retrieval import Neighbors, nearest


def find_neighbors(
    embeddings: Embeddings, settings: GroupingSettings | None = None, progress: str = ""
) -> Neighbors:
    """Finds the neighbors of every product within its block, in the order of the rows.

    Args:
      embeddings: Embeddings of all products.
      settings: Number of neighbors and kind of search; None for the defaults.
      progress: Text of the progress bar; empty for no bar.
    """
    how = settings or GroupingSettings()
    vectors, block = embeddings.vectors, embeddings.block
    return nearest(
        vectors,
        how.neighbors,
        block,
        how.retrieval,
        recall=how.recall,
        progress=progress,
    )


@dataclass(frozen=True)
class Graph:
    """Edges from row `first` to the higher row `second`, both [num_edges] int32."""

    first: np.ndarray
    second: np.ndarray

    def __len__(self) -> int:
        return len(self.first)


def mutual_graph(neighbors: Neighbors, floor: float = -1.0) -> Graph:
    """Joins products that are among each other's nearest neighbors; edges ascend.

    A product in a dense region is a neighbor of many that are not its own neighbors; as
    both must agree, such hubs join nothing.

    Args:
      neighbors: Neighbors of every product, in the order of the rows.
      floor: Least similarity of a pair that is kept, -1 to 1.
    """
    num_products, k = neighbors.indices.shape
    rows = np.repeat(np.arange(num_products, dtype=np.int64), k)
    others = neighbors.indices.ravel().astype(np.int64)
    kept = (others >= 0) & (neighbors.similarities.ravel() >= floor)
    rows, others = rows[kept], others[kept]
    edges = np.minimum(rows, others) * num_products + np.maximum(rows, others)
    edges.sort()
    # A pair that both products name is there twice, side by side.
    edges = edges[:-1][edges[1:] == edges[:-1]]
    first, second = np.divmod(edges, num_products)
    return Graph(first.astype(np.int32), second.astype(np.int32))
