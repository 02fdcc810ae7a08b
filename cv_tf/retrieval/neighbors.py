"""What a search for nearest neighbors returns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Neighbors:
    """The nearest neighbors of some products, the most similar first.

    Attributes:
      indices: `[num_queries, k]` int32, rows of the embeddings that were searched;
        -1 where there are fewer than `k` other products.
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
