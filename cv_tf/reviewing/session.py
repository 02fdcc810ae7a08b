"""A session of questions: which is next, and what an answer changes."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from absl import logging

from cv_tf.answers import Answer, AnswersError, AnswerStore, kappa, said_of
from cv_tf.config import GroupingSettings
from cv_tf.embeddings import Embeddings
from cv_tf.grouping import (
    Constraints,
    Linked,
    choose_questions,
    find_neighbors,
    link_by_model,
)
from cv_tf.retrieval import Neighbors
from cv_tf.reviewing.choice import MOST_INSIDE, MOST_OUTSIDE, Choice
from cv_tf.reviewing.live_groups import LiveGroups
from cv_tf.reviewing.random_share import Quality, RandomShare
from cv_tf.reviewing.words import Words

# One question in so many is about a product drawn at random; one in so many is one that
# somebody else has answered, to see how far people agree.
_RANDOM_EVERY, _AGAIN_EVERY = 8, 25
# The model is learned anew after so many answers, then whenever there are a quarter
# more; of more products than this it is done in the background.
_FIRST_LESSON, _MORE = 10, 1.25
_MANY = 20_000
# Neighbors that are looked at for what is missing, times those that groups are made by.
_WIDER = 2
# Seconds after which a question that nobody has answered is asked again.
_FORGOTTEN = 600.0
# Pairs to ask about at first, where only pairs are asked about.
_FIRST_PAIRS = 40


class Question(NamedTuple):
    """Products to be shown, of which a person says which are one design.

    Attributes:
      kind: "pair", "line-up" (one product and what is beside it) or "group".
      inside: Ids of the product or group that is asked about.
      outside: Ids of those beside it.
      sets: What is proposed, or was said, for each of inside and outside, as in
        `cv_tf.answers.Answer`.
      stratum: Stratum of a product that was drawn at random; "" for others.
    """

    kind: str
    inside: tuple[str, ...]
    outside: tuple[str, ...]
    sets: tuple[int | None, ...]
    stratum: str = ""


class _World:
    """Groups by some of the answers: the words, and what follows from them."""

    def __init__(self, num_products: int):
        self.words = Words(num_products)
        self.live: LiveGroups

    def make(
        self, linked: Linked, threshold: float, settings: GroupingSettings, start: Any
    ) -> None:
        size = settings.max_group_size
        self.live = LiveGroups(linked, threshold, size, self.words.known, start)

    def add(self, said: list[tuple[int, int, bool]], by: str) -> np.ndarray:
        """Takes words in; returns the rows whose group is new, or which were shown."""
        self.words.add(said, by)
        rows = np.unique(np.array([pair[:2] for pair in said], np.int64))
        return np.union1d(rows, self.live.update(self.words.known, rows))


class Review:
    """Asks people about groups, and makes the groups anew by what they say.

    Questions are chosen by what their answer is expected to change. A share of them is
    about products drawn at random, by which precision and recall of all groups are
    estimated. For this, the choice does not know the answers about those: it is made on
    groups of its own, and a question that they answer is taken as answered.

    All methods may be called by several threads.

    Args:
      embeddings: Embeddings of the catalog.
      store: Answers so far, which new ones are added to.
      settings: Settings of the grouping; None for the defaults.
      threshold: Mean similarity at which groups join at first; None for the best that
        is expected.
      groups: Names of groups, by product, that stay together as far as nobody parts
        them, such as those of another tool; None to find them.
      neighbors: Neighbors, twice as many as the settings say; None to find them.
      learns: Whether threshold and model are learned from the answers.

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
        groups: Mapping[str, str] | None = None,
        neighbors: Neighbors | None = None,
        learns: bool = True,
    ):
        self._settings = settings or GroupingSettings()
        self._store, self._learns = store, learns
        self._distinct = embeddings.distinct
        self._ids = self._distinct.product_id
        ids, place = embeddings.product_id.tolist(), embeddings.copies.place
        self._row_of = dict(zip(ids, place.tolist(), strict=True))
        self._start = self._numbered(groups) if groups else None
        wider = dataclasses.replace(
            self._settings, neighbors=self._settings.neighbors * _WIDER
        )
        self._wide = neighbors or find_neighbors(
            embeddings, wider, "Finding neighbors"
        )
        own = self._settings.neighbors
        self._neighbors = Neighbors(
            self._wide.indices[:, :own], self._wide.similarities[:, :own]
        )
        nearest = np.where(self._wide.indices[:, 0] >= 0, self._wide.similarities[:, 0], -1)
        self._share = RandomShare(nearest)
        self._lock = threading.RLock()
        # What each person is asked at the moment: the rows, and when it was asked.
        self._asked: dict[str, tuple[tuple[int, ...], float]] = {}
        self._random_asked: dict[str, int] = {}
        self._answers = [it for it in store.answers() if self._is_known(it)]
        self._threshold = threshold
        self._learning = False
        self._lesson = len(self._answers)
        self._replay()
        self._learn_now(first=True)

    def _numbered(self, groups: Mapping[str, str]) -> np.ndarray:
        """Groups of products without copies by numbers, [n] int64."""
        names: dict[str, int] = {}
        number = np.arange(len(self._ids)) + len(groups)
        for product, name in groups.items():
            if product in self._row_of:
                number[self._row_of[product]] = names.setdefault(name, len(names))
        return number

    def _is_known(self, answer: Answer) -> bool:
        return all(name in self._row_of for name in answer.inside + answer.outside)
