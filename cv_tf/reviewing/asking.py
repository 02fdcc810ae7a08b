"""A session of questions: what a person is asked next, and how far the work is."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from cv_tf.answers import Answer, AnswersError, AnswerStore
from cv_tf.config import GroupingSettings
from cv_tf.embeddings import Embeddings
from cv_tf.grouping import Interval
from cv_tf.retrieval import Neighbors
from cv_tf.reviewing.answered_groups import AnsweredGroups
from cv_tf.reviewing.choice import MOST_INSIDE, MOST_OUTSIDE, QuestionRows
from cv_tf.reviewing.open_questions import OpenQuestions, Question
from cv_tf.reviewing.random_share import Quality, quality_of, share_of

# One question in so many is about a group drawn at random, and one in so many is one
# that somebody else has answered, to see how far people agree.
_RANDOM_EVERY, _AGAIN_EVERY = 5, 25
# Nearest products of each one that are shown, however improbable they are.
_FEW = 6
# Width of an interval that is not worth telling.
_TOO_WIDE = 0.6


class Review:
    """Asks people about groups, and makes the groups anew by what they say.

    Questions are chosen by what their answer is expected to change. A share of them is
    about groups drawn at random, by which precision and recall of all groups are
    estimated. All methods may be called by several threads.

    Args:
      embeddings: Embeddings of the catalog.
      store: Answers so far, which new ones are added to.
      settings: Settings of the grouping; None for the defaults.
      threshold: Mean similarity at which groups join at first; None for the best that
        is expected.
      discount: Discount for the same color at first; None for what the settings say.
      groups: Names of groups, by product, that stay together as far as nobody parts
        them, such as those of another tool; None to find them.
      neighbors: Neighbors, twice as many as the settings say; None to find them.
      learns: Whether threshold and model are learned from the answers.
      random_every: One question in so many is about a group drawn at random.
      seed: Seed of the order in which they are drawn.

    Example:
      >>> import tempfile
      >>> from pathlib import Path
      >>> import numpy as np
      >>> from cv_tf.answers import Answer, AnswerStore
      >>> from cv_tf.embeddings import Embeddings
      >>> from cv_tf.reviewing import Review
      >>> vectors = np.array([[1, 0], [0.8, 0.6], [0.6, 0.8], [-1, 0]], np.float32)
      >>> folder = tempfile.TemporaryDirectory()
      >>> with AnswerStore(Path(folder.name) / "my.answers.sqlite") as store:
      ...     review = Review(Embeddings.of_arrays(vectors), store)
      ...     asked = review.ask("Ann")
      ...     review.say(Answer(*asked[:3], sets=(0,) * len(asked.sets), by="Ann"))
      1
    """

    def __init__(
        self,
        embeddings: Embeddings,
        store: AnswerStore,
        settings: GroupingSettings | None = None,
        threshold: float | None = None,
        discount: float | None = None,
        groups: Mapping[str, str] | None = None,
        neighbors: Neighbors | None = None,
        learns: bool = True,
        random_every: int = _RANDOM_EVERY,
        seed: int = 0,
    ):
        self._store, self._random_every = store, random_every
        answers = store.answers()
        self._heard = answers[-1].number if answers else 0
        self._now = AnsweredGroups(
            embeddings,
            answers,
            settings or GroupingSettings(),
            threshold,
            discount,
            groups,
            neighbors,
            learns,
        )
        self._share = share_of(self._now, seed)
        self._open = OpenQuestions()
        # After how many answers, and which was the last.
        self._estimated: tuple[tuple[int, int], Quality | None] = ((-1, -1), None)

    @property
    def groups(self) -> np.ndarray:
        """The group of each product without copies, [n] int64, at the moment."""
        return self._now.all.live.of

    def say(self, answer: Answer) -> int:
        """Saves an answer, and makes the groups anew that it touches.

        Returns:
          The number of the answer in the store.

        Raises:
          AnswersError: If it is about unknown products, or could not be saved.
        """
        if not self._now.knows(answer):
            raise AnswersError(
                "The answer is about products that are not in this catalog. Reload the "
                "page, and answer what is asked then."
            )
        with self._now.lock:
            number = self._store.add(answer)
            self._open.remove(answer)
            self._now.add(dataclasses.replace(answer, number=number))
        return number

    def undo(self, by: str) -> Question | None:
        """Takes a person's last answer back; its question, None if there is none."""
        with self._now.lock:
            own = [answer for answer in self._now.answers if answer.by == by]
            if not own:
                return None
            last = own[-1]
            self._store.undo(last.number, by)
            self._now.undo(last)
            return self._open.add(by, Question.of(last, last.sets))

    def ask(self, by: str, kind: str = "") -> Question | None:
        """The next question for a person; None if nothing is left that is worth it.

        It is another one than all those that are asked and not answered yet.

        Args:
          by: Name of the person.
          kind: "pair" to be asked about two products at a time, "group" about groups of
            several, "line-up" about single products; "random" about groups drawn at
            random, by which precision and recall are estimated; "" for whatever puts
            most right in a second, and a share of the random ones.

        Where nothing else is left, it is one that this person has not answered yet: the
        page may have been loaded anew.
        """
        with self._now.lock:
            self._hear_others()
            found = self._disputed(by) if kind in ("", "pair") else None
            if not found and not kind:
                found = self._again(by)
            if kind == "random" or (not found and not kind and self._is_random_due()):
                found = self._random()
            if not found and kind != "random":
                # What is beside an open question may be settled by its answer.
                found = self._best(self._busy(beside=True), kind)
                found = found or self._best(self._busy(), kind)
            found = found or self._open.oldest(by, kind)
            return self._open.add(by, found) if found else None

    def ask_about(self, product_id: str) -> Question:
        """The question about the group that a product is in at the moment."""
        with self._now.lock:
            row = self._now.row_of[product_id]
            inside = np.flatnonzero(self.groups == self.groups[row])[:MOST_INSIDE]
            around = self._around(inside, self._now.chosen.live.of[inside])
            return self._question(inside, around)

    def _hear_others(self) -> None:
        """Takes in what other processes have added to the store."""
        new = self._store.answers(after=self._heard)
        if not new:
            return
        known = {answer.number for answer in self._now.answers}
        for answer in new:
            self._heard = answer.number
            if answer.number not in known and self._now.knows(answer):
                self._now.add(answer)

    def _busy(self, beside: bool = False) -> list[int]:
        """Rows of the groups of open questions, and of those beside them if wanted."""
        return [
            self._now.row_of[name]
            for question in self._open.all()
            for name in question.inside + question.outside * beside
        ]

    def _question(
        self, inside: np.ndarray, outside: np.ndarray, stratum: str = ""
    ) -> Question:
        """A question about rows, with what is known proposed as its answer."""
        known, first = self._now.all.words.known, int(inside[0])
        shown = np.concatenate([inside, outside])
        belongs = known.together[shown] == known.together[first]
        of, apart = self.groups, known.are_apart(np.full(len(shown), first), shown)
        # What is grouped is proposed, unless it is known to be wrong.
        belongs |= (of[shown] == of[first]) & ~apart
        sets = tuple(0 if it else -1 for it in belongs.tolist())
        kind = "line-up" if len(inside) == 1 else "group"
        if len(inside) == len(outside) == 1:
            kind = "pair"
        ids = self._now.product_id
        return Question(kind, tuple(ids[inside]), tuple(ids[outside]), sets, stratum)

    def _best(self, busy: Collection[int], kind: str) -> Question | None:
        """The most useful question that is not answered by what is known already."""
        busy, asked = list(busy), self._open.shown()
        while rows := self._now.choice.best(busy, kind):
            found = self._now.choice.pair(rows) if kind == "pair" else rows
            said = self._told(found) if found else []
            if found and said is None:
                question = self._question(found.inside, found.outside)
                if kind == "line-up":
                    question = question._replace(kind=kind)
                if question.shown not in asked:
                    return question
            # Products drawn at random have told: now the choice may know it, too.
            if not (said and self._now.tell(said)):
                busy += rows.inside.tolist()
        return None

    def _told(self, rows: QuestionRows) -> list[tuple[int, int, bool]] | None:
        """The whole answer to a question, where it is known; None where it is not."""
        known = self._now.all.words.known
        shown = np.concatenate([rows.inside, rows.outside])
        place, other = np.triu_indices(len(shown), 1)
        is_asked = place < len(rows.inside)
        one, other = shown[place[is_asked]], shown[other[is_asked]]
        same = known.together[one] == known.together[other]
        if not (same | known.are_apart(one, other)).all():
            return None
        return list(zip(one.tolist(), other.tolist(), same.tolist(), strict=True))

    def _waiting(self) -> list[int]:
        """Rows of random groups that are asked about, and not answered yet."""
        rows = self._now.row_of
        return [rows[it.inside[0]] for it in self._open.all() if it.stratum]

    def _is_random_due(self) -> bool:
        """Whether it is time for a question about a group drawn at random."""
        num_drawn = len(self._now.drawn) + len(self._waiting())
        total = len(self._now.answers) + len(self._open.all())
        return (num_drawn + 1) * self._random_every <= total

    def _random(self) -> Question | None:
        """A question about the group that is drawn next."""
        name = self._share.next(self._now.drawn, self._waiting())
        if name is None:
            return None
        inside = self._share.members(name)[:MOST_INSIDE]
        outside = self._around(inside, self._now.chosen.live.of[inside])
        if not set(self._busy()).isdisjoint(inside.tolist()):
            return None
        return self._question(inside, outside, self._share.stratum(name))

    def _around(self, inside: np.ndarray, groups: np.ndarray) -> np.ndarray:
        """Rows beside some, given their groups in the choice: the nearest are there."""
        shown = [self._now.choice.about(name) for name in np.unique(groups).tolist()]
        near = self._now.neighbors.indices[inside, :_FEW].T.ravel()
        beside = [*(it.inside for it in shown), *(it.outside for it in shown)]
        rows = np.concatenate([*beside, near[near >= 0]]).astype(np.int64)
        _, first = np.unique(rows, return_index=True)
        rows = rows[np.sort(first)]
        return rows[~np.isin(rows, inside)][:MOST_OUTSIDE]

    def _disputed(self, by: str) -> Question | None:
        """A pair that others disagree about, and this person has not answered yet."""
        ids, words = self._now.product_id, self._now.all.words
        asked = self._open.shown()
        for pair in words.disputed:
            first, second = ids[list(pair)]
            question = Question("pair", (first,), (second,), (0, -1))
            if by not in words.said_by(pair) and question.shown not in asked:
                return question
        return None

    def _again(self, by: str) -> Question | None:
        """A question that another person has answered, if it is time for one."""
        own = [frozenset(it.inside) for it in self._now.answers if it.by == by]
        if len(own) % _AGAIN_EVERY != _AGAIN_EVERY - 1:
            return None
        others = [it for it in self._now.answers if it.by != by and not it.stratum]
        known = {*own, *(frozenset(it.inside) for it in self._open.all())}
        for answer in others[-1::-7]:
            if frozenset(answer.inside) not in known:
                rows = self._now.rows(answer)
                count = len(answer.inside)
                start = (0,) * count + (-1,) * (len(rows) - count)
                return Question.of(answer, start)
        return None

    def progress(self, by: str) -> dict[str, Any]:
        """How far the work is, and what is known by it.

        Args:
          by: Name of the person.

        Returns:
          Numbers of `answers`, of those `by_you`, of `groups` of two or more, of those
          that are `confirmed`, of questions `left` and of `disputed` pairs; `precision`
          and `recall` as low end, estimate and high end, and `kappa` with its number of
          pairs, each None while too little is known.
        """
        with self._now.lock:
            answers, of = self._now.answers, self.groups
            first = np.flatnonzero(np.bincount(of) > 1)  # Rows name their groups.
            confirmed = self._now.all.words.known.confirmed(of)[first]
            quality = self.quality()
            agreed = self._now.all.words.agreement.kappa()
            return {
                "answers": len(answers),
                "by_you": sum(answer.by == by for answer in answers),
                "groups": len(first),
                "confirmed": int(confirmed.sum()),
                "left": self._now.choice.num_left,
                "disputed": len(self._now.all.words.disputed),
                "kappa": list(agreed) if agreed else None,
                "precision": _ends(quality.precision) if quality else None,
                "recall": _ends(quality.recall) if quality else None,
            }

    def quality(self) -> Quality | None:
        """Precision and recall of all groups, as random ones tell; None at first."""
        with self._now.lock:
            answers = self._now.answers
            state = len(answers), answers[-1].number if answers else 0
            if self._estimated[0] != state:
                self._estimated = state, quality_of(self._now, self._share)
            return self._estimated[1]


def _ends(interval: Interval) -> list[float] | None:
    """An interval as it is told; None where it is so wide that it tells nothing."""
    if interval.high - interval.low > _TOO_WIDE:
        return None
    return [float(it) for it in (interval.low, interval.estimate, interval.high)]
