"""The products of groups, and the pairs of them."""

from __future__ import annotations

import numpy as np


class Members:
    """The products of some groups, side by side.

    Args:
      of: [n] int, group of each product, named by a number below n.
      size: [n] int64, number of products of the group with that name.
      wanted: [m] int, names of the groups.
    """

    def __init__(self, of: np.ndarray, size: np.ndarray, wanted: np.ndarray):
        is_wanted = np.zeros(len(of), bool)
        is_wanted[wanted] = True
        rows = np.flatnonzero(is_wanted[of])
        self._rows = rows[np.argsort(of[rows], kind="stable")]
        self._size = size
        self._start = np.zeros(len(of), np.int64)
        names = np.flatnonzero(is_wanted)
        self._start[names] = np.cumsum(size[names]) - size[names]

    def of(self, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Every product of `groups[i]`: i, row."""
        counts = self._size[groups]
        number = np.repeat(np.arange(len(groups)), counts)
        place = np.arange(len(number)) - np.repeat(np.cumsum(counts) - counts, counts)
        return number, self._rows[self._start[groups][number] + place]

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


def by_lowest(groups: np.ndarray) -> np.ndarray:
    """Groups, [n] of any type, named by the lowest of their rows, [n] int64."""
    _, lowest, group = np.unique(groups, return_index=True, return_inverse=True)
    return lowest[group]


def pairs_within(groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers of every product with every other of its group, in both orders.

    `groups` is [n] int; the arrays are [num_pairs] int64, the first ascending by group.
    """
    _, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    order = np.argsort(group, kind="stable")
    order = order[sizes[group[order]] > 1]
    size = sizes[group[order]]
    start = np.searchsorted(group[order], group[order])
    first = np.repeat(np.arange(len(order)), size)
    place = np.arange(len(first)) - np.repeat(np.cumsum(size) - size, size)
    second = start[first] + place
    apart = first != second
    return order[first[apart]], order[second[apart]]
