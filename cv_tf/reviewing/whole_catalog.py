"""Precision and recall of a whole catalog, from the answers that are stored."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cv_tf.answers import Answer
from cv_tf.config import GroupingSettings
from cv_tf.embeddings import Embeddings
from cv_tf.reviewing.answered_groups import AnsweredGroups
from cv_tf.reviewing.random_share import Quality, RandomShare


def catalog_quality(
    embeddings: Embeddings,
    answers: Sequence[Answer],
    settings: GroupingSettings | None = None,
) -> Quality | None:
    """Estimates precision and recall of the groups that answers lead to.

    They are told by the groups that `Review` has drawn at random among its questions.
    Recall is that of variants in the same block.

    Args:
      embeddings: Embeddings of the catalog.
      answers: Answers in the order of time, as `AnswerStore.answers` returns them.
      settings: Settings of the grouping, as in the review; None for the defaults.

    Returns:
      Both with intervals that hold 95%; None while too few groups were drawn.
    """
    now = AnsweredGroups(embeddings, answers, settings or GroupingSettings())
    return quality_of(now, share_of(now))


def share_of(now: AnsweredGroups, seed: int = 0) -> RandomShare:
    """The sample that is drawn of a catalog; the seed is that of its order."""
    # Beside a product without neighbors there is nothing to show.
    has_beside = np.any(now.neighbors.indices >= 0, axis=1)
    return RandomShare(now.before, now.doubt_before, has_beside, seed)


def quality_of(now: AnsweredGroups, share: RandomShare) -> Quality | None:
    """The same of groups as they are now; `share` is the sample that is drawn."""
    drawn = {
        now.row_of[answer.inside[0]]: answer.stratum
        for answer in now.answers
        if answer.stratum
    }
    choice = now.choice
    known, of = now.all.words.known, now.chosen.live.of
    return share.estimate(
        drawn, of, known, choice.wrong, choice.missed, now.all.live.of
    )
