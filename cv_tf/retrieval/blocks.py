"""Splitting products into their blocks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np


def rows_by_block(
    blocks: np.ndarray | None, num_products: int
) -> Iterator[tuple[int, np.ndarray]]:
    """Yields each block and the rows of its products.

    Args:
      blocks: `[num_products]` integers, the block of each product; None puts all
        products into block 0.
      num_products: How many products there are.

    Yields:
      `(block, rows)`, blocks ascending; `rows` are int64, ascending.

    Raises:
      ValueError: If `blocks` has another length than `num_products`.
    """
    if blocks is None:
        blocks = np.zeros(num_products, np.int32)
    blocks = np.asarray(blocks)
    if blocks.shape != (num_products,):
        raise ValueError(
            f"Blocks have shape {blocks.shape}; expected ({num_products},), one block "
            "for each embedding. Pass the blocks of the same rows in the same order."
        )
    if num_products == 0:
        return
    # A stable sort keeps the rows of a block ascending.
    order = np.argsort(blocks, kind="stable")
    values, starts = np.unique(blocks[order], return_index=True)
    for value, rows in zip(values, np.split(order, starts[1:]), strict=True):
        yield int(value), rows
