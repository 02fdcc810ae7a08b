"""Which question next: the one whose answer is expected to change the groups most."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import numpy as np

from cv_tf.grouping import Constraints, Graph, Linked, Members
from cv_tf.grouping.pair_model import logistic
from cv_tf.reviewing.live_groups import Adjacency, LiveGroups

# Pairs that are less probable are not asked about, nor counted.
_LEAST = 0.005
_LIKELY = 0.03
_FEW = 6
# Products that a question shows at most: of the group, and beside it.
MOST_INSIDE, MOST_OUTSIDE = 24, 12
# What a question and a photo take, in seconds.
SECONDS, SECONDS_A_PHOTO = 2.0, 0.5
# Standard deviation of a design's own log-odds: some have many that are like them.
_OWN = 1.0


class Shown(NamedTuple):
    """Products that a question shows.

    Attributes:
      inside: [m] int64, rows of the product or group that is asked about.
      outside: [k] int64, rows of those beside it, the most probable first.
      gain: Pairs of products that the answer is expected to join or to part.
    """

    inside: np.ndarray
    outside: np.ndarray
    gain: float


class Choice:
    def __init__(self, linked: Linked, live: LiveGroups, known: Constraints):
        self._similarity, self._model = linked.similarity, linked.model
        self._live, self._known = live, known
        number = len(live.of)
        neighbors = linked.neighbors
        rows = np.repeat(np.arange(number), neighbors.indices.shape[1])
        others = neighbors.indices.ravel().astype(np.int64)
        first, second = rows[others >= 0], others[others >= 0]
        low, high = np.minimum(first, second), np.maximum(first, second)
        low, high = np.divmod(np.unique(low * number + high), number)
        evidence = self._similarity.evidence(low, high)
        likely = self._model.probability(*evidence) >= _LEAST / 4
        self._adjacency = Adjacency(number, Graph(low[likely], high[likely]))
        self.seen: set[frozenset[int]] = set()
        self.own = np.zeros(number)
        self.gain = np.zeros(number)
        self.photos = np.ones(number)
        self._refresh(np.unique(live.of))

    def update(self, known: Constraints, rows: np.ndarray) -> None:
        self._known = known
        of = self._live.of
        self.gain[rows] = 0
        _, others = self._adjacency.of(rows)
        self._refresh(np.unique(of[np.concatenate([rows, others])]))

    def _refresh(self, groups: np.ndarray) -> None:
        self._size = np.bincount(self._live.of, minlength=len(self._live.of))
        self._keys = self._known.keys(self._live.of)
        if _OWN: self._settle_own(groups)
        for start in range(0, len(groups), 2**14):
            some = groups[start : start + 2**14]
            number, other, value, shown = self._beside(some)
            own = self._size[some]
            value = value * shown
            self.gain[some] = np.bincount(number, value, len(some)) * own + self._wrong(some)
            self.photos[some] = np.minimum(own, MOST_INSIDE) + np.minimum(np.bincount(number, self._size[other] * shown, len(some)), MOST_OUTSIDE)

    def _settle_own(self, groups):
        """Log-odds of each design beyond those of others, as answers tell"""
        n = len(self._live.of)
        keys = self._keys
        low, high = np.divmod(keys, n)
        sel = np.isin(low, groups) | np.isin(high, groups)
        low, high = low[sel], high[sel]
        odds = self._odds(low, high)
        p = logistic(odds)
        grad = np.bincount(low, -p, n) + np.bincount(high, -p, n)
        curv = np.bincount(low, p * (1 - p), n) + np.bincount(high, p * (1 - p), n)
        own = grad[groups] / (1 / _OWN**2 + curv[groups])
        self.own[groups] = np.clip(own, -3, 3)

    def _beside(self, groups):
        of, n = self._live.of, len(self._live.of)
        members = Members(of, self._size, groups)
        number, rows = members.of(groups)
        first, second = self._adjacency.of(rows)
        key = np.unique(of[first] * n + of[second])
        group, other = np.divmod(key, n)
        low, high = np.minimum(group, other), np.maximum(group, other)
        apart = (group == other) | np.isin(low * n + high, self._keys)
        group, other = group[~apart], other[~apart]
        p = logistic(self._odds(group, other) + self.own[group] + self.own[other])
        likely = p >= _LEAST
        group, other, p = group[likely], other[likely], p[likely]
        value = p * self._size[other]
        number = np.searchsorted(groups, group)
        order = np.lexsort((-value, number))
        number, other, value = number[order], other[order], value[order]
        size = self._size[other]
        before = np.cumsum(size) - size
        begin = np.searchsorted(number, number)
        before = before - before[begin]
        shown = (before < MOST_OUTSIDE) & ((value / size >= _LIKELY) | (before < _FEW))
        return number, other, value, shown

    def _odds(self, group, other):
        if not len(group): return np.empty(0)
        members = Members(self._live.of, self._size, np.concatenate([group, other]))
        edge, first, second = members.pairs(group, other)
        number = np.bincount(edge)
        cosine, color = (np.bincount(edge, of) / number for of in self._similarity.evidence(first, second))
        p = self._model.probability(cosine, color)
        p = np.clip(p, 1e-9, 1 - 1e-9)
        return np.log(p / (1 - p))

    def _wrong(self, groups):
        members = Members(self._live.of, self._size, groups)
        number, rows = members.of(groups)
        several = self._size[groups[number]] > 1
        number, rows = number[several], rows[several]
        doubt = self._doubt(rows)
        wrong = np.bincount(number, doubt, len(groups))
        if self.seen:
            for place in np.flatnonzero(wrong):
                if frozenset(rows[number == place].tolist()) in self.seen:
                    wrong[place] = 0
        return wrong

    def _doubt(self, rows):
        from cv_tf.grouping import pairs_within
        of, together = self._live.of[rows], self._known.together[rows]
        first, second = pairs_within(of)
        apart = together[first] != together[second]
        first, second = first[apart], second[apart]
        number = np.bincount(first, minlength=len(rows))
        cosine, color = (
            np.bincount(first, it, len(rows)) / np.maximum(number, 1)
            for it in self._similarity.evidence(rows[first], rows[second])
        )
        belongs = self._model.probability(cosine, color)
        return np.bincount(first, 1 - belongs[first] * belongs[second], len(rows)) / 2

    def best(self, busy: Collection[int] = ()) -> Shown | None:
        rate = self.gain / (SECONDS + SECONDS_A_PHOTO * self.photos)
        if busy:
            rate[self._live.of[list(busy)]] = 0
        name = int(rate.argmax())
        if rate[name] <= 0:
            return None
        return self.about(name)

    def about(self, name: int) -> Shown:
        groups = np.array([name])
        inside = Members(self._live.of, self._size, groups).of(groups)[1]
        if len(inside) > MOST_INSIDE:
            doubt = self._doubt(inside)
            inside = np.sort(inside[np.argsort(-doubt, kind="stable")[:MOST_INSIDE]])
        _, other, _, shown = self._beside(groups)
        other = other[shown]
        outside = Members(self._live.of, self._size, other).of(other)[1]
        return Shown(inside, outside[:MOST_OUTSIDE], float(self.gain[name]))
