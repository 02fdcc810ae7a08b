"""Groups that follow what people say: only what an answer touches is made anew."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from cv_tf.grouping import (
    Constraints,
    Graph,
    Linked,
    average_linkage,
    by_lowest,
    components,
    mutual_graph,
    start_within,
)


class Adjacency:
    """The neighbors of rows in an undirected graph.

    Args:
      num_rows: Number of rows.
      graph: Edges between them.
    """

    def __init__(self, num_rows: int, graph: Graph):
        ends = np.concatenate([graph.first, graph.second]).astype(np.int64)
        others = np.concatenate([graph.second, graph.first]).astype(np.int64)
        order = np.argsort(ends, kind="stable")
        self._others, self._edge = others[order], order % max(len(graph), 1)
        self._starts = np.searchsorted(ends[order], np.arange(num_rows + 1))

    def of(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Every edge that begins at rows, [m] int: row, other end, number of the edge.

        They are [k] int64 each, the rows in their order.
        """
        number = self._starts[rows + 1] - self._starts[rows]
        first = np.repeat(np.arange(len(rows)), number)
        place = np.arange(len(first)) - np.repeat(np.cumsum(number) - number, number)
        place += self._starts[rows][first]
        return rows[first], self._others[place], self._edge[place]


class LiveGroups:
    """The groups of a linked catalog at a threshold, under changing constraints.

    Two groups whose mean similarity reaches the threshold hold two products whose
    similarity does. So no group reaches beyond a part of the graph of such pairs, and
    the parts are grouped one by one: the result is that of grouping all at once.

    Args:
      linked: The linked catalog of n products without copies.
      threshold: Mean similarity at which groups join.
      max_size: Largest number of products of a group.
      known: What people have said.
      start: [n] int, groups that stay together as far as nobody parts them, such as
        those that another tool has made; None for none.

    Attributes:
      of: [n] int64, group of each product, named by the lowest of its rows.
      threshold: The threshold.
    """

    def __init__(
        self,
        linked: Linked,
        threshold: float,
        max_size: int | None,
        known: Constraints,
        start: np.ndarray | None = None,
    ):
        self.threshold, self._max_size, self._start = threshold, max_size, start
        self._similarity = linked.similarity
        number = len(known)
        graph = mutual_graph(linked.neighbors, threshold)
        near = self._similarity.of_pairs(graph.first, graph.second) >= threshold
        graph = Graph(graph.first[near], graph.second[near])
        self._adjacency = Adjacency(number, graph)
        edges = [np.stack([graph.first, graph.second], axis=1)]
        if start is not None:
            edges.append(np.stack([by_lowest(start), np.arange(number)], axis=1))
        self._part = components(number, np.concatenate(edges))
        self._members = _members(self._part)
        self.of, self._known = np.arange(number), known
        self._join(self.of, known)
        self._regroup(self.of.copy(), known)

    def update(self, known: Constraints, rows: Iterable[int]) -> np.ndarray:
        """Makes the groups anew that new answers about these rows may change.

        Args:
          known: All that is known by now.
          rows: Rows of the products that were answered about.

        Returns:
          Rows of the products whose groups have other products now, and of those of
          which something else is known, [m] int64, ascending.
        """
        told = np.unique(np.fromiter(rows, np.int64))
        self._join(told, known)
        parts = np.unique(self._part[told])
        touched = [self._members[part] for part in parts.tolist()]
        rows_touched = np.sort(np.concatenate([*touched, told[:0]]))
        before = self.of[rows_touched]
        self._regroup(rows_touched, known)
        # A part may hold half of a large catalog, of which little changes.
        is_new = _has_changed(before, self.of[rows_touched])
        news = rows_touched[is_new], told, _told_otherwise(self._known, known)
        self._known = known
        return np.unique(np.concatenate(news))

    def _join(self, rows: np.ndarray, known: Constraints) -> None:
        """Makes one part of those that hold products which are together."""
        others = known.together[rows]
        apart = self._part[rows] != self._part[others]
        pairs = zip(rows[apart].tolist(), others[apart].tolist(), strict=True)
        for row, other in pairs:
            large, small = int(self._part[row]), int(self._part[other])
            if large == small:
                continue
            if len(self._members[large]) < len(self._members[small]):
                large, small = small, large
            moved = self._members.pop(small)
            self._part[moved] = large
            self._members[large] = np.concatenate([self._members[large], moved])

    def _regroup(self, rows: np.ndarray, known: Constraints) -> None:
        first, second, _ = self._adjacency.of(rows)
        up = first < second
        low, high = (np.searchsorted(rows, of[up]) for of in (first, second))
        similarity, own = self._similarity.select(rows), known.select(rows)
        start = None
        if self._start is not None:
            start = start_within(self._start[rows], own, similarity)
        graph = Graph(low, high)
        groups = average_linkage(
            similarity, graph, self.threshold, self._max_size, start, own
        ).cut(self.threshold)
        self.of[rows] = rows[by_lowest(groups)]


def _has_changed(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Whether the group of each of m products has other products than before, [m] bool.

    `before` and `after`, [m] int, are names of groups, all of whose products are there.
    """
    _, was, was_size = np.unique(before, return_inverse=True, return_counts=True)
    _, now, now_size = np.unique(after, return_inverse=True, return_counts=True)
    key = was.astype(np.int64) * len(now_size) + now
    _, both, both_size = np.unique(key, return_inverse=True, return_counts=True)
    return (both_size[both] != was_size[was]) | (both_size[both] != now_size[now])


def _told_otherwise(before: Constraints, after: Constraints) -> np.ndarray:
    """Rows of the products of which constraints say something else, [m] int64."""
    rows = np.arange(len(after))
    # A pair is the same whatever its order.
    old, new = before.keys(rows), after.keys(rows)
    pairs = np.setxor1d(old, new, assume_unique=True)
    linked = np.flatnonzero(before.together != after.together)
    return np.concatenate([linked, *np.divmod(pairs, max(len(after), 1))])


def _members(part: np.ndarray) -> dict[int, np.ndarray]:
    order = np.argsort(part, kind="stable")
    ends = np.flatnonzero(np.diff(part[order])) + 1
    return {int(part[rows[0]]): rows for rows in np.split(order, ends) if len(rows)}
