"""A catalog with its merges and the model of its pairs: all that a threshold needs."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from cv_tf.config import GroupingSettings
from cv_tf.embeddings import Embeddings
from cv_tf.grouping.constraints import Constraints, components
from cv_tf.grouping.dendrograms import Dendrograms, Evidence
from cv_tf.grouping.expectation import Expected, best_threshold, expect
from cv_tf.grouping.floors import linking_floor
from cv_tf.grouping.graph import Graph, check_neighbors
from cv_tf.grouping.learning import Answered, learn
from cv_tf.grouping.linkage import average_linkage, link
from cv_tf.grouping.members import by_lowest, pairs_within
from cv_tf.grouping.pair_model import PairModel, Scale
from cv_tf.grouping.similarity import Similarity
from cv_tf.retrieval import Neighbors

# Answered pairs that one merge brings together are right or wrong together, though not
# always: they count as much as this power of their number.
_POWER = 0.5


@dataclass(frozen=True, eq=False)
class Answers:
    """What people say of pairs of products.

    Attributes:
      first: [m] int64, row of a product, without copies.
      second: [m] int64, row of the other one.
      same: [m] bool, whether they are variants of each other.
    """

    first: np.ndarray
    second: np.ndarray
    same: np.ndarray

    def __len__(self) -> int:
        return len(self.same)

    def constraints(self, num_products: int) -> Constraints:
        """What groups of so many products must not go against."""
        pairs = np.stack([self.first, self.second], axis=1)
        return Constraints.of_pairs(num_products, pairs[self.same], pairs[~self.same])


@dataclass(frozen=True, eq=False)
class Linked:
    """The products of a catalog without copies, and which of them merge when.

    Attributes:
      distinct: The products, without copies.
      neighbors: Their neighbors.
      similarity: Their similarity, with the discount for color.
      dendrograms: Their merges, down to unlikely ones.
      model: The probability that a pair are variants.
      constraints: What people have said of the products; None if nothing.
    """

    distinct: Embeddings
    neighbors: Neighbors
    similarity: Similarity
    dendrograms: Dendrograms
    model: PairModel
    constraints: Constraints | None = None

    def best_threshold(
        self, criterion: str = "f1", min_precision: float | None = None
    ) -> float:
        """The threshold that is expected to group best; see `best_threshold`."""
        return best_threshold(self.model, self.dendrograms, criterion, min_precision)

    def cut(
        self,
        threshold: float | None = None,
        criterion: str = "f1",
        min_precision: float | None = None,
    ) -> tuple[np.ndarray, float]:
        """The group of each product, [n] int32, and the threshold: the best if None."""
        if threshold is None:
            threshold = self.best_threshold(criterion, min_precision)
        return self.dendrograms.cut(threshold), threshold

    def expect(self, threshold: float) -> Expected | None:
        """The figures to expect of groups at a threshold; None if all are alone."""
        return expect(self.model, self.dendrograms, threshold)


def link_by_model(
    distinct: Embeddings,
    neighbors: Neighbors,
    settings: GroupingSettings,
    answers: Answers | None = None,
    model: PairModel | None = None,
    start: np.ndarray | None = None,
    threshold: float | None = None,
    former: tuple[np.ndarray, np.ndarray] | None = None,
) -> Linked:
    """Links a catalog, and learns the model of its pairs.

    Args:
      distinct: The products, without copies.
      neighbors: Their neighbors, as `find_neighbors` finds them.
      settings: Settings of the grouping.
      answers: Pairs that people have answered; None for none.
      model: A model that is known already; None to learn one.
      start: [n] int, groups that stay together; None for single products.
      threshold: A threshold that groups are cut at; None if it is still to be found.
      former: Which products were there in an earlier run, and which of them were in
        groups that are complete, [n] bool each; None without one.
    """
    check_neighbors(neighbors, len(distinct))
    # A photo of several blocks tells what it tells once.
    counted = distinct.copies_across_blocks.rows
    scale = Scale.of(distinct, neighbors, counted)
    known = _constraints(len(distinct), answers, former)

    def linked(
        weight: float, known: Constraints | None
    ) -> tuple[Similarity, Dendrograms]:
        similarity = Similarity.of(distinct, weight)
        of_color = weight if similarity.knows_color else 0.0
        floor = linking_floor(scale, of_color, len(distinct))
        floor = max(floor if threshold is None else min(floor, threshold), -1.0)
        begun = start
        if start is not None and known is not None:
            begun = start_within(start, known, similarity)
        size = settings.max_group_size
        return similarity, link(similarity, neighbors, floor, size, begun, known)

    if model is None:
        # Answers teach by the merges that bring their products together, so these must
        # not know the answers.
        similarity, dendrograms = linked(scale.usual_weight(settings.color), None)
        answered = None
        if answers is not None and len(answers):
            answered = answered_merges(similarity, dendrograms, answers)
        model = learn_from(dendrograms, distinct, counted, scale, settings, answered)
        if answers is not None:
            model = replace(model, num_answers=len(answers))
        same_weight = model.color_weight == similarity.color_weight
        if known is None and (same_weight or not similarity.knows_color):
            return Linked(distinct, neighbors, similarity, dendrograms, model)
    found = linked(model.color_weight, known)
    return Linked(distinct, neighbors, *found, model, known)


def _constraints(
    num_products: int,
    answers: Answers | None,
    former: tuple[np.ndarray, np.ndarray] | None,
) -> Constraints | None:
    """What groups must not go against; None if nothing is known."""
    if former is None and not (answers is not None and len(answers)):
        return None
    answers = answers or Answers(*np.empty((3, 0), np.int64))
    known = answers.constraints(num_products)
    if former is not None:
        known = replace(known, is_former=former[0], is_closed=former[1])
    return known


def start_within(
    start: np.ndarray, known: Constraints, similarity: Similarity
) -> np.ndarray:
    """Groups to start from that do not go against what is known, [n] int64.

    Groups that hold products which are together become one. Those that hold products
    which are apart are split into as few as can be, by average linkage.
    """
    number = len(known)
    links = np.stack([by_lowest(start), known.together])
    groups = components(
        number, np.stack([np.tile(np.arange(number), 2), links.ravel()], axis=1)
    )
    first, second = groups[known.apart].T
    is_split = np.isin(groups, first[first == second])
    rows = np.flatnonzero(is_split)
    if not len(rows):
        return groups
    first, second = pairs_within(groups[rows])
    graph = Graph(first[first < second], second[first < second])
    least = -np.inf
    pieces = average_linkage(
        similarity.select(rows), graph, least, constraints=known.select(rows)
    ).cut(least)
    groups[rows] = number + pieces
    return groups


def learn_from(
    dendrograms: Dendrograms,
    distinct: Embeddings,
    counted: np.ndarray,
    scale: Scale,
    settings: GroupingSettings,
    answered: Answered | None = None,
) -> PairModel:
    """Learns the model of a catalog from its merges; see `cv_tf.grouping.learning`.

    `counted`, [m] int, are the rows that count: a photo of several blocks is there in
    each of them.
    """
    among = np.flatnonzero(np.isin(dendrograms.merges, counted).all(axis=1))
    return learn(
        scale,
        dendrograms.known_evidence[among],
        len(counted),
        distinct.lab is not None,
        settings.color,
        answered,
        settings.variants,
    )


def answered_merges(
    similarity: Similarity, dendrograms: Dendrograms, answers: Answers
) -> Answered:
    """The merges that bring answered pairs together, with their shares of variants.

    A threshold decides about merges, so each is one case, which counts as much as the
    root of the number of its answered pairs: they are not independent. Two products
    that no merge brings together are a case of their own, with their own evidence.
    """
    merges = merges_of_pairs(dendrograms, answers.first, answers.second)
    joined, same = merges >= 0, answers.same.astype(np.float64)
    cases, case = np.unique(merges[joined], return_inverse=True)
    evidence = dendrograms.known_evidence[cases]
    number = np.bincount(case)
    share = np.bincount(case, same[joined]) / np.maximum(number, 1)
    first, second = answers.first[~joined], answers.second[~joined]
    cosine, color = map(np.float64, similarity.evidence(first, second))
    return Answered(
        Evidence(
            np.concatenate([evidence.cosine, cosine]),
            np.concatenate([evidence.color, color]),
            np.concatenate([number**_POWER, np.ones(len(first))]),
        ),
        np.concatenate([share, same[~joined]]),
    )


def merges_of_pairs(
    dendrograms: Dendrograms, first: np.ndarray, second: np.ndarray
) -> np.ndarray:
    """Numbers of the merges that bring pairs of rows together, [m] int64; -1 if none.

    A merge takes in the group of its higher row, which then has another name: so each
    row has at most one merge that ends its name, and the merges lead to a root.
    """
    lower, higher = dendrograms.merges.T
    ends = dict(zip(higher.tolist(), range(len(higher)), strict=True))
    into, never = lower.tolist(), len(higher)

    def merge_of(left: int, right: int) -> int:
        merge = -1
        while left != right:
            left_end, right_end = ends.get(left, never), ends.get(right, never)
            merge = min(left_end, right_end)
            if merge == never:
                return -1
            if left_end < right_end:
                left = into[left_end]
            else:
                right = into[right_end]
        return merge

    pairs = zip(first.tolist(), second.tolist(), strict=True)
    return np.array([merge_of(left, right) for left, right in pairs], np.int64)
