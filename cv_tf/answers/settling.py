"""What holds where people repeat, correct and contradict themselves or each other."""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from cv_tf.answers.answer import Said

# Pairs of a chain that are spelled out: people may have linked thousands of products.
_MOST_SPELLED = 6
# Any key that can be sorted and hashed: an id, or the number of a row.
Key = Any
Pair = tuple[Key, Key]


class Settled(NamedTuple):
    """What holds of pairs of products; each pair is there once, the lesser key first.

    Attributes:
      same: Pairs that are one design.
      different: Pairs that are not.
      disputed: Pairs with as many yes as no, of which neither counts.
      contradictions: Chains of products of which each is one design with the next, but
        the first and the last are not, as it was said. The pairs of the chain are not
        in `same`, and the first and last are not in `different`.
    """

    same: tuple[Pair, ...]
    different: tuple[Pair, ...]
    disputed: tuple[Pair, ...]
    contradictions: tuple[tuple[Key, ...], ...]


def settle(said: Iterable[tuple[Key, Key, bool, str]]) -> Settled:
    """Finds what holds of all that was said.

    What a person says later of a pair replaces what that person said before. Then the
    majority of people decides on each pair, and contradictions between pairs are left
    out, the shortest chain first, until none is left.

    Args:
      said: First and second product, whether they are one design, and the name of the
        person, in the order of time. A product with itself is passed over.

    Example:
      >>> settle([("a", "b", True, ""), ("b", "c", True, ""), ("c", "a", False, "")])
      Settled(same=(), different=(), disputed=(), contradictions=(('a', 'b', 'c'),))
    """
    same: list[Pair] = []
    different: list[Pair] = []
    disputed: list[Pair] = []
    for pair, words in _last_words(said).items():
        yes = sum(words.values())
        no = len(words) - yes
        (same if yes > no else different if no > yes else disputed).append(pair)
    links = _Links(same)
    chains = [*_contradictions(links, different)]
    in_chains = {
        _ordered(*pair) for chain in chains for pair in itertools.pairwise(chain)
    }
    refuted = {_ordered(chain[0], chain[-1]) for chain in chains}
    return Settled(
        tuple(pair for pair in same if pair not in in_chains),
        tuple(pair for pair in different if pair not in refuted),
        tuple(disputed),
        tuple(chains),
    )


def _last_words(
    said: Iterable[tuple[Key, Key, bool, str]],
) -> dict[Pair, dict[str, bool]]:
    """The last word of each person on each pair."""
    words: dict[Pair, dict[str, bool]] = {}
    for first, second, same, by in said:
        if first != second:
            words.setdefault(_ordered(first, second), {})[by] = bool(same)
    return words


def _ordered(first: Key, second: Key) -> Pair:
    return (first, second) if first < second else (second, first)


def _contradictions(
    links: _Links, different: Sequence[Pair]
) -> Iterator[tuple[Key, ...]]:
    """Chains between products that are different, shortest first; cuts them."""
    # Cutting makes no chain shorter, so that a chain which is still whole when its turn
    # comes is the shortest of all.
    waiting: list[tuple[int, Pair, tuple[Key, ...]]] = []

    def search(pair: Pair) -> None:
        if chain := links.shortest_chain(*pair):
            heapq.heappush(waiting, (len(chain), pair, chain))

    for pair in different:
        if links.joined(*pair):
            search(pair)
    while waiting:
        _, pair, chain = heapq.heappop(waiting)
        if links.is_whole(chain):
            links.cut(chain)
            yield chain
        else:
            search(pair)


class _Links:
    """Products, and which are said to be one design."""

    def __init__(self, same: Sequence[Pair]):
        # Dictionaries for sets: their order does not change from run to run.
        self._next: dict[Key, dict[Key, None]] = {}
        for first, second in sorted(same):
            self._next.setdefault(first, {})[second] = None
            self._next.setdefault(second, {})[first] = None
        self._component: dict[Key, Key] = {}
        for start in self._next:
            if start not in self._component:
                self._component |= dict.fromkeys(self._reached(start), start)

    def _reached(self, start: Key) -> set[Key]:
        found, edge = {start}, {start}
        while edge:
            edge = set().union(*map(self._next.__getitem__, edge)) - found
            found |= edge
        return found

    def joined(self, first: Key, second: Key) -> bool:
        """Whether there was a chain between two products before any was cut."""
        is_linked = first in self._component and second in self._component
        return is_linked and self._component[first] == self._component[second]

    def is_whole(self, chain: Sequence[Key]) -> bool:
        return all(after in self._next[it] for it, after in itertools.pairwise(chain))

    def cut(self, chain: Sequence[Key]) -> None:
        for it, after in itertools.pairwise(chain):
            del self._next[it][after], self._next[after][it]

    def shortest_chain(self, first: Key, last: Key) -> tuple[Key, ...]:
        """A shortest chain of products from one to another; () if there is none.

        It is searched for from both ends, from the one with fewer products to look at.
        """
        # The product before each that was reached, from either end.
        sides: tuple[dict[Key, Key], ...] = ({first: None}, {last: None})
        edges = [[first], [last]]
        while edges[0] and edges[1]:
            side = int(len(edges[1]) < len(edges[0]))
            reached, other = sides[side], sides[1 - side]
            found = []
            for product in edges[side]:
                for near in self._next[product]:
                    if near not in reached:
                        reached[near] = product
                        found.append(near)
            # All that are reached at this step are equally far.
            if meeting := [near for near in found if near in other]:
                there = min(meeting)
                way = [*_way_back(sides[0], there)][::-1]
                return (*way, *itertools.islice(_way_back(sides[1], there), 1, None))
            edges[side] = found
        return ()


