"""Which question next: the one whose answer is expected to change the groups most."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Collection, Iterable
from typing import NamedTuple

import numpy as np

from cv_tf.grouping import (
    Constraints,
    Graph,
    Linked,
    Members,
    is_among,
    pair_keys,
    pairs_within,
)
from cv_tf.retrieval import Neighbors
from cv_tf.reviewing.live_groups import Adjacency, LiveGroups

# Products beside a group that are less probable are neither shown nor counted.
_LEAST = 0.004
# Products that a question shows at most: of the group, and beside it.
MOST_INSIDE, MOST_OUTSIDE = 24, 20
# What a question and a photo of it take, in seconds, roughly.
SECONDS, SECONDS_A_PHOTO = 2.0, 0.1
# Pairs that a question must be expected to put right, to be worth asking.
_WORTH = 0.03
_GROUPS_AT_ONCE = 2**14

# Rows of a group that was shown, and pairs of rows that nobody can tell of.
Asked = tuple[Collection[int], Collection[tuple[int, int]]]


class QuestionRows(NamedTuple):
    """Products that a question shows.

    Attributes:
      inside: [m] int64, rows of the product or group that is asked about.
      outside: [k] int64, rows of those beside it, those that matter most first.
      gain: Pairs of products that the answer is expected to put right.
    """

    inside: np.ndarray
    outside: np.ndarray
    gain: float


class _Beside(NamedTuple):
    """Groups with one beside each, sorted by group, those that matter most first.

    Attributes:
      number: [m] int64, place of the group among those asked for.
      other: [m] int64, name of the group beside it.
      value: [m] float64, products that are expected to belong to it.
      is_shown: [m] bool, whether there is room for it.
    """

    number: np.ndarray
    other: np.ndarray
    value: np.ndarray
    is_shown: np.ndarray


class Choice:
    """Values the question about each group, by what its answer would change.

    A question shows a group and what is nearest outside of it. Its value is the number
    of pairs that are expected to be wrong: those inside that are no variants, and those
    with products outside that are. All is by the model of pairs, from the mean evidence
    of groups.

    Args:
      linked: The linked catalog of n products without copies, with the model of pairs.
      live: Its groups.
      known: What people have said.
      neighbors: Neighbors of every product, more than it was linked with.
      asked: Questions that were answered, as `note_asked` takes them.

    Attributes:
      wrong: [n] float64, products of each product's group that are expected to be no
        variants of it.
      missed: [n] float64, products beside it that are expected to be variants.
    """

    def __init__(
        self,
        linked: Linked,
        live: LiveGroups,
        known: Constraints,
        neighbors: Neighbors,
        asked: Iterable[Asked] = (),
    ):
        self._similarity, self._model = linked.similarity, linked.model
        self._live, self._known = live, known
        # How often: several people may be asked the same, and take it back.
        self._asked: Counter[frozenset[int]] = Counter()
        self._unsure: Counter[int] = Counter()
        self._unsure_keys: np.ndarray | None = None
        number = len(live.of)
        graph, self._cosine = _either(neighbors)
        self._color = self._similarity.log_odds(graph.first, graph.second)
        probability = self._model.probability(self._cosine, self._color)
        self._is_likely = probability >= _LEAST / 4
        self._adjacency = Adjacency(number, graph)
        self._gain, self._photos = np.zeros(number), np.ones(number)
        self.wrong, self.missed = np.zeros(number), np.zeros(number)
        for question in asked:
            self.note_asked(*question)
        self._refresh(np.unique(live.of))

    @property
    def num_left(self) -> int:
        """Number of questions that are worth asking at the moment."""
        return int((self._gain >= _WORTH).sum())

    def update(self, known: Constraints, rows: np.ndarray) -> None:
        """Takes note of what is known, and of rows, [m] int, whose groups are new."""
        self._known = known
        self._gain[rows] = 0  # A row may have named a group that is no more.
        _, others, _ = self._adjacency.of(rows)
        self._refresh(np.unique(self._live.of[np.concatenate([rows, others])]))

    def note_asked(
        self, inside: Collection[int], unsure: Collection[tuple[int, int]] = ()
    ) -> None:
        """Takes note of a question that was answered, which is not to be asked again.

        `update` follows.

        Args:
          inside: Rows of the group that was shown: what its answer has not settled
            cannot be.
          unsure: Pairs of rows that nobody can tell of.
        """
        self._asked[frozenset(inside)] += 1
        self._unsure.update(map(self._key, unsure))
        self._unsure_keys = None

    def forget_asked(
        self, inside: Collection[int], unsure: Collection[tuple[int, int]] = ()
    ) -> None:
        """Takes `note_asked` back; `update` follows."""
        self._asked -= Counter([frozenset(inside)])
        self._unsure -= Counter(map(self._key, unsure))
        self._unsure_keys = None

    def _key(self, pair: tuple[int, int]) -> int:
        return min(pair) * len(self._live.of) + max(pair)

    def is_open(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Of which pairs of rows, [m] int each, people may still be asked, [m] bool."""
        together = self._known.together
        is_open = (together[first] != together[second]) & ~self._is_unsure(
            first, second
        )
        return is_open & ~self._known.are_apart(first, second)

    def _is_unsure(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        keys = pair_keys(first, second, len(self._live.of))
        return is_among(self._keys_unsure(), keys)

    def _keys_unsure(self) -> np.ndarray:
        """Pairs of rows that nobody can tell of, [m] int64, ascending."""
        if self._unsure_keys is None:
            self._unsure_keys = np.sort(np.fromiter(self._unsure, np.int64))
        return self._unsure_keys

    def _refresh(self, groups: np.ndarray) -> None:
        of = self._live.of
        self._size = np.bincount(of, minlength=len(of))
        # What nobody can tell is not asked again, either.
        unsure = np.stack(np.divmod(self._keys_unsure(), len(of)), axis=1)
        apart = np.concatenate([self._known.apart, unsure])
        self._keys_apart = dataclasses.replace(self._known, apart=apart).keys(of)
        for start in range(0, len(groups), _GROUPS_AT_ONCE):
            some = groups[start : start + _GROUPS_AT_ONCE]
            number, other, value, is_shown = self._beside(some)
            size, count = self._size[some], len(some)
            missed = np.bincount(number, value * is_shown, count) * size
            beside = np.bincount(number, self._size[other] * is_shown, count)
            place, rows = Members(of, self._size, some).of(some)
            self.missed[rows] = np.bincount(number, value, count)[place]
            self.wrong[rows] = self._doubt(rows)
            self._gain[some] = missed + self._wrong(some, place, rows)
            self._photos[some] = np.minimum(size, MOST_INSIDE)
            self._photos[some] += np.minimum(beside, MOST_OUTSIDE)

    def _beside(self, groups: np.ndarray) -> _Beside:
        of, num_rows = self._live.of, len(self._live.of)
        _, rows = Members(of, self._size, groups).of(groups)
        group, other, probability = self._groups_beside(rows)
        keys = pair_keys(group, other, num_rows)
        open_to_both = (group != other) & ~is_among(self._keys_apart, keys)
        likely = open_to_both & (probability >= _LEAST)
        number = np.searchsorted(groups, group[likely])
        other = other[likely]
        size = self._size[other]
        value = probability[likely] * size
        order = np.lexsort((-value, number))
        number, other, value, size = (it[order] for it in (number, other, value, size))
        before = np.cumsum(size) - size
        before -= before[np.searchsorted(number, number)]
        return _Beside(number, other, value, before < MOST_OUTSIDE)

    def _groups_beside(
        self, rows: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Groups of rows, groups beside them, and how probably both are one design."""
        of, num_rows = self._live.of, len(self._live.of)
        first, second, edge = self._adjacency.of(rows)
        likely = self._is_likely[edge]
        key = of[first] * num_rows + of[second]
        # Groups of which no pair is likely are no candidates.
        keys = np.unique(key[likely])
        pair = np.searchsorted(keys, key)
        here = pair < len(keys)
        here[here] = keys[pair[here]] == key[here]
        pair, edge = pair[here], edge[here]
        count = np.bincount(pair, minlength=len(keys))
        cosine = np.bincount(pair, self._cosine[edge], len(keys)) / count
        color = np.bincount(pair, self._color[edge], len(keys)) / count
        group, other = np.divmod(keys, num_rows)
        # Where all pairs are neighbors, their evidence is known already.
        some = np.flatnonzero(count < self._size[group] * self._size[other])
        some = some[group[some] != other[some]]
        cosine[some], color[some] = self._mean_evidence(group[some], other[some])
        return group, other, self._model.probability(cosine, color)

    def _mean_evidence(
        self, group: np.ndarray, other: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The mean evidence of all pairs of two groups, [m] names each."""
        wanted = np.unique(np.concatenate([group, other]))
        of, size, similarity = self._live.of, self._size, self._similarity
        number, rows = Members(of, size, wanted).of(wanted)
        vectors = similarity.vectors_of(rows)
        starts = np.searchsorted(number, np.arange(len(wanted)))
        sums = np.add.reduceat(vectors, starts, axis=0) if len(rows) else vectors
        places = (np.searchsorted(wanted, it) for it in (group, other))
        # Sums of vectors tell the mean of all pairs; colors are compared one by one.
        cosine = np.einsum("md,md->m", *(np.take(sums, it, axis=0) for it in places))
        cosine = cosine / (size[group] * size[other])
        return cosine, similarity.mean_log_odds(of, size, group, other)

    def _wrong(
        self, groups: np.ndarray, place: np.ndarray, rows: np.ndarray
    ) -> np.ndarray:
        """Pairs that are expected to be no variants in each group not asked yet, [m].

        `rows` are the members, and `place` says of which of the groups.
        """
        wrong = np.bincount(place, self.wrong[rows], len(groups)) / 2
        if self._asked:
            ends = np.cumsum(self._size[groups])
            for number in np.flatnonzero(wrong).tolist():
                own = rows[ends[number] - self._size[groups[number]] : ends[number]]
                wrong[number] *= frozenset(own.tolist()) not in self._asked
        return wrong

    def _doubt(self, rows: np.ndarray) -> np.ndarray:
        """Wrong pairs that are expected of each product of whole groups, [m]."""
        together = self._known.together[rows]
        first, second = pairs_within(self._live.of[rows])
        is_open = together[first] != together[second]
        is_open &= ~self._is_unsure(rows[first], rows[second])
        first, second = first[is_open], second[is_open]
        number = np.maximum(np.bincount(first, minlength=len(rows)), 1)
        cosine, color = (
            np.bincount(first, it, len(rows)) / number
            for it in self._similarity.evidence(rows[first], rows[second])
        )
        belongs = self._model.probability(cosine, color)
        wrong = 1 - belongs[first] * belongs[second]
        return np.bincount(first, wrong, len(rows))

    def best(self, busy: Collection[int] = (), kind: str = "") -> QuestionRows | None:
        """The question that puts most right in a second; None if none is worth it.

        `busy` are rows of products that other people are asked about at the moment.
        Of kind "group" are those about several products, of "line-up" about one.
        """
        gain = np.where(self._gain >= _WORTH, self._gain, 0)
        if kind in ("group", "line-up"):
            gain[(self._size > 1) != (kind == "group")] = 0
        if busy:
            gain[self._live.of[list(busy)]] = 0
        rate = gain / (SECONDS + SECONDS_A_PHOTO * self._photos)
        name = int(rate.argmax())
        return self.about(name) if rate[name] > 0 else None

    def about(self, name: int) -> QuestionRows:
        """The question about the group of this name."""
        group = np.array([name])
        inside = Members(self._live.of, self._size, group).of(group)[1]
        if len(inside) > MOST_INSIDE:
            # One of those that are known to be together stands for all of them.
            is_other = np.ones(len(inside), bool)
            together = self._known.together[inside]
            is_other[np.unique(together, return_index=True)[1]] = False
            order = np.lexsort((-self._doubt(inside), is_other))
            inside = np.sort(inside[order[:MOST_INSIDE]])
        beside = self._beside(group)
        other = beside.other[beside.is_shown]
        outside = Members(self._live.of, self._size, other).of(other)[1]
        return QuestionRows(inside, outside[:MOST_OUTSIDE], float(self._gain[name]))

    def pair(self, rows: QuestionRows) -> QuestionRows | None:
        """The pair of a question that is most likely wrong; None if all are settled."""
        shown = np.concatenate([rows.inside, rows.outside])
        place, other = np.triu_indices(len(shown), 1)
        place, other = (of[place < len(rows.inside)] for of in (place, other))
        first, second = shown[place], shown[other]
        is_open = self.is_open(first, second)
        if not is_open.any():
            return None
        wrong = self._model.probability(*self._similarity.evidence(first, second))
        is_inside = other < len(rows.inside)
        wrong[is_inside] = 1 - wrong[is_inside]
        best = int(np.where(is_open, wrong, -1).argmax())
        return QuestionRows(first[[best]], second[[best]], float(wrong[best]))


def _either(neighbors: Neighbors) -> tuple[Graph, np.ndarray]:
    """Pairs of which one is a neighbor of the other, and their cosine similarity."""
    indices = neighbors.indices
    number = len(indices)
    rows = np.repeat(np.arange(number), indices.shape[1])
    others = indices.ravel().astype(np.int64)
    key = pair_keys(rows, others, number)
    is_there = others >= 0
    key, place = np.unique(key[is_there], return_index=True)
    low, high = np.divmod(key, number)
    return Graph(low, high), neighbors.similarities.ravel()[is_there][place]
