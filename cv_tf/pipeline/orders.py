"""Orders of training batches: at random over all products, or one block a batch."""

from __future__ import annotations

import functools

import numpy as np

from cv_tf.errors import UserError


class RandomOrder:
    """Random batches over all products; a pure function of (seed, step).

    Each epoch is a new permutation, in which each product comes once. Batches may
    span two epochs, so all batches are full; no batch holds a product twice. If there
    are fewer products than two batches, each batch is drawn anew.

    Args:
      num_rows: Number of products.
      batch_size: Products a batch.
      seed: Seed of the run.

    Raises:
      ValueError: If there are fewer products than a batch.
    """

    def __init__(self, num_rows: int, batch_size: int, seed: int):
        check_batch_size(batch_size, num_rows)
        self.num_rows = num_rows
        self.batch_size = batch_size
        self.seed = seed
        self._epoch = functools.lru_cache(maxsize=2)(self._draw_epoch)

    def __call__(self, step: int) -> np.ndarray:
        """The row numbers of one batch, [batch_size] int32."""
        if self.num_rows < 2 * self.batch_size:
            return self._permutation(step)[: self.batch_size]
        epoch, start = divmod(step * self.batch_size, self.num_rows)
        chosen = self._epoch(epoch)[start : start + self.batch_size]
        if rest := self.batch_size - len(chosen):
            chosen = np.concatenate([chosen, self._epoch(epoch + 1)[:rest]])
        return chosen

    def _draw_epoch(self, epoch: int) -> np.ndarray:
        """A permutation whose head shares no product with the last epoch's tail.

        Shared products are moved back within the first `batch_size` places. The tail,
        which the next epoch depends on, stays as drawn, since there are two batches or
        more: no epoch depends on more than the one before it.
        """
        permutation = self._permutation(epoch)
        tail = epoch * self.num_rows % self.batch_size
        if not tail:
            return permutation
        last_tail = self._permutation(epoch - 1)[-tail:]
        front = permutation[: self.batch_size]
        shared = np.isin(front, last_tail)
        permutation[: self.batch_size] = np.concatenate([front[~shared], front[shared]])
        return permutation

    def _permutation(self, epoch: int) -> np.ndarray:
        random = np.random.default_rng([self.seed, epoch])
        return random.permutation(self.num_rows).astype(np.int32)


def rows_by_value(values: np.ndarray) -> list[np.ndarray]:
    """The ascending row numbers of each distinct integer in `values`."""
    by_value = np.argsort(values, kind="stable")
    return np.split(by_value, np.flatnonzero(np.diff(values[by_value])) + 1)


def check_batch_size(batch_size: int, num_rows: int) -> None:
    """Raises ValueError if a batch is empty or larger than the number of products."""
    if batch_size < 1:
        raise UserError(f"batch_size is {batch_size}; it must be 1 or more.")
    if batch_size > num_rows and num_rows < 2:
        raise UserError(
            "Training compares products and needs two at least; there "
            f"{'is one' if num_rows else 'are none'} to learn from. Bring more."
        )
    if batch_size > num_rows:
        raise UserError(
            f"A batch of {batch_size} does not fit a catalogue of {num_rows} products. "
            f"Lower --batch_size to {num_rows} or less, or bring more products."
        )


class BlockOrder:
    """Batches from one block each; a pure function of (seed, step).

    In each epoch, every block is shuffled and cut into full batches, and the batches
    of all blocks are shuffled, so blocks are drawn in proportion to their size. The
    rest of a block is left out of that epoch. Blocks smaller than a batch are joined
    and cut together, so that their products meet as many of their own block as
    possible; if there is not a batch of them, it is filled up with any other products.

    Args:
      blocks: [n] integer, block of each product.
      batch_size: Products a batch.
      seed: Seed of the run.

    Raises:
      ValueError: If there are fewer products than a batch.
    """

    def __init__(self, blocks: np.ndarray, batch_size: int, seed: int):
        check_batch_size(batch_size, len(blocks))
        self.batch_size = batch_size
        self.seed = seed
        members = rows_by_value(np.asarray(blocks))
        self._large = [block for block in members if len(block) >= batch_size]
        self._small = [block for block in members if len(block) < batch_size]
        num_small = sum(map(len, self._small))
        self.steps_per_epoch = max(num_small // batch_size, int(num_small > 0))
        self.steps_per_epoch += sum(len(block) // batch_size for block in self._large)
        self._epoch = functools.lru_cache(maxsize=2)(self._draw_epoch)

    def __call__(self, step: int) -> np.ndarray:
        """The row numbers of one batch, [batch_size] int32."""
        epoch, place = divmod(step, self.steps_per_epoch)
        return self._epoch(epoch)[place].astype(np.int32)

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
