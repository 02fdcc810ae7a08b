"""What people have said of pairs so far, and what holds of it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from cv_tf.answers import Agreement, settle
from cv_tf.grouping import Answers, Constraints, components


class Words:
    """The words of people on pairs of rows, as they come in and are taken back.

    On each pair counts the last word of each person, and then the majority. Where what
    holds of pairs contradicts itself, `settle` says what is left out.

    Args:
      num_products: Number of products without copies, n.

    Attributes:
      disputed: Pairs of rows, the lower first, with as many yes as no.
      agreement: How far people agree.
    """

    def __init__(self, num_products: int):
        self._num_products = num_products
        self._place: dict[tuple[int, int], int] = {}
        # Of each pair: all that was said, and what holds: 1 for yes, -1 for no.
        self._words: list[list[tuple[str, bool]]] = []
        self._holds = np.empty(0, np.int8)
        self._pairs = np.empty((0, 2), np.int64)
        self.agreement = Agreement()
        self.disputed: dict[tuple[int, int], None] = {}
        self._settled: tuple[np.ndarray, np.ndarray] | None = None
        self._known: Constraints | None = None

    @property
    def known(self) -> Constraints:
        """What holds of what was said."""
        if self._known is None:
            pairs, same = self._what_holds()
            number = self._num_products
            self._known = Constraints.of_pairs(number, pairs[same], pairs[~same])
        return self._known

    @property
    def answers(self) -> Answers:
        """What holds, as answers to learn from."""
        pairs, same = self._what_holds()
        return Answers(pairs[:, 0], pairs[:, 1], same)

    def add(self, said: Iterable[tuple[int, int, bool]], by: str) -> None:
        """Adds what a person says of pairs of rows, each in any order."""
        for first, second, same in said:
            if first == second:  # Two products of one photo.
                continue
            pair = (first, second) if first < second else (second, first)
            place = self._place.setdefault(pair, len(self._words))
            if place == len(self._words):
                self._words.append([])
                self._make_room(place)
                self._pairs[place] = pair
            self.agreement.count(dict(self._words[place]), -1)
            self._words[place].append((by, same))
            self._decide(pair)

    def remove(self, said: Iterable[tuple[int, int, bool]], by: str) -> None:
        """Takes back what a person has said, as it was given to `add`."""
        for first, second, same in said:
            if first == second:
                continue
            pair = (first, second) if first < second else (second, first)
            words = self._words[self._place[pair]]
            self.agreement.count(dict(words), -1)
            last = len(words) - 1 - words[::-1].index((by, same))
            del words[last]
            self._decide(pair)

    def said_by(self, pair: tuple[int, int]) -> set[str]:
        """Names of those who have said something of a pair, the lower row first."""
        place = self._place.get(pair)
        return set() if place is None else {by for by, _ in self._words[place]}

    def _make_room(self, place: int) -> None:
        if place == len(self._holds):
            more = max(1024, place)
            self._holds = np.append(self._holds, np.zeros(more, np.int8))
            self._pairs = np.append(self._pairs, np.zeros((more, 2), np.int64), axis=0)

    def _decide(self, pair: tuple[int, int]) -> None:
        """Finds what holds of a pair."""
        place = self._place[pair]
        words = dict(self._words[place])
        yes = sum(words.values())
        no = len(words) - yes
        self._holds[place] = (yes > no) - (yes < no)
        self.agreement.count(words)
        if words and yes == no:
            self.disputed[pair] = None
        else:
            self.disputed.pop(pair, None)
        self._settled = self._known = None

    def _what_holds(self) -> tuple[np.ndarray, np.ndarray]:
        """Pairs, [m, 2] int64, and whether they are the same, [m] bool."""
        if self._settled is None:
            rows = np.flatnonzero(self._holds)
            pairs, same = self._pairs[rows], self._holds[rows] > 0
            is_left_out = self._contradictory(pairs, same)
            self._settled = pairs[~is_left_out], same[~is_left_out]
        return self._settled

    def _contradictory(self, pairs: np.ndarray, same: np.ndarray) -> np.ndarray:
        """Which pairs contradict each other, so that none of them counts, [m] bool."""
        part = components(self._num_products, pairs[same])
        first, second = part[pairs].T
        broken = np.zeros(self._num_products, bool)
        broken[first[~same & (first == second)]] = True
        is_left_out = np.zeros(len(pairs), bool)
        # Whatever is said elsewhere, these parts are settled by themselves.
        inside = np.flatnonzero(broken[first] & (first == second))
        if len(inside):
            some = [tuple(pair) for pair in pairs[inside].tolist()]
            settled = settle(
                (*pair, is_same, "")
                for pair, is_same in zip(some, same[inside].tolist(), strict=True)
            )
            hold = {*settled.same, *settled.different}
            is_left_out[inside] = [pair not in hold for pair in some]
        return is_left_out
