"""The groups of a catalog as answers come in, and the model that they teach."""

from __future__ import annotations

import dataclasses
import itertools
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from cv_tf.answers import Answer
from cv_tf.config import GroupingSettings
from cv_tf.embeddings import Embeddings
from cv_tf.grouping import Answers, Constraints, Linked, find_neighbors, link_by_model
from cv_tf.retrieval import Neighbors
from cv_tf.reviewing.choice import Asked, Choice
from cv_tf.reviewing.live_groups import LiveGroups
from cv_tf.reviewing.words import Words

# The model is learned anew after so many answers, then whenever there are a quarter
# more; of more products than this it is done in the background.
_FIRST_LESSON, _MORE = 10, 1.25
_MANY = 20_000
# Neighbors that are looked at for what is missing, times those that groups are made by.
_WIDER = 2
# Who has told what products drawn at random have told.
_TOLD = "\0told"


class _Told(NamedTuple):
    """What products drawn at random have told the choice of questions.

    Attributes:
      said: Pairs of rows, and whether they are the same.
      rows: Rows of them.
      unsure: Pairs of which that does not hold.
    """

    said: Sequence[tuple[int, int, bool]]
    rows: list[int]
    unsure: list[tuple[int, int]]


class World:
    """Groups by some of the answers: the words, and what follows from them."""

    def __init__(self, num_products: int):
        self.words = Words(num_products)
        self.live: LiveGroups


