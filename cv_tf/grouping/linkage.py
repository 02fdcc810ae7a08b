"""Average linkage along the edges of a graph of neighbors, at any scale."""

from __future__ import annotations

import numpy as np

from cv_tf.grouping.graph import Dendrograms, Graph
from cv_tf.grouping.similarity import Similarity

# Edges, and pairs of products, that are compared at a time.
_CHUNK = 2**16
_MAX_PAIRS = 2**23


class Groups:
    """Disjoint groups of products; a group goes by the lowest of their rows.

    The mean similarity of two groups is the dot product of the sums of their vectors,
    over the number of pairs: sums are all that is kept. Colors are compared pair by
    pair.

    Args:
      similarity: Of n products, each of which is a group at first.

    Attributes:
      of: [n] int64, each product's group.
      size: [n] int64, how many products the group of that name has.
      level: [n] float64, the similarity at which it was made; infinite for a group of
        one.
    """

    def __init__(self, similarity: Similarity):
        self.of = np.arange(len(similarity))
        self.size = np.ones(len(similarity), np.int64)
        self.level = np.full(len(similarity), np.inf)
        self._similarity = similarity
        self._sums = similarity.vectors.copy()

    def merge(
        self, first: np.ndarray, second: np.ndarray, alike: np.ndarray | float
    ) -> np.ndarray:
        """Joins pairs of groups.

        Args:
          first: `[m]` groups, no group twice in both.
          second: `[m]` groups, each higher than its `first`, whose name they take.
          alike: `[m]` their similarity.

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

    def similarity(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """The mean similarity of pairs of groups, `[m]` float64.

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
        if not self._similarity.knows_color:
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
            discounts = self._similarity.discounts(left, right)
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


def average_linkage(
    similarity: Similarity,
    graph: Graph,
    floor: float = -1.0,
    max_size: int | None = None,
    start: np.ndarray | None = None,
) -> Dendrograms:
    """Merges the most alike groups, as long as their mean similarity reaches the floor.

    The similarity of two groups is the mean over all pairs of their products (UPGMA:
    Sokal and Michener, 1958), but only groups that an edge of the graph joins may
    merge. Two groups whose mean reaches a threshold have a pair of products that does:
    where the graph holds every pair above the floor, the merges are those of average
    linkage, without the matrix of all pairs.

    Groups that are each other's best merge all at once; average linkage is reducible,
    so that this changes nothing (Murtagh, "A Survey of Recent Advances in Hierarchical
    Clustering Algorithms", The Computer Journal, 1983). A few dozen rounds group a
    million products.

    Args:
      similarity: Of all products.
      graph: Which of them may be joined, directly or through others.
      floor: Mean similarity below which nothing merges.
      max_size: Products that a group may have; what would exceed it does not merge.
        None for any number.
      start: `[num_products]` integers, groups to start from, such as those of an
        earlier run. None starts from single products.

    Returns:
      The merges, for cuts at any threshold from the floor up; those that lead to
      `start` have infinite similarity.
    """
    # Products that nothing can join are left out of everything that follows.
    rows, ends = np.unique(
        np.concatenate([graph.first, graph.second, _grouped(start)]),
        return_inverse=True,
    )
    groups = Groups(similarity.select(rows))
    merges = [np.empty((0, 2), np.int64)]
    levels = [np.empty(0)]
    for first, second in [] if start is None else _merges_to(np.asarray(start)[rows]):
        merges.append(np.stack([first, second], axis=1))
        levels.append(groups.merge(first, second, np.inf))

    edges = ends[: 2 * len(graph)].reshape(2, -1)
    first, second, alike = _join(groups, *edges)
    num_refused = 0
    while True:
        allowed = alike >= floor
        if max_size is not None:
            fits = groups.size[first] + groups.size[second] <= max_size
            num_refused += int((allowed & ~fits).sum())
            allowed &= fits
        first, second, alike = first[allowed], second[allowed], alike[allowed]
        if not len(first):
            break
        best = mutually_best(first, second, alike, len(rows))
        merges.append(np.stack([first[best], second[best]], axis=1))
        levels.append(groups.merge(first[best], second[best], alike[best]))
        has_merged = np.zeros(len(rows), bool)
        has_merged[merges[-1]] = True
        touched = has_merged[first] | has_merged[second]
        kept = first[~touched], second[~touched], alike[~touched]
        joined = _join(groups, first[touched], second[touched])
        first, second, alike = map(np.concatenate, zip(kept, joined, strict=True))
    joined_levels = np.concatenate(levels)
    # Stable, so that a group is still made before it merges further.
    order = np.argsort(-joined_levels, kind="stable")
    return Dendrograms(
        num_products=len(similarity),
        merges=rows[np.concatenate(merges)[order]].astype(np.int32),
        similarities=joined_levels[order],
        floor=floor,
        num_refused=num_refused,
    )


def _grouped(start: np.ndarray | None) -> np.ndarray:
    """Rows of products that do not start alone."""
    if start is None:
        return np.empty(0, np.int64)
    _, group, sizes = np.unique(start, return_inverse=True, return_counts=True)
    return np.flatnonzero(sizes[group] > 1)


def _merges_to(start: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Merges that lead to the given groups, in rounds without a group twice."""
    _, lowest, group = np.unique(start, return_index=True, return_inverse=True)
    first = lowest[group]
    second = np.flatnonzero(first != np.arange(len(first)))
    second = second[np.argsort(first[second], kind="stable")]
    first = first[second]
    turn = np.arange(len(first)) - np.searchsorted(first, first)
    return [
        (first[turn == now], second[turn == now])
        for now in range(turn.max(initial=-1) + 1)
    ]


def _join(
    groups: Groups, first: np.ndarray, second: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Edges between products or former groups to edges between groups, each once."""
    first, second = groups.of[first], groups.of[second]
    apart = first != second
    low = np.minimum(first, second)[apart]
    high = np.maximum(first, second)[apart]
    first, second = np.divmod(np.unique(low * len(groups.of) + high), len(groups.of))
    return first, second, groups.similarity(first, second)


def mutually_best(
    first: np.ndarray, second: np.ndarray, alike: np.ndarray, num_groups: int
) -> np.ndarray:
    """Finds the edges that are the best of both their ends.

    Args:
      first: `[num_edges]` groups, numbered below `num_groups`.
      second: `[num_edges]` groups at the other ends.
      alike: `[num_edges]` similarity.
      num_groups: How many groups there are.

    Returns:
      Which edges, ascending; of equally good ones the foremost, so that no group has
      two.
    """
    best = np.full(num_groups, -np.inf)
    np.maximum.at(best, first, alike)
    np.maximum.at(best, second, alike)
    candidates = np.flatnonzero((alike == best[first]) & (alike == best[second]))
    foremost = np.full(num_groups, len(first))
    np.minimum.at(foremost, first[candidates], candidates)
    np.minimum.at(foremost, second[candidates], candidates)
    chosen = foremost[first[candidates]] == candidates
    chosen &= foremost[second[candidates]] == candidates
    return candidates[chosen]
