"""The rows that some replicas have of batches."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


class Shares:
    """An order over the shares of some replicas, in turn: of batch 0, then of batch 1.

    Replica r of R has the r-th of R equal pieces of each batch.

    Args:
      order: Of the whole batches, from a step to `[batch]` rows.
      replicas: Those whose shares are wanted; they adjoin.
      num_replicas: How many share a batch, which is a multiple of it.
    """

    def __init__(
        self, order: Callable[[int], np.ndarray], replicas: range, num_replicas: int
    ):
        self._order = order
        self._replicas = replicas
        self._size = len(order(0)) // num_replicas

    def __call__(self, number: int) -> np.ndarray:
        """The rows of one share, `[batch / num_replicas]` int32."""
        step, place = divmod(number, len(self._replicas))
        start = self._replicas[place] * self._size
        return self._order(step)[start : start + self._size]
