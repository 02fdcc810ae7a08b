"""What a search for nearest neighbors returns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Neighbors:
    """The nearest neighbors of some queries, the most similar first.

    Attributes:
      indices: `[num_queries, k]` int32, rows of the embeddings that were searched;
        -1 where fewer than `k` products were there to be found.
      similarities: `[num_queries, k]` float32, dot products of the L2-normalised
        embeddings, descending; -inf where `indices` is -1.
    """

    indices: np.ndarray
    similarities: np.ndarray

    @classmethod
    def none(cls, num_queries: int, k: int) -> Neighbors:
        """Returns neighbors of which every place is still empty, to be filled."""
        return cls(
            indices=np.full((num_queries, k), -1, np.int32),
            similarities=np.full((num_queries, k), -np.inf, np.float32),
        )

    def without(self, rows: np.ndarray) -> Neighbors:
        """Leaves one row out of each query's neighbors, or else the last of them.

        A product that is looked for among products finds itself: of `k + 1`
        neighbors, these are its `k` others.

        Args:
          rows: `[num_queries]` integers, the row to leave out for each query.

        Returns:
          `[num_queries, k - 1]` neighbors in the order they were in.
        """
        out = self.indices == rows[:, None]
        # Of the places that are to go, the row's own comes before the last.
        out[~out.any(axis=1), -1] = True
        shape = (len(rows), self.indices.shape[1] - 1)
        return Neighbors(
            self.indices[~out].reshape(shape), self.similarities[~out].reshape(shape)
        )
