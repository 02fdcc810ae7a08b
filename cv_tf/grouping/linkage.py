"""Average linkage along the edges of a graph of neighbors, at any scale."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cv_tf.embeddings import rows_at_once
from cv_tf.grouping.constraints import Constraints, Forbidden
from cv_tf.grouping.dendrograms import Dendrograms, Evidence
from cv_tf.grouping.graph import Graph, check_neighbors, mutual_graph
from cv_tf.grouping.similarity import Similarity
from cv_tf.retrieval import Neighbors


class Edges(NamedTuple):
    """Pairs of groups that may merge, [m] each.

    Attributes:
      first: Name of a group.
      second: Name of the other one, which is higher.
      similarity: Mean similarity of their products, with the discount for color.
      cosine: Mean cosine similarity.
      color: Mean log-odds of color.
    """

    first: np.ndarray
    second: np.ndarray
    similarity: np.ndarray
    cosine: np.ndarray
    color: np.ndarray

    def some(self, which: np.ndarray) -> Edges:
        """Some of the edges."""
        return Edges(*(column[which] for column in self))


def link(
    similarity: Similarity,
    neighbors: Neighbors,
    floor: float,
    max_size: int | None = None,
    start: np.ndarray | None = None,
    constraints: Constraints | None = None,
) -> Dendrograms:
    """Links products that are among each other's neighbors, down to a floor.

    The other arguments are those of `average_linkage`.
    """
    check_neighbors(neighbors, len(similarity))
    # The discount for color only lowers similarities, so that no edge is missed.
    graph = mutual_graph(neighbors, floor)
    return average_linkage(similarity, graph, floor, max_size, start, constraints)


def average_linkage(
    similarity: Similarity,
    graph: Graph,
    floor: float = -1.0,
    max_size: int | None = None,
    start: np.ndarray | None = None,
    constraints: Constraints | None = None,
) -> Dendrograms:
    """Merges the most similar groups while their mean similarity reaches the floor.

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
      similarity: Similarity of all products.
      graph: Products that may be joined, directly or through others.
      floor: Mean similarity below which nothing merges.
      max_size: Largest number of products of a group; None for any.
      start: [num_products] int, groups to start from, such as those of an earlier run;
        the merges that lead to them have infinite similarity. None: single products.
      constraints: Products that are together, which come first in the same way, and
        products that are apart, whose groups never merge. `start` does not go against
        them. None for none.
    """
    # Products that nothing can join are left out of everything that follows.
    together = None if constraints is None else constraints.together
    of_graph = (graph.first, graph.second)
    rows, ends = np.unique(
        np.concatenate([*of_graph, _grouped(start), _grouped(together)]),
        return_inverse=True,
    )
    groups = Groups(similarity.select(rows))
    num_certain, forbidden = 0, None
    if together is not None:
        num_certain = _merge_to(groups, together[rows])
    if start is not None:
        _merge_to(groups, np.asarray(start)[rows])
    if constraints is not None:
        forbidden = Forbidden(constraints.select(rows), groups.of)
    edges = ends[: 2 * len(graph)].reshape(2, -1)
    joined = _join(groups, *edges)
    num_refused = _merge_all(groups, joined, floor, max_size, forbidden)
    merges, similarities, evidence = groups.merges()
    return Dendrograms(
        num_products=len(similarity),
        merges=rows[merges].astype(np.int32),
        similarities=similarities,
        floor=floor,
        num_refused=num_refused,
        evidence=evidence,
        num_certain=num_certain,
    )


def _merge_to(groups: Groups, wanted: np.ndarray) -> int:
    """Makes groups at least as large as those wanted, [n] int; returns the merges."""
    names = np.unique(groups.of)
    number = 0
    for low, high in _merges_to(wanted[names]):
        edges_to = groups.edges(names[low], names[high])
        groups.merge(edges_to._replace(similarity=np.full(len(low), np.inf)))
        number += len(low)
    return number


def _merge_all(
    groups: Groups,
    edges: Edges,
    floor: float,
    max_size: int | None,
    forbidden: Forbidden | None,
) -> int:
    """Merges groups until no edge reaches the floor; returns the refused merges."""
    num_refused = 0
    while True:
        # This decides whether two groups may merge.
        allowed = edges.similarity >= floor
        if max_size is not None:
            fits = groups.size[edges.first] + groups.size[edges.second] <= max_size
            num_refused += int((allowed & ~fits).sum())
            allowed &= fits
        if forbidden is not None:
            allowed &= ~forbidden(edges.first, edges.second)
        edges = edges.some(allowed)
        if not len(edges.first):
            return num_refused
        best = mutually_best(
            edges.first, edges.second, edges.similarity, len(groups.of)
        )
        merged = edges.some(best)
        groups.merge(merged)
        if forbidden is not None:
            forbidden.update(groups.of)
        has_merged = np.zeros(len(groups.of), bool)
        has_merged[merged.first] = has_merged[merged.second] = True
        touched = has_merged[edges.first] | has_merged[edges.second]
        joined = _join(groups, edges.first[touched], edges.second[touched])
        pairs = zip(edges.some(~touched), joined, strict=True)
        edges = Edges(*map(np.concatenate, pairs))


def mutually_best(
    first: np.ndarray, second: np.ndarray, similarities: np.ndarray, num_groups: int
) -> np.ndarray:
    """Numbers of the edges that are the best of both their ends, [m] int64, ascending.

    `first` and `second` are [num_edges] int, groups numbered below `num_groups`. Of
    equally good edges it is the first, so that no group has two.
    """
    best = np.full(num_groups, -np.inf)
    np.maximum.at(best, first, similarities)
    np.maximum.at(best, second, similarities)
    is_best = (similarities == best[first]) & (similarities == best[second])
    candidates = np.flatnonzero(is_best)
    foremost = np.full(num_groups, len(first))
    np.minimum.at(foremost, first[candidates], candidates)
    np.minimum.at(foremost, second[candidates], candidates)
    chosen = foremost[first[candidates]] == candidates
    chosen &= foremost[second[candidates]] == candidates
    return candidates[chosen]


class Groups:
    """Disjoint groups of products; a group is named by the lowest of their rows.

    The mean similarity of two groups is the dot product of the sums of their vectors,
    over the number of pairs: only sums are kept, of groups of two products or more.
    Colors are compared pair by pair.

    Args:
      similarity: Similarity of n products, each of which is a group at first.

    Attributes:
      of: [n] int64, group of each product.
      size: [n] int64, number of products of the group with that name.
      level: [n] float64, similarity at which that group was made; infinite if of one.
    """

    def __init__(self, similarity: Similarity):
        self.of = np.arange(len(similarity))
        self.size = np.ones(len(similarity), np.int64)
        self.level = np.full(len(similarity), np.inf)
        self._similarity = similarity
        # A sum comes of two single products at least. What is never written to takes
        # no memory.
        shape = len(similarity) // 2, similarity.vectors.shape[1]
        self._sums = np.empty(shape, np.float32)
        self._place_of_sum = np.full(len(similarity), -1)
        self._num_sums = 0
        self._merges = [np.empty((0, 2), np.int64)]
        self._levels = [np.empty(0)]
        self._evidence = [np.empty((3, 0))]

    def merge(self, edges: Edges) -> np.ndarray:
        """Merges both groups of each edge, under the name of the first.

        No group is in two edges. Returns the levels of the merged groups, [m] float64:
        at most those of the groups that they are made of, so that a cut which takes a
        merge also takes those before.
        """
        first, second = edges.first, edges.second
        num_pairs = self.size[first] * self.size[second]
        self._evidence.append(np.stack([edges.cosine, edges.color, num_pairs]))
        self._add(first, second)
        self.size[first] += self.size[second]
        halves = np.minimum(self.level[first], self.level[second])
        self.level[first] = np.minimum(halves, edges.similarity)
        renamed = np.arange(len(self.of))
        renamed[second] = first
        self.of = renamed[self.of]
        self._merges.append(np.stack([first, second], axis=1))
        self._levels.append(self.level[first])
        return self._levels[-1]

    def merges(self) -> tuple[np.ndarray, np.ndarray, Evidence]:
        """All merges so far, [m, 2] int64, their levels, [m], descending, and evidence.

        The evidence of a merge is the mean of all pairs of its two groups.
        """
        levels = np.concatenate(self._levels)
        # Stable, so that a group is still made before it merges further.
        order = np.argsort(-levels, kind="stable")
        evidence = Evidence(*np.concatenate(self._evidence, axis=1)[:, order])
        return np.concatenate(self._merges)[order], levels[order], evidence

    def edges(self, first: np.ndarray, second: np.ndarray) -> Edges:
        """The edges between the groups `first` and `second`, [m] int each."""
        cosine = np.empty(len(first))
        chunk = rows_at_once(self._sums.shape[1])
        for start in range(0, len(first), chunk):
            some = slice(start, start + chunk)
            sums = (self._sums_of(of[some]) for of in (first, second))
            cosine[some] = np.einsum("md,md->m", *sums)
        cosine /= self.size[first] * self.size[second]
        color = self._similarity.mean_log_odds(self.of, self.size, first, second)
        similarity = self._similarity.discounted(cosine, color)
        return Edges(first, second, similarity, cosine, color)

    def _sums_of(self, names: np.ndarray) -> np.ndarray:
        """The sums of the vectors of groups, [m, dimensions] float32."""
        place = self._place_of_sum[names]
        # Several times as fast as indexing.
        sums = self._similarity.vectors_of(names)
        has_sum = place >= 0
        sums[has_sum] = np.take(self._sums, place[has_sum], axis=0)
        return sums

    def _add(self, first: np.ndarray, second: np.ndarray) -> None:
        """Adds the sums of the groups `second` to those of `first`, [m] names each."""
        chunk = rows_at_once(self._sums.shape[1])
        for start in range(0, len(first), chunk):
            of, other = (names[start : start + chunk] for names in (first, second))
            sums = self._sums_of(of)
            sums += self._sums_of(other)
            # The sum of a group that ends makes room for that of the merged one.
            place = np.maximum(self._place_of_sum[of], self._place_of_sum[other])
            is_new = place < 0
            place[is_new] = self._num_sums + np.arange(is_new.sum())
            self._num_sums += int(is_new.sum())
            self._sums[place] = sums
            self._place_of_sum[of] = place


def _join(groups: Groups, first: np.ndarray, second: np.ndarray) -> Edges:
    """From edges of products or former groups to edges of groups, each once."""
    first, second = groups.of[first], groups.of[second]
    apart = first != second
    low = np.minimum(first, second)[apart]
    high = np.maximum(first, second)[apart]
    first, second = np.divmod(np.unique(low * len(groups.of) + high), len(groups.of))
    return groups.edges(first, second)


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
