"""The groups of one moment, while they merge."""

from __future__ import annotations

import numpy as np

from cv_tf.grouping.similarity import Likeness

# Edges, and pairs of products, that are compared at a time.
_CHUNK = 2**16
_MAX_PAIRS = 2**23


class Groups:
    """Disjoint groups of products; a group goes by the lowest of their rows.

    The mean similarity of two groups is the dot product of the sums of their vectors,
    over the number of pairs: sums are all that is kept. Colors are compared pair by
    pair.

    Args:
      likeness: Of n products, each of which is a group at first.

    Attributes:
      of: [n] int64, each product's group.
      size: [n] int64, how many products the group of that name has.
      level: [n] float64, the likeness at which it was made; infinite for a group of
        one.
    """

    def __init__(self, likeness: Likeness):
        self.of = np.arange(len(likeness))
        self.size = np.ones(len(likeness), np.int64)
        self.level = np.full(len(likeness), np.inf)
        self._likeness = likeness
        self._sums = likeness.vectors.copy()

    def merge(
        self, first: np.ndarray, second: np.ndarray, alike: np.ndarray | float
    ) -> np.ndarray:
        """Joins pairs of groups.

        Args:
          first: `[m]` groups, no group twice in both.
          second: `[m]` groups, each higher than its `first`, whose name they take.
          alike: `[m]` their likeness.

        Returns:
          `[m]` the new groups' levels: at most those of the groups that they are made
          of, so that a cut which takes a merge also takes those before it.
        """
        self._sums[first] += self._sums[second]
        self.size[first] += self.size[second]
        halves = np.minimum(self.level[first], self.level[second])
        self.level[first] = np.minimum(halves, alike)
        renamed = np.arange(len(self.of))
        renamed[second] = first
        self.of = renamed[self.of]
        return self.level[first]

    def likeness(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """The mean likeness of pairs of groups, `[m]` float64.

        Args:
          first: `[m]` groups.
          second: `[m]` groups.
        """
        alike = np.empty(len(first))
        for start in range(0, len(first), _CHUNK):
            part = slice(start, start + _CHUNK)
            sums = self._sums[first[part]], self._sums[second[part]]
            alike[part] = np.einsum("md,md->m", *sums)
        alike /= self.size[first] * self.size[second]
        return alike - self._discounts(first, second) if len(first) else alike

    def _discounts(self, first: np.ndarray, second: np.ndarray) -> np.ndarray | float:
        if not self._likeness.knows_color:
            return 0.0
        mean = np.empty(len(first))
        num_pairs = self.size[first] * self.size[second]
        members = _Members(self.of, self.size, np.concatenate([first, second]))
        # Cut where the pairs of products, not of groups, become too many.
        chunk = np.cumsum(num_pairs) // _MAX_PAIRS
        for edges in np.split(
            np.arange(len(first)), np.flatnonzero(np.diff(chunk)) + 1
        ):
            pair, left, right = members.pairs(first[edges], second[edges])
            discounts = self._likeness.discounts(left, right)
            total = np.bincount(pair, weights=discounts, minlength=len(edges))
            mean[edges] = total / num_pairs[edges]
        return mean


class _Members:
    """Which products some groups have, side by side."""

    def __init__(self, of: np.ndarray, size: np.ndarray, wanted: np.ndarray):
        is_wanted = np.zeros(len(of), bool)
        is_wanted[wanted] = True
        rows = np.flatnonzero(is_wanted[of])
        self._rows = rows[np.argsort(of[rows], kind="stable")]
        self._size = size
        self._start = np.zeros(len(of), np.int64)
        names = np.flatnonzero(is_wanted)
        self._start[names] = np.cumsum(size[names]) - size[names]

    def pairs(
        self, first: np.ndarray, second: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Every product of `first[i]` with every one of `second[i]`: i, row, row."""
        counts = self._size[first] * self._size[second]
        pair = np.repeat(np.arange(len(first)), counts)
        place = np.arange(len(pair)) - np.repeat(np.cumsum(counts) - counts, counts)
        left, right = np.divmod(place, self._size[second][pair])
        left = self._rows[self._start[first][pair] + left]
        return pair, left, self._rows[self._start[second][pair] + right]
