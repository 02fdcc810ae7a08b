"""What people have said of pairs so far, and what holds of it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from cv_tf.answers import settle
from cv_tf.grouping import Answers, Constraints


class Words:
    """The words of people on pairs of rows, as they come in.

    Args:
      num_products: Number of products without copies, n.

    Attributes:
      disputed: Pairs of rows, the lower first, with as many yes as no.
    """

    def __init__(self, num_products: int):
        self._num_products = num_products
        self._words: dict[tuple[int, int], dict[str, bool]] = {}
        self._holds: dict[tuple[int, int], bool] = {}
        self.disputed: dict[tuple[int, int], None] = {}
        self._known: Constraints | None = None

    @property
    def known(self) -> Constraints:
        """What holds of what was said."""
        if self._known is None:
            self._known = self._constraints()
        return self._known

    def add(self, said: Iterable[tuple[int, int, bool]], by: str) -> None:
        """Adds what a person says of pairs of rows, each in any order."""
        for first, second, same in said:
            if first == second:  # Two products of one photo.
                continue
            pair = (first, second) if first < second else (second, first)
            words = self._words.setdefault(pair, {})
            words.pop(by, None)
            words[by] = same
            yes = sum(words.values())
            self.disputed.pop(pair, None)
            if 2 * yes == len(words):
                self.disputed[pair] = None
                self._holds.pop(pair, None)
            else:
                self._holds[pair] = 2 * yes > len(words)
        self._known = None

    def said_by(self, pair: tuple[int, int]) -> set[str]:
        """Names of those who have said something of a pair, the lower row first."""
        return set(self._words.get(pair, ()))

    @property
    def answers(self) -> Answers:
        """What holds, as answers to learn from."""
        pairs, same = self._arrays()
        return Answers(pairs[:, 0], pairs[:, 1], same)

    def _arrays(self) -> tuple[np.ndarray, np.ndarray]:
        pairs = np.array(list(self._holds), np.int64).reshape(-1, 2)
        return pairs, np.array(list(self._holds.values()), bool)

    def _constraints(self) -> Constraints:
        pairs, same = self._arrays()
        known = Constraints.of_pairs(self._num_products, pairs[same], pairs[~same])
        first, second = known.together[known.apart].T
        if not (first == second).any():
            return known
        # Products that are linked are said to be different: no one word is to blame.
        settled = settle(
            (*pair, same, by)
            for pair, words in self._words.items()
            for by, same in words.items()
        )
        return Constraints.of_pairs(
            self._num_products, np.array(settled.same), np.array(settled.different)
        )