def _way_back(before: dict[Key, Key], product: Key) -> Iterator[Key]:
    """A product, the one before it, and so on."""
    while product is not None:
        yield product
        product = before[product]


def spell_contradiction(chain: Sequence[Key], name: Callable[[Key], str] = str) -> str:
    """Spells a contradiction: "a and b are the same, ..., but a and c are not".

    Of a long chain, the pairs in the middle are counted.

    Args:
      chain: One of `Settled.contradictions`.
      name: Name of a product.

    Example:
      >>> spell_contradiction(("a", "b", "c"))
      'a and b are the same, b and c are the same, but a and c are not'
    """
    pairs = list(itertools.pairwise(chain))
    half = _MOST_SPELLED // 2
    left_out = len(pairs) - _MOST_SPELLED
    shown = [*pairs[:half], *pairs[-half:]] if left_out > 1 else pairs
    same = [f"{name(it)} and {name(after)} are the same" for it, after in shown]
    if left_out > 1:
        same.insert(
            half, f"so are {left_out:,} more pairs up to {name(shown[half][0])}"
        )
    return f"{', '.join(same)}, but {name(chain[0])} and {name(chain[-1])} are not"


def kappa(said: Iterable[Said]) -> tuple[float, int] | None:
    """How far people agree, beyond chance: Cohen's kappa.

    What two people say of one pair of products is compared, by their last words; of
    more people, each two. Cohen, "A coefficient of agreement for nominal scales", 1960.

    Args:
      said: What people said, in the order of time.

    Returns:
      Kappa, at most 1, 0 for agreement by chance; and the number of pairs of products
      that two people or more answered. None if there is no such pair.

    Example:
      >>> kappa([Said("a", "b", True, "Ann"), Said("a", "b", True, "Bob")])
      (1.0, 1)
    """
    told = ((it.first, it.second, it.same, it.person) for it in said)
    agreement = Agreement()
    for words in _last_words(told).values():
        agreement.count(words)
    return agreement.kappa()


class Agreement:
    """How often two people say the same of a pair, counted pair by pair.

    Example:
      >>> agreement = Agreement()
      >>> agreement.count({"Ann": True, "Bob": True})
      >>> agreement.count({"Ann": False, "Bob": True})
      >>> agreement.count({"Ann": False, "Bob": True}, -1)
      >>> agreement.kappa()
      (1.0, 1)
    """

    def __init__(self) -> None:
        self._table: Counter[tuple[bool, bool]] = Counter()
        self._num_pairs = 0

    def count(self, words: Mapping[str, bool], times: int = 1) -> None:
        r"""Counts a pair of products: what each person says of it; -1 to take it back.

        Who has no name, but one that begins with "\0", does not count.
        """
        if len(words) < 2:
            return
        named = sorted(person for person in words if not person.startswith("\0"))
        self._num_pairs += times * (len(named) > 1)
        for one, other in itertools.combinations(named, 2):
            self._table[words[one], words[other]] += times

    def kappa(self) -> tuple[float, int] | None:
        """Kappa, and the number of pairs that two or more answered; see `kappa`."""
        if not self._num_pairs:
            return None
        table = self._table
        total = sum(table.values())
        agreed = (table[True, True] + table[False, False]) / total
        first_yes = (table[True, True] + table[True, False]) / total
        second_yes = (table[True, True] + table[False, True]) / total
        chance = first_yes * second_yes + (1 - first_yes) * (1 - second_yes)
        # Where all say the same, they agree, whatever chance would do.
        value = 1.0 if agreed == 1 else (agreed - chance) / (1 - chance)
        return value, self._num_pairs
