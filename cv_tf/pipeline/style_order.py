"""The order of batches for supervised losses: P styles with K products each."""

from __future__ import annotations

import functools

import numpy as np

from cv_tf.errors import UserError
from cv_tf.pipeline.orders import check_batch_size, rows_by_value

# Styles that are drawn right after one that they are said to be different of, at most:
# a batch is to have others, too.
_MOST_BESIDE = 3


class StyleOrder:
    """Batches of P styles x K products; a pure function of (seed, step).

    Only styles with two products or more are drawn. A style with fewer than K products
    gives all of them, and further styles fill the batch, which is always full and never
    holds a product twice. In each epoch, the styles are shuffled and P of them go to
    each batch. Styles that people said are different are shuffled together, so that
    they meet in a batch: they look alike, or nobody would have asked.

    Args:
      styles: [n] integer, style of each product, -1 if unknown.
      products_per_style: K, two or more.
      batch_size: Products a batch; P is batch_size // K.
      seed: Seed of the run.
      blocks: [n] integer, block of each product, to draw each batch from one block, in
        proportion to its number of styles; blocks whose styles do not fill a batch are
        joined. None to mix all blocks.
      different: [m, 2] integer, rows of two products that people said are different. A
        product without others of its style is drawn if it is in one of these pairs with
        a style that is drawn. None for no pairs.

    Raises:
      ValueError: If the styles cannot fill a batch.
    """

    def __init__(
        self,
        styles: np.ndarray,
        products_per_style: int,
        batch_size: int,
        seed: int,
        *,
        blocks: np.ndarray | None = None,
        different: np.ndarray | None = None,
    ):
        styles = np.asarray(styles)
        check_batch_size(batch_size, len(styles))
        if not 2 <= products_per_style <= batch_size:
            raise UserError(
                f"products_per_style is {products_per_style}; it must be between 2 "
                f"and the batch size, {batch_size}."
            )
        self.products_per_style = products_per_style
        self.batch_size = batch_size
        self.seed = seed
        members = [m for m in rows_by_value(styles) if styles[m[0]] >= 0]
        self._members = [m for m in members if len(m) >= 2]
        self._taken = np.array(
            [min(len(m), products_per_style) for m in self._members], np.int64
        )
        if not self._members:
            raise UserError(
                "No two products to learn from share a style_id, and this method "
                "learns from variants. Label some of them, answer questions about them "
                "(--answers), or pass a method that learns without labels, such as "
                "--method=part_contrast."
            )
        available = int(self._taken.sum())
        if available < batch_size:
            raise UserError(
                f"{len(self._members)} styles with two products or more give "
                f"{available} products at {products_per_style} a style, but a batch "
                f"takes {batch_size}. Lower --batch_size to {available} or less, or "
                "label more styles (column style_id)."
            )
        self._pools = self._make_pools(blocks)
        self._beside = self._find_beside(styles, blocks, different)
        per_batch = batch_size // products_per_style
        self._batches = [max(len(pool) // per_batch, 1) for pool in self._pools]
        self.steps_per_epoch = sum(self._batches)
        self._epoch = functools.lru_cache(maxsize=2)(self._draw_epoch)

    def __call__(self, step: int) -> np.ndarray:
        """The row numbers of one batch, [batch_size] int32, ordered by style."""
        epoch, place = divmod(step, self.steps_per_epoch)
        pools, deal = self._epoch(epoch)
        pool, turn = deal[place]
        random = np.random.default_rng([self.seed, epoch, place])
        per_batch = self.batch_size // self.products_per_style
        # Every style gives two products or more, so half as many styles fill a batch;
        # products without a style of two may be among them.
        num_alone = len(pools[pool]) - len(self._pools[pool])
        wanted = self.batch_size if num_alone else self.batch_size // 2 + 1
        wanted = min(wanted, len(pools[pool]))
        start = turn * per_batch * len(pools[pool]) // len(self._pools[pool])
        styles = np.take(pools[pool], np.arange(start, start + wanted), mode="wrap")
        chosen = [
            random.permutation(self._members[style])[:count]
            for style, count in zip(*self._fill(styles), strict=True)
        ]
        return np.concatenate(chosen).astype(np.int32)

    def _draw_epoch(self, epoch: int) -> tuple[list[np.ndarray], np.ndarray]:
        """The shuffled styles of each pool, and (pool, turn) of each step."""
        random = np.random.default_rng([self.seed, epoch])
        pools = [self._together(random.permutation(pool)) for pool in self._pools]
        deal = [(p, turn) for p, n in enumerate(self._batches) for turn in range(n)]
        return pools, random.permutation(np.array(deal))

    def _together(self, pool: np.ndarray) -> np.ndarray:
        """Shuffled styles, each followed by those that it is said to be different of.

        Each is there once; those that it brings follow the first that brings them.
        """
        if not self._beside:
            return pool
        in_pool, placed = set(pool.tolist()), dict[int, None]()

        def place(style: int) -> None:
            placed.setdefault(style)
            for other in self._beside.get(style, ()):
                if other >= self._num_styles:
                    placed.setdefault(other)

        for style in pool.tolist():
            if style not in placed:
                place(style)
                for other in self._beside.get(style, ()):
                    if other in in_pool and other not in placed:
                        place(other)
        return np.array(list(placed))

    def _find_beside(
        self,
        styles: np.ndarray,
        blocks: np.ndarray | None,
        different: np.ndarray | None,
    ) -> dict[int, list[int]]:
        """The styles that each style is said to be different of, a few each.

        Products without others of their style are added to the members.
        """
        self._num_styles = len(self._members)
        if different is None:
            return {}
        number = np.full(len(styles), -1)
        for style, rows in enumerate(self._members):
            number[rows] = style
        beside: dict[int, list[int]] = {}
        alone: dict[int, int] = {}
        for pair in np.asarray(different).tolist():
            for row, other in (pair, pair[::-1]):
                near = beside.setdefault(int(number[row]), [])
                is_near = blocks is None or blocks[row] == blocks[other]
                if number[row] < 0 or not is_near or len(near) == _MOST_BESIDE:
                    continue
                found = int(number[other])
                if found < 0:
                    found = alone.setdefault(other, self._num_styles + len(alone))
                if found not in near:
                    near.append(found)
        self._members += [np.array([row]) for row in alone]
        self._taken = np.concatenate([self._taken, np.ones(len(alone), np.int64)])
        return {style: near for style, near in beside.items() if near}

    def _fill(self, styles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Takes styles until the batch is full; returns them, and the products of each.

        A single product of a style would have no positive. So if only one place is left
        for the last style, an earlier style gives up one of its places if it can.
        """
        taken = self._taken[styles]
        last = int(np.searchsorted(np.cumsum(taken), self.batch_size))
        counts = taken[: last + 1].copy()
        counts[-1] -= counts.sum() - self.batch_size
        lenders = np.flatnonzero(counts[:-1] > 2)
        if counts[-1] == 1 < taken[last] and len(lenders):
            counts[lenders[-1]] -= 1
            counts[-1] += 1
        return styles[: last + 1], counts

    def _make_pools(self, blocks: np.ndarray | None) -> list[np.ndarray]:
        """Sets of styles that batches are drawn from: a single one, or one a block."""
        every_style = np.arange(len(self._members))
        if blocks is None:
            return [every_style]
        block = np.array([np.asarray(blocks)[m[0]] for m in self._members])
        pools = [every_style[block == b] for b in np.unique(block)]
        full = [p for p in pools if self._taken[p].sum() >= self.batch_size]
        small = [p for p in pools if self._taken[p].sum() < self.batch_size]
        joined = np.concatenate(small) if small else np.array([], np.int64)
        if self._taken[joined].sum() >= self.batch_size:
            full.append(joined)
        return full or [every_style]
