"""Questions, and who is asked which of them at the moment."""

from __future__ import annotations

import time
from collections import deque
from typing import NamedTuple

from cv_tf.answers import Answer

# Questions that a person has at a time: a page asks one ahead.
_AHEAD = 2
# Seconds after which a question that nobody has answered is asked again.
_FORGOTTEN = 600.0


class Question(NamedTuple):
    """Products to be shown, of which a person says which are one design.

    Attributes:
      kind: "pair", "line-up" (one product and what is beside it) or "group".
      inside: Ids of the product or group that is asked about.
      outside: Ids of those beside it.
      sets: What is proposed, or was said, for each of inside and outside, as in
        `cv_tf.answers.Answer`.
      stratum: Stratum of a group that was drawn at random; "" for others.
    """

    kind: str
    inside: tuple[str, ...]
    outside: tuple[str, ...]
    sets: tuple[int | None, ...]
    stratum: str = ""

    @classmethod
    def of(cls, answer: Answer, sets: tuple[int | None, ...]) -> Question:
        """The question of an answer, with other sets."""
        return cls(answer.kind, answer.inside, answer.outside, sets, answer.stratum)

    @property
    def shown(self) -> frozenset[str]:
        """Ids of all products shown, in whatever order."""
        return frozenset(self.inside + self.outside)


class OpenQuestions:
    """What each person is asked, and has not answered yet."""

    def __init__(self) -> None:
        # The last question last, and since when.
        self._of: dict[str, deque[tuple[Question, float]]] = {}

    def all(self) -> list[Question]:
        """All of them but those that are forgotten."""
        now = time.monotonic()
        return [
            question
            for asked in self._of.values()
            for question, since in asked
            if now - since < _FORGOTTEN
        ]

    def shown(self) -> set[frozenset[str]]:
        """What they show."""
        return {question.shown for question in self.all()}

    def oldest(self, by: str, kind: str) -> Question | None:
        """The question of a kind that a person has had for the longest time."""
        for question, _ in self._of.get(by, ()):
            if kind in ("", "random" if question.stratum else question.kind):
                return question
        return None

    def add(self, by: str, question: Question) -> Question:
        """Takes note that a person is asked a question, which is returned."""
        before = self._of.get(by, ())
        others = [it for it in before if it[0].shown != question.shown]
        asked = self._of[by] = deque(others, maxlen=_AHEAD)
        asked.append((question, time.monotonic()))
        return question

    def remove(self, answer: Answer) -> None:
        """Takes note that a person has answered."""
        asked = self._of.get(answer.by, deque())
        kept = [it for it in asked if set(it[0].inside) != set(answer.inside)]
        self._of[answer.by] = deque(kept, maxlen=_AHEAD)