class AnsweredGroups:
    """Groups that follow the answers, in two worlds.

    In the one, all answers count. In the other, those about groups drawn at random do
    not: there, questions are chosen, so that random groups are treated as all others
    are, and tell of them.

    Args:
      embeddings: Embeddings of the catalog.
      answers: Answers so far, in the order of time; those about unknown products are
        left out.
      settings: Settings of the grouping.
      threshold: Mean similarity at which groups join at first; None for the best that
        is expected.
      discount: Discount for the same color at first; None for what the settings say.
      groups: Names of groups, by product, that stay together as far as nobody parts
        them; None for none.
      neighbors: Neighbors, twice as many as the settings say; None to find them.
      learns: Whether threshold and model are learned from the answers.

    Attributes:
      lock: To be held while anything is read or written.
      product_id: [n] object (str), ids of the products without copies, by row.
      row_of: Row of each product, with copies.
      answers: Answers that hold.
      all: The world of all answers.
      chosen: The world without those about random products.
      choice: Chooses questions in that world.
      neighbors: Neighbors of every row, more than groups are made by.
      before: Groups without any answer, [n] int64.
      doubt_before: Products that were expected to be wrong in each product's group, or
        missed, [n] float64.
    """

    def __init__(
        self,
        embeddings: Embeddings,
        answers: Sequence[Answer],
        settings: GroupingSettings,
        threshold: float | None = None,
        discount: float | None = None,
        groups: Mapping[str, str] | None = None,
        neighbors: Neighbors | None = None,
        learns: bool = True,
    ):
        self._settings, self._threshold, self._learns = settings, threshold, learns
        self._at_first = settings
        if discount is not None and settings.color == "auto":
            self._at_first = dataclasses.replace(settings, color=str(discount))
        self._distinct = embeddings.distinct
        self.product_id = self._distinct.product_id
        self.row_of = embeddings.distinct_row_of
        self._start = self._numbered(groups) if groups else None
        own = settings.neighbors
        if neighbors is None:
            wider = dataclasses.replace(settings, neighbors=own * _WIDER)
            neighbors = find_neighbors(embeddings, wider, "Finding neighbors")
        self.neighbors = neighbors
        self._near = Neighbors(
            neighbors.indices[:, :own], neighbors.similarities[:, :own]
        )
        self.lock = threading.RLock()
        self.choice: Choice
        self.answers = [answer for answer in answers if self.knows(answer)]
        self._num_undone, self._is_learning = 0, False
        self._told: list[_Told] = []
        number = len(self.product_id)
        self.all, self.chosen = World(number), World(number)
        for answer in self.answers:
            self._hear(answer)
        begins_anew = not self.answers and (threshold, discount, groups) == (None,) * 3
        before = None if begins_anew else self._before_answers()
        self._learn()
        if before is None:
            doubt = self.choice.wrong + self.choice.missed
            before = self.chosen.live.of.copy(), doubt
        self.before, self.doubt_before = before

    def _before_answers(self) -> tuple[np.ndarray, np.ndarray]:
        """Groups, and what is doubtful in them, [n] each, by the vectors alone.

        They are the same whatever groups and answers a session begins with.
        """
        linked = link_by_model(self._distinct, self._near, self._settings)
        known = Words(len(self.product_id)).known
        size = self._settings.max_group_size
        live = LiveGroups(linked, linked.best_threshold(), size, known)
        choice = Choice(linked, live, known, self.neighbors)
        return live.of, choice.wrong + choice.missed

    def _numbered(self, groups: Mapping[str, str]) -> np.ndarray:
        """Groups of products without copies by numbers, [n] int64."""
        names: dict[str, int] = {}
        number = np.arange(len(self.product_id)) + len(groups)
        for product, name in groups.items():
            if product in self.row_of:
                number[self.row_of[product]] = names.setdefault(name, len(names))
        return number

    def knows(self, answer: Answer) -> bool:
        """Whether all products of an answer are in the catalog."""
        return all(name in self.row_of for name in answer.inside + answer.outside)

    def rows(self, answer: Answer) -> list[int]:
        """The rows of what was shown, inside first; one row for copies of a photo."""
        return [self.row_of[name] for name in answer.inside + answer.outside]

    @property
    def drawn(self) -> dict[int, str]:
        """Strata of the random groups that are answered, by the first row of each."""
        return {
            self.row_of[answer.inside[0]]: answer.stratum
            for answer in self.answers
            if answer.stratum
        }

    def _said(self, answer: Answer) -> list[tuple[int, int, bool]]:
        """What an answer says of pairs of rows."""
        rows = self.row_of
        return [(rows[one], rows[other], same) for one, other, same in answer.pairs()]

    def _hear(self, answer: Answer) -> None:
        said = self._said(answer)
        self.all.words.add(said, answer.by)
        if not answer.stratum:
            self.chosen.words.add(said, answer.by)

    def _learn(self) -> None:
        """Learns the model of pairs, and makes all groups by it.

        Answers may come in meanwhile.
        """
        while True:
            with self.lock:
                before, undone = len(self.answers), self._num_undone
                num_told = len(self._told)
                answers = self.all.words.answers
                known = self.all.words.known, self.chosen.words.known
                asked = [*self._asked(self.answers, self._told)]
            learns = self._learns and before >= _FIRST_LESSON
            linked, threshold = self._link(answers if learns else None)
            worlds = [self._live(linked, threshold, of) for of in known]
            choice = Choice(linked, worlds[1], known[1], self.neighbors, asked)
            with self.lock:
                if undone != self._num_undone:
                    continue
                self.all.live, self.chosen.live = worlds
                self.choice, self._num_taught = choice, before
                since = self.answers[before:], self._told[num_told:]
                for question in self._asked(*since):
                    choice.note_asked(*question)
                rows = [self.rows(answer) for answer in since[0]]
                rows += [told.rows for told in since[1]]
                self._follow([*itertools.chain(*rows)])
                return

    def _learn_aside(self) -> None:
        try:
            self._learn()
        finally:
            self._is_learning = False

    def _link(self, answers: Answers | None) -> tuple[Linked, float]:
        """The linked catalog and its threshold, by answers or as they are at first."""
        given = self._threshold if answers is None else None
        linked = link_by_model(
            self._distinct,
            self._near,
            self._at_first if answers is None else self._settings,
            answers,
            threshold=given,
        )
        return linked, linked.best_threshold() if given is None else given

    def _live(self, linked: Linked, threshold: float, known: Constraints) -> LiveGroups:
        size = self._settings.max_group_size
        return LiveGroups(linked, threshold, size, known, self._start)

    def _follow(self, rows: list[int], of_all: bool = False) -> None:
        """Makes the groups anew that words about rows touch.

        `of_all` says that they are words in the world of all answers alone.
        """
        self.all.live.update(self.all.words.known, rows)
        if not of_all:
            known = self.chosen.words.known
            self.choice.update(known, self.chosen.live.update(known, rows))

    def _asked(
        self, answers: Sequence[Answer], told: Sequence[_Told] = ()
    ) -> Iterator[Asked]:
        """What was asked, and what that has left open, as the choice takes note."""
        for answer in answers:
            if not answer.stratum:
                inside = self.rows(answer)[: len(answer.inside)]
                yield inside, self._unsure(answer)
        yield from (((), it.unsure) for it in told if it.unsure)

    def _unsure(self, answer: Answer) -> list[tuple[int, int]]:
        """Pairs of rows that were asked about, of which an answer cannot tell."""
        sets = answer.sets
        told = [of for of in sets if of is not None]
        tells_nothing = len(told) < 2 or max(told) < 0
        if len(told) == len(sets) and not tells_nothing:
            return []
        rows = self.rows(answer)
        return [
            (rows[place], rows[other])
            for place, other in itertools.combinations(range(len(rows)), 2)
            if place < len(answer.inside)
            and rows[place] != rows[other]
            and (tells_nothing or sets[place] is None or sets[other] is None)
        ]

    def add(self, answer: Answer) -> None:
        """Takes an answer in, and makes the groups anew that it touches."""
        with self.lock:
            self.answers.append(answer)
            self._hear(answer)
            for question in self._asked([answer]):
                self.choice.note_asked(*question)
            self._follow(self.rows(answer), bool(answer.stratum))
            due = max(_FIRST_LESSON, int(self._num_taught * _MORE))
            if not self._learns or len(self.answers) < due or self._is_learning:
                return
            if len(self.product_id) < _MANY:
                self._learn()
            else:
                self._is_learning = True
                threading.Thread(target=self._learn_aside, daemon=True).start()

    def undo(self, answer: Answer) -> None:
        """Takes an answer back, and makes the groups anew that it had touched."""
        with self.lock:
            self._num_undone += 1
            self.answers.remove(answer)
            said, rows = self._said(answer), self.rows(answer)
            self.all.words.remove(said, answer.by)
            if not answer.stratum:
                self.chosen.words.remove(said, answer.by)
            for question in self._asked([answer], self._told):
                self.choice.forget_asked(*question)
            # It may have told of these; if others do, too, they are told again.
            for told in self._told:
                self.chosen.words.remove(told.said, _TOLD)
                rows += told.rows
            of_all = bool(answer.stratum) and not self._told
            self._told.clear()
            self._follow(rows, of_all)

    def tell(self, said: Sequence[tuple[int, int, bool]]) -> bool:
        """Lets the choice know what random products have told of pairs of rows.

        What does not hold there, as others contradict it, is not asked again. Returns
        whether any of it was new.
        """
        first, second = np.array([it[:2] for it in said], np.int64).T
        is_new = bool(self.choice.is_open(first, second).any())
        self.chosen.words.add(said, _TOLD)
        known = self.chosen.words.known
        holds = known.together[first] == known.together[second]
        holds |= known.are_apart(first, second)
        unsure = [it[:2] for it, of in zip(said, holds.tolist(), strict=True) if not of]
        rows = sorted({row for it in said for row in it[:2]})
        self._told.append(_Told(said, rows, unsure))
        self.choice.note_asked((), unsure)
        self._follow(rows)
        return is_new
