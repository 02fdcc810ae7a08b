"""What a person says of one question, and what that says of pairs of products."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from cv_tf.errors import UserError

KINDS = ("pair", "group", "line-up")


class AnswersError(UserError):
    """Answers that cannot be read, used or saved."""


@dataclass(frozen=True)
class Answer:
    """What a person said of one question: a row of the store.

    Attributes:
      kind: "pair", "group" or "line-up".
      inside: Ids of the products that were asked about: those of a group, or one.
      outside: Ids that were shown beside them.
      sets: For each of `inside`, then of `outside`, the number of the design that it
        is of. Products of one number, 0 or more, are one design; 0 is that of what was
        asked about. -1 is a design that no other product shown has, so that nothing is
        said of two products of -1 but that they are not of the others; None is what
        nobody can say.
      by: Name of the person.
      at: When, ISO 8601 in UTC; filled in by the store where it is empty.
      seconds: Time that the answer took, in seconds.
      stratum: Name of the stratum of a random question; "" for a chosen one.
      number: Number in the store, from 1; 0 for none yet.

    Raises:
      AnswersError: If that is no answer to a question.

    Example:
      >>> shirt = Answer("line-up", ("a",), ("b", "c"), (0, 0, -1))
      >>> shirt.pairs()
      [('a', 'b', True), ('a', 'c', False), ('b', 'c', False)]
    """

    kind: str
    inside: tuple[str, ...]
    outside: tuple[str, ...]
    sets: tuple[int | None, ...]
    by: str = ""
    at: str = ""
    seconds: float = 0.0
    stratum: str = ""
    number: int = 0

    def __post_init__(self):
        if self.kind not in KINDS:
            known = ", ".join(KINDS)
            raise AnswersError(f"An answer is of kind {self.kind!r}; expected {known}.")
        shown = self.inside + self.outside
        if not self.inside or len(shown) < 2:
            raise AnswersError(
                f"An answer is about {list(self.inside)} beside {list(self.outside)}; "
                "expected two products at least, one of which was asked about."
            )
        if not all(isinstance(name, str) and name for name in shown):
            raise AnswersError(
                f"An answer is about {list(shown)}; expected ids, which are text."
            )
        if len(set(shown)) < len(shown):
            raise AnswersError(
                f"An answer is about {list(shown)}; expected each product once."
            )
        if len(self.sets) != len(shown) or not all(map(_is_set, self.sets)):
            raise AnswersError(
                f"An answer about {len(shown)} products has sets = {list(self.sets)}; "
                "expected a number for each product: 0 or more, -1 or nothing."
            )

    def pairs(self) -> list[tuple[str, str, bool]]:
        """Two ids and whether they are one design, of each pair that is told of.

        Two products of one number are, two of different numbers are not. Of two
        products of -1, and of what nobody can say, nothing is told.
        """
        told = zip(self.inside + self.outside, self.sets, strict=True)
        known = [(name, of) for name, of in told if of is not None]
        return [
            (first, second, of_first == of_second)
            for (first, of_first), (second, of_second) in itertools.combinations(
                known, 2
            )
            if max(of_first, of_second) >= 0
        ]


def _is_set(value: object) -> bool:
    """Whether a value is a number of a design, -1 or None; True is no number."""
    return value is None or (type(value) is int and value >= -1)


class Said(NamedTuple):
    """What a person said of a pair of products.

    Attributes:
      first: Id of a product.
      second: Id of the other one, which is greater.
      same: Whether they are one design.
      by: Name of the person; "" where it is not known.
      at: When, ISO 8601 in UTC; "" where it is not known.
    """

    first: str
    second: str
    same: bool
    by: str = ""
    at: str = ""

    @classmethod
    def of(cls, one: str, other: str, same: bool, by: str = "", at: str = "") -> Said:
        """A statement about two ids in any order."""
        return cls(min(one, other), max(one, other), same, by, at)

    @property
    def person(self) -> str:
        """Who counts as one person: a name.

        Where neither name nor time is known, nobody can tell whether somebody has
        thought better of it, or two disagree: all who say the same are one person.
        """
        return self.by or ("" if self.at else f"\0{self.same}")


def said_of(answers: Iterable[Answer]) -> list[Said]:
    """What answers say of pairs of products, in their order.

    Example:
      >>> said_of([Answer("pair", ("b",), ("a",), (0, 0), by="Ann")])
      [Said(first='a', second='b', same=True, by='Ann', at='')]
    """
    return [
        Said.of(first, second, same, answer.by, answer.at)
        for answer in answers
        for first, second, same in answer.pairs()
    ]
