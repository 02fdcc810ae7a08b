"""What is known of groups before they are found: who is together, and who is not."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from cv_tf.grouping.members import by_lowest


@dataclass(frozen=True, eq=False)
class Constraints:
    """What people have said of n products, which groups must not go against.

    Attributes:
      together: [n] int64, products of one number are in one group: that of the lowest
        of their rows. A product that nobody has linked has its own row number.
      apart: [m, 2] int64, rows of two products that are not in one group.
      is_former: [n] bool, products of an earlier run; None where there was none.
      is_closed: [n] bool, products of an earlier run in groups that are complete: no
        other former product joins them. None as before.

    Example:
      >>> import numpy as np
      >>> from cv_tf.grouping import Constraints
      >>> same, apart = np.array([[1, 3]]), np.array([[0, 1]])
      >>> known = Constraints.of_pairs(4, same, apart)
      >>> known.together.tolist()
      [0, 1, 2, 1]
      >>> known.are_apart(np.array([0, 0]), np.array([3, 2])).tolist()
      [True, False]
    """

    together: np.ndarray
    apart: np.ndarray
    is_former: np.ndarray | None = None
    is_closed: np.ndarray | None = None

    @classmethod
    def of_pairs(
        cls, num_products: int, same: np.ndarray, apart: np.ndarray
    ) -> Constraints:
        """Constraints of pairs that are together, [k, 2], and apart, [m, 2] int."""
        apart = np.asarray(apart, np.int64).reshape(-1, 2)
        return cls(components(num_products, np.asarray(same)), apart)

    def __len__(self) -> int:
        return len(self.together)

    @cached_property
    def num_pairs_together(self) -> int:
        """Number of pairs of products that are known to be together."""
        sizes = np.unique(self.together, return_counts=True)[1].astype(np.int64)
        return int((sizes * (sizes - 1) // 2).sum())

    @cached_property
    def is_told(self) -> np.ndarray:
        """Of which products people have said something, [n] bool."""
        told = np.bincount(self.together, minlength=len(self))[self.together] > 1
        told[self.apart.ravel()] = True
        return told

    @cached_property
    def _keys_apart(self) -> np.ndarray:
        return self.keys(self.together)

    def keys(self, groups: np.ndarray) -> np.ndarray:
        """Keys of the pairs of groups, [n] int, that hold products which are apart.

        They are those of `pair_keys`, ascending.
        """
        first, second = groups[self.apart].T
        return np.unique(pair_keys(first, second, len(self)))

    def are_apart(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Whether rows, [m] int each, or products linked with them, are apart, [m]."""
        first, second = self.together[first], self.together[second]
        return is_among(self._keys_apart, pair_keys(first, second, len(self)))

    def select(self, rows: np.ndarray) -> Constraints:
        """Those of some products, ascending rows, numbered by their places."""
        place = np.full(len(self), -1)
        # Those that are left out are told of by what is linked with them.
        place[self.together[rows]] = np.arange(len(rows))
        apart = place[self.together[self.apart]]
        of_rows = (None if of is None else of[rows] for of in self._former)
        together = by_lowest(self.together[rows])
        return Constraints(together, apart[(apart >= 0).all(axis=1)], *of_rows)

    @property
    def _former(self) -> tuple[np.ndarray | None, np.ndarray | None]:
        return self.is_former, self.is_closed

    def confirmed(self, groups: np.ndarray) -> np.ndarray:
        """Whether people have linked all of each product's group, [n] bool.

        `groups`, [n] int, are the groups. A product that is alone is confirmed where
        something was said of it.
        """
        _, group = np.unique(groups, return_inverse=True)
        number = int(group.max(initial=-1)) + 1
        low, high = np.full(number, len(self)), np.full(number, -1)
        np.minimum.at(low, group, self.together)
        np.maximum.at(high, group, self.together)
        return (low == high)[group] & self.is_told


def components(num_products: int, pairs: np.ndarray) -> np.ndarray:
    """The lowest row that pairs, [m, 2] int, connect each row with, [n] int64."""
    first, second = np.asarray(pairs, np.int64).reshape(-1, 2).T
    graph = sparse.coo_array(
        (np.ones(len(first), np.int8), (first, second)), shape=(num_products,) * 2
    )
    _, part = csgraph.connected_components(graph, directed=False)
    return by_lowest(part)


class Forbidden:
    """Merges that constraints forbid, while groups merge.

    Args:
      constraints: Constraints of the products.
      of: [n] int, the group of each product, named by the lowest of their rows.
    """

    def __init__(self, constraints: Constraints, of: np.ndarray):
        self._known = constraints
        self._has_former = self._has_closed = np.zeros(len(of), bool)
        self.update(of)

    def update(self, of: np.ndarray) -> None:
        """Takes note of the groups, [n] int, as they are now."""
        known = self._known
        self._keys = known.keys(of)
        if known.is_former is not None and known.is_closed is not None:
            self._has_former = np.zeros(len(of), bool)
            self._has_closed = np.zeros(len(of), bool)
            self._has_former[of[known.is_former]] = True
            self._has_closed[of[known.is_closed]] = True

    def __call__(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Whether groups, [m] int each, must not merge."""
        closed, former = self._has_closed, self._has_former
        keys = pair_keys(first, second, len(self._known))
        return (
            is_among(self._keys, keys)
            | (closed[first] & former[second])
            | (former[first] & closed[second])
        )


def pair_keys(first: np.ndarray, second: np.ndarray, number: int) -> np.ndarray:
    """A number for each pair of rows, [m] int64, whichever of them comes first.

    `first` and `second`, [m] int, are below `number`. `np.divmod` by that gives the
    lower row and the higher one.
    """
    low, high = np.minimum(first, second), np.maximum(first, second)
    return low.astype(np.int64) * number + high


def is_among(ascending: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Which values, [m] int, are among ascending ones, [m] bool."""
    if not len(ascending):
        return np.zeros(len(values), bool)
    place = np.minimum(np.searchsorted(ascending, values), len(ascending) - 1)
    return ascending[place] == values
