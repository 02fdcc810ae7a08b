"""Which products to look at: some of those that training meets first."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

# Batches of one block meet a block a step; few catalogues have more blocks.
_MOST_STEPS = 200


class Meeting(NamedTuple):
    """Where training meets a product for the first time.

    Attributes:
      row: Of the product, among those to learn from.
      step: Of the training.
      place: In the batch of that step.
    """

    row: int
    step: int
    place: int


def choose_products(
    order: Callable[[int], np.ndarray],
    blocks: np.ndarray,
    num_products: int,
    num_steps: int,
) -> tuple[Meeting, ...]:
    """Chooses products of as many blocks as possible, those that are met first.

    Args:
      order: From a step to the rows of its batch.
      blocks: `[n]` integer block of each row.
      num_products: How many are wanted.
      num_steps: Of the training; no more than the first 200 are looked at.

    Returns:
      At most `num_products`, the first of each block, then the second of each, and so
      on; the same for the same order.
    """
    met: dict[int, Meeting] = {}
    for step in range(max(1, min(num_steps, _MOST_STEPS))):
        for place, row in enumerate(order(step).tolist()):
            met.setdefault(row, Meeting(row, step, place))
        num_blocks = len({int(blocks[row]) for row in met})
        if min(num_blocks, len(met)) >= num_products:
            break
    return _spread(met.values(), blocks)[:num_products]


def _spread(meetings: Iterable[Meeting], blocks: np.ndarray) -> tuple[Meeting, ...]:
    """The first meeting with each block, then the second with each, and so on."""
    turns: dict[int, int] = {}
    ordered = []
    for meeting in meetings:
        block = int(blocks[meeting.row])
        turns[block] = turns.get(block, -1) + 1
        ordered.append((turns[block], meeting))
    # The sort is stable: within a turn, in the order of the training.
    return tuple(meeting for _, meeting in sorted(ordered, key=lambda pair: pair[0]))
