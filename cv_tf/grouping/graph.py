"""Which products may be variants at all: a sparse graph of near neighbors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cv_tf.config import GroupingSettings
from cv_tf.embeddings import Embeddings
from cv_tf.errors import UserError
from cv_tf.retrieval import Neighbors, nearest

_TIED = 1e-6  # Difference of similarities that are equal but for rounding.


def find_neighbors(
    embeddings: Embeddings,
    settings: GroupingSettings | None = None,
    progress: str = "",
    floor: float = -1.0,
) -> Neighbors:
    """Finds the neighbors of every product within its block; copies are left out.

    They are the neighbors of `embeddings.distinct`, in the order of its rows: places
    among the neighbors that copies of one photo filled would show nothing else.

    Args:
      embeddings: Embeddings of all products.
      settings: Number of neighbors and kind of search; None for the defaults.
      progress: Text of the progress bar; empty for no bar.
      floor: Similarity below which a search that is not exact need not find them, such
        as `search_floor`; -1 for none.
    """
    how = settings or GroupingSettings()
    distinct = embeddings.distinct
    return nearest(
        distinct.vectors,
        how.neighbors,
        distinct.block,
        how.retrieval,
        recall=how.recall,
        progress=progress,
        floor=floor,
    )


def check_neighbors(neighbors: Neighbors, num_products: int) -> None:
    """Checks that neighbors are those of so many products; raises UserError if not."""
    if len(neighbors.indices) != num_products:
        raise UserError(
            f"There are neighbors of {len(neighbors.indices):,} products; expected "
            f"those of {num_products:,}. Pass what find_neighbors returns for these "
            "embeddings: it leaves out products that are copies of others."
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
    both must agree, such hubs join nothing. A product that is as near as the last of
    the neighbors counts as one of them: only its row number has left it out.

    Args:
      neighbors: Neighbors of every product, in the order of the rows.
      floor: Least similarity of a pair that is kept, -1 to 1.
    """
    num_products, k = neighbors.indices.shape
    rows = np.repeat(np.arange(num_products, dtype=np.int64), k)
    others = neighbors.indices.ravel().astype(np.int64)
    similarities = neighbors.similarities.ravel()
    kept = (others >= 0) & (similarities >= floor)
    rows, others = rows[kept], others[kept]
    edges = np.minimum(rows, others) * num_products + np.maximum(rows, others)
    last = neighbors.similarities[others, -1]
    tied = edges[np.abs(similarities[kept] - last) < _TIED]
    edges.sort()
    # A pair that both products name is there twice, side by side.
    edges = np.unique(np.concatenate([edges[:-1][edges[1:] == edges[:-1]], tied]))
    first, second = np.divmod(edges, num_products)
    return Graph(first.astype(np.int32), second.astype(np.int32))
