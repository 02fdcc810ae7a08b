"""Random batches, each product once an epoch."""

from __future__ import annotations

import functools

import numpy as np

from cv_tf.errors import UserError


class RandomOrder:
    """Random batches over all products; a pure function of (seed, step).

    Each epoch is a new permutation. Batches run across the border of two
    epochs, so that all are full and each product comes once an epoch; a batch
    never holds a product twice. With fewer than two batches of products,
    each batch is a new draw.

    Args:
      num_rows: How many products there are.
      batch_size: Products a batch.
      seed: Of the run.
      rows: [num_rows] the rows to draw from; None for 0 to num_rows - 1.

    Raises:
      ValueError: If a batch does not fit.
    """

    def __init__(
        self,
        num_rows: int,
        batch_size: int,
        seed: int,
        *,
        rows: np.ndarray | None = None,
    ):
        check_batch_size(batch_size, num_rows)
        self.rows = np.arange(num_rows) if rows is None else np.asarray(rows)
        if len(self.rows) != num_rows:
            raise ValueError(
                f"{len(self.rows)} rows given, but num_rows is {num_rows}."
            )
        self.batch_size = batch_size
        self.seed = seed
        self._epoch = functools.lru_cache(maxsize=2)(self._draw_epoch)

    def __call__(self, step: int) -> np.ndarray:
        """The rows of one batch, [batch_size] int32."""
        num_rows = len(self.rows)
        if num_rows < 2 * self.batch_size:
            return self._named(self._permutation(step)[: self.batch_size])
        epoch, start = divmod(step * self.batch_size, num_rows)
        chosen = self._epoch(epoch)[start : start + self.batch_size]
        if len(chosen) < self.batch_size:
            rest = self.batch_size - len(chosen)
            chosen = np.concatenate([chosen, self._epoch(epoch + 1)[:rest]])
        return self._named(chosen)

    def _draw_epoch(self, epoch: int) -> np.ndarray:
        """A permutation whose head shares no product with the last epoch's tail.

        The head is moved forward within the first `batch_size` places, so the
        tail, which the next epoch asks about, stays as it was drawn: with two
        batches of products or more, no epoch depends on the one before the last.
        """
        permutation = self._permutation(epoch)
        tail = epoch * len(self.rows) % self.batch_size
        if not tail:
            return permutation
        last_tail = self._permutation(epoch - 1)[-tail:]
        front = permutation[: self.batch_size]
        shared = np.isin(front, last_tail)
        permutation[: self.batch_size] = np.concatenate([front[~shared], front[shared]])
        return permutation

    def _permutation(self, epoch: int) -> np.ndarray:
        return np.random.default_rng([self.seed, epoch]).permutation(len(self.rows))

    def _named(self, chosen: np.ndarray) -> np.ndarray:
        return self.rows[chosen].astype(np.int32)


def check_batch_size(batch_size: int, num_rows: int) -> None:
    """Refuses a batch that the products cannot fill.

    Raises:
      ValueError: Saying what to change.
    """
    if batch_size < 1:
        raise UserError(f"batch_size is {batch_size}; it must be 1 or more.")
    if batch_size > num_rows:
        raise UserError(
            f"A batch of {batch_size} does not fit a catalogue of {num_rows} products. "
            f"Lower --batch_size to {num_rows} or less, or bring more products."
        )


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
