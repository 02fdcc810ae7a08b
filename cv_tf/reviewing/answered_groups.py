"""The groups of a catalog as answers come in, and the model that they teach."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Mapping, Sequence

import numpy as np

from cv_tf.answers import Answer
from cv_tf.config import GroupingSettings
from cv_tf.embeddings import Embeddings
from cv_tf.grouping import Answers, Constraints, Linked, find_neighbors, link_by_model
from cv_tf.retrieval import Neighbors
from cv_tf.reviewing.choice import Choice
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
        ids, place = embeddings.product_id.tolist(), embeddings.copies.place
        self.row_of = dict(zip(ids, place.tolist(), strict=True))
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
        self._replay()
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

    def _replay(self) -> None:
        """Takes the words of all answers in, from the first one on."""
        number = len(self.product_id)
        self.all, self.chosen = World(number), World(number)
        for answer in self.answers:
            self._hear(answer)

    def _hear(self, answer: Answer) -> None:
        rows = self.row_of
        said = [(rows[one], rows[other], same) for one, other, same in answer.pairs()]
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
                answers = self.all.words.answers
                known = self.all.words.known, self.chosen.words.known
            learns = self._learns and before >= _FIRST_LESSON
            linked, threshold = self._link(answers if learns else None)
            worlds = [self._live(linked, threshold, of) for of in known]
            choice = Choice(linked, worlds[1], known[1], self.neighbors)
            with self.lock:
                if undone != self._num_undone:
                    continue
                self.all.live, self.chosen.live = worlds
                self.choice, self._num_taught = choice, before
                for answer in self.answers[:before]:
                    self._note(answer)
                for answer in self.answers[before:]:
                    self._follow(answer)
                self._is_learning = False
                return

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

    def _follow(self, answer: Answer) -> None:
        """Makes the groups anew that an answer touches, whose words are heard."""
        rows = self.rows(answer)
        self.all.live.update(self.all.words.known, rows)
        if not answer.stratum:
            known = self.chosen.words.known
            touched = self.chosen.live.update(known, rows)
            self._note(answer)
            self.choice.update(known, touched)

    def _note(self, answer: Answer) -> None:
        """Takes note of what an answer leaves open, which is not asked again."""
        if answer.stratum:
            return
        rows = self.rows(answer)
        self.choice.mark_asked(rows[: len(answer.inside)])
        unsure = [row for row, of in zip(rows, answer.sets, strict=True) if of is None]
        self.choice.leave_open([(rows[0], row) for row in unsure if row != rows[0]])

    def add(self, answer: Answer) -> None:
        """Takes an answer in, and makes the groups anew that it touches."""
        with self.lock:
            self.answers.append(answer)
            self._hear(answer)
            self._follow(answer)
            due = max(_FIRST_LESSON, int(self._num_taught * _MORE))
            if not self._learns or len(self.answers) < due or self._is_learning:
                return
            self._is_learning = True
            if len(self.product_id) < _MANY:
                self._learn()
            else:
                threading.Thread(target=self._learn, daemon=True).start()

    def undo(self, answer: Answer) -> None:
        """Takes an answer back, and makes the groups anew that it had touched."""
        with self.lock:
            self._num_undone += 1
            self.answers.remove(answer)
            live = self.all.live, self.chosen.live
            self._replay()
            self.all.live, self.chosen.live = live
            self._follow(answer)
            self.choice.forget_asked(self.rows(answer)[: len(answer.inside)])

    def tell(self, said: Sequence[tuple[int, int, bool]], rows: np.ndarray) -> None:
        """Lets the choice know what random products have told of a question's rows."""
        self.chosen.words.add(said, _TOLD)
        known = self.chosen.words.known
        self.choice.update(known, self.chosen.live.update(known, rows))
