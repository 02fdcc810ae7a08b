"""Batches of products that may be compared: each from one block."""

from __future__ import annotations

import functools

import numpy as np

from cv_tf.pipeline.orders import check_batch_size


class BlockOrder:
    """Batches from one block each; a pure function of (seed, step).

    In each epoch every block is shuffled and cut into full batches, and the
    batches of all blocks are shuffled: blocks are drawn in proportion to their
    size. What is left of a block sits out that epoch. Blocks too small for a
    batch of their own are laid end to end and cut together, so that their
    products meet as many of their own block as there are; if all of them
    together are too few, the batch is filled up from anywhere.

    Args:
      blocks: [n] integer block of each product.
      batch_size: Products a batch.
      seed: Of the run.
      rows: [n] the rows these products have; None for 0 to n - 1.

    Raises:
      ValueError: If a batch does not fit.
    """

    def __init__(
        self,
        blocks: np.ndarray,
        batch_size: int,
        seed: int,
        *,
        rows: np.ndarray | None = None,
    ):
        check_batch_size(batch_size, len(blocks))
        self.rows = np.arange(len(blocks)) if rows is None else np.asarray(rows)
        self.batch_size = batch_size
        self.seed = seed
        by_block = np.argsort(blocks, kind="stable")
        borders = np.flatnonzero(np.diff(np.asarray(blocks)[by_block])) + 1
        members = np.split(by_block, borders)
        self._large = [block for block in members if len(block) >= batch_size]
        self._small = [block for block in members if len(block) < batch_size]
        num_small = sum(map(len, self._small))
        small_batches = max(num_small // batch_size, int(num_small > 0))
        large_batches = sum(len(block) // batch_size for block in self._large)
        self.steps_per_epoch = small_batches + large_batches
        self._epoch = functools.lru_cache(maxsize=2)(self._draw_epoch)

    def __call__(self, step: int) -> np.ndarray:
        """The rows of one batch, [batch_size] int32."""
        epoch, place = divmod(step, self.steps_per_epoch)
        return self.rows[self._epoch(epoch)[place]].astype(np.int32)

    def _draw_epoch(self, epoch: int) -> np.ndarray:
        random = np.random.default_rng([self.seed, epoch])
        batches = [self._cut(random.permutation(block)) for block in self._large]
        if self._small:
            batches.append(self._cut(self._small_blocks(random)))
        return random.permutation(np.concatenate(batches))

    def _small_blocks(self, random: np.random.Generator) -> np.ndarray:
        order = random.permutation(len(self._small))
        joined = np.concatenate([random.permutation(self._small[i]) for i in order])
        missing = self.batch_size - len(joined)
        if missing <= 0:
            return joined
        others = np.concatenate(self._large)
        return np.concatenate([joined, random.choice(others, missing, replace=False)])

    def _cut(self, products: np.ndarray) -> np.ndarray:
        full = len(products) // self.batch_size * self.batch_size
        return products[:full].reshape(-1, self.batch_size)
