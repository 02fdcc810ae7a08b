"""What one set of products with one kind of vectors is measured by, for shops.py."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from labelled import Pairs, f1_score, pairs_of, search

from cv_tf.config import GroupingSettings
from cv_tf.embeddings import Embeddings
from cv_tf.grouping import (
    Answers,
    Interval,
    Linked,
    PairModel,
    calibrate,
    calibrate_on,
    choose_questions,
    find_neighbors,
    link_by_model,
)
from cv_tf.metrics import Resampling, Score, mean_of
from cv_tf.metrics.retrieval import count_variants
from cv_tf.retrieval import Neighbors

NUM_ANSWERS = (30, 60, 200)
NUM_DRAWS = 15
# Shares of products with variants, below which they are called few and some.
FEW, SOME = 0.25, 0.6


class Estimated(NamedTuple):
    """What a model expected of its groups, and what they were."""

    expected: Interval
    true: float


class Cut(NamedTuple):
    """Groups of a catalog at the threshold of a model.

    Attributes:
      chosen: F1 at the threshold that the model chooses.
      best: F1 at the best threshold of the same merges.
      precision: Pairwise precision, expected and true; None if all were alone.
      recall: Pairwise recall, expected and true.
    """

    chosen: Score
    best: Score
    precision: Estimated | None
    recall: Estimated | None


def measure(
    embeddings: Embeddings,
    asked: np.ndarray,
    num_draws: int = NUM_DRAWS,
    with_answers: bool = True,
) -> dict[str, Any]:
    """All figures of a set: numbers, intervals and their differences.

    Args:
      embeddings: Embeddings of n products with their styles.
      asked: [n] bool, products whose variants are searched for.
      num_draws: Number of draws of questions for each number of them.
      with_answers: Whether answers are tried.
    """
    rows = embeddings.rows_to_measure
    embeddings, asked = embeddings.select(rows), asked[rows]
    figures = retrieval(embeddings, asked)
    grouping = Grouping(embeddings)
    figures["share_with_variants"] = grouping.share_with_variants
    figures["variants"] = grouping.hint
    figures["draws"] = num_draws if with_answers else 0
    off, auto = grouping.cut(color="off"), grouping.cut()
    hinted = grouping.cut(variants=grouping.hint)
    scores = {
        "best_f1_off": off.best,
        "best_f1_auto": auto.best,
        "best_f1_labels": grouping.best(grouping.taught()),
        "f1_off": off.chosen,
        "f1_0": auto.chosen,
        "f1_hint": hinted.chosen,
        "f1_0_gain": auto.chosen - off.chosen,
        "f1_0_short": auto.best - auto.chosen,
        "f1_hint_short": hinted.best - hinted.chosen,
    }
    drawn = {"0": [auto], "hint": [hinted]}
    for number in NUM_ANSWERS if with_answers else ():
        cuts = [grouping.answered(number, seed) for seed in range(num_draws)]
        chosen, best = (
            mean_of([getattr(it, of) for it in cuts]) for of in ("chosen", "best")
        )
        scores[f"f1_{number}"], scores[f"best_f1_{number}"] = chosen, best
        scores[f"f1_{number}_short"] = best - chosen
        drawn[str(number)] = cuts
    scores |= gains(scores)
    figures |= {name: score.summary() for name, score in scores.items()}
    for number, cuts in drawn.items():
        of = [cut.chosen.value for cut in cuts]
        figures[f"f1_{number}"]["least"] = min(of)
    figures["estimated"] = {number: coverage(cuts) for number, cuts in drawn.items()}
    return figures


def gains(scores: dict[str, Score]) -> dict[str, Score]:
    """What color adds to the best F1, as is usual, as answers and as labels tell."""
    kinds = ("auto", "60", "labels")
    return {
        f"best_f1_{kind}_gain": scores[f"best_f1_{kind}"] - scores["best_f1_off"]
        for kind in kinds
        if f"best_f1_{kind}" in scores
    }


def retrieval(embeddings: Embeddings, asked: np.ndarray) -> dict[str, Any]:
    """Recall@1 and mAP@R in block, without color and with it."""
    resampling = Resampling(embeddings.known_style)
    figures: dict[str, Any] = {"num_products": len(embeddings)}
    of_color: dict[str, tuple[Score, Score]] = {}
    for color in ("off", "auto"):
        found = search(embeddings, asked, color)
        of_color[color] = (
            resampling.of_queries(found.first, found.styles),
            resampling.of_queries(found.precision, found.styles),
        )
        figures["num_queries"] = len(found.styles)
    for place, name in enumerate(("recall_at_1", "map_at_r")):
        off, auto = (of_color[color][place] for color in ("off", "auto"))
        figures[f"{name}_off"] = off.summary()
        figures[f"{name}_auto"] = auto.summary()
        figures[f"{name}_gain"] = (auto - off).summary()
    return figures


class Grouping:
    """Groups the products of a set in several ways, and compares them with styles."""

    def __init__(self, embeddings: Embeddings):
        self._embeddings, self._distinct = embeddings, embeddings.distinct
        self._neighbors: Neighbors = find_neighbors(embeddings)
        self._styles = self._distinct.known_style
        self._known = np.flatnonzero(self._styles >= 0)
        self._resampling = Resampling(self._styles[self._known])
        self._plain = self._link(GroupingSettings())

    @property
    def share_with_variants(self) -> float:
        """The share of products that have a variant, 0 to 1."""
        return float((count_variants(self._styles) > 0).mean())

    @property
    def hint(self) -> str:
        """What a person who knows the shop would say of that share."""
        share = self.share_with_variants
        return "few" if share < FEW else "some" if share <= SOME else "most"

    def cut(self, **settings: str) -> Cut:
        """Groups by settings alone."""
        return self._cut(self._link(GroupingSettings(**settings)))

    def answered(self, number: int, seed: int) -> Cut:
        """Groups after the answers to so many questions, drawn with a seed."""
        asked = choose_questions(self._plain, number, seed=seed)
        same = self._styles[asked.first] == self._styles[asked.second]
        answers = Answers(asked.first, asked.second, same)
        return self._cut(self._link(GroupingSettings(), answers))

    def taught(self) -> PairModel | None:
        """The model that all labels teach."""
        return calibrate_on(self._embeddings, neighbors=self._neighbors).model

    def best(self, model: PairModel | None) -> Score:
        """F1 at the best threshold of merges with the color of a model."""
        linked = self._link(GroupingSettings(), model=model)
        return f1_score(
            self._resampling, self._pairs(linked, self._best_threshold(linked))
        )

    def _link(
        self,
        settings: GroupingSettings,
        answers: Answers | None = None,
        model: PairModel | None = None,
    ) -> Linked:
        return link_by_model(self._distinct, self._neighbors, settings, answers, model)

    def _cut(self, linked: Linked) -> Cut:
        threshold = linked.best_threshold()
        chosen = self._pairs(linked, threshold)
        best = self._pairs(linked, self._best_threshold(linked))
        expected = linked.expect(threshold)
        precision = recall = None
        if expected is not None:
            right, grouped, true = (of.sum() for of in chosen)
            precision = Estimated(expected.precision, float(right / max(grouped, 1)))
            recall = Estimated(expected.recall, float(right / true))
        scores = (f1_score(self._resampling, pairs) for pairs in (chosen, best))
        return Cut(*scores, precision, recall)

    def _best_threshold(self, linked: Linked) -> float:
        """The threshold of the best F1 between any two merges."""
        return calibrate(linked.dendrograms, self._styles).threshold

    def _pairs(self, linked: Linked, threshold: float) -> Pairs:
        groups = linked.dendrograms.cut(threshold)
        return pairs_of(self._styles[self._known], groups[self._known])


def coverage(cuts: list[Cut]) -> dict[str, Any]:
    """How estimates of precision and recall compare with the truth, over draws."""
    figures = {}
    for name in ("precision", "recall"):
        cases = [of for of in (getattr(cut, name) for cut in cuts) if of is not None]
        held = [of.expected.low <= of.true <= of.expected.high for of in cases]
        figures[name] = {
            "expected": float(np.mean([of.expected.estimate for of in cases])),
            "true": float(np.mean([of.true for of in cases])),
            "held": float(np.mean(held)),
            "width": float(
                np.mean([of.expected.high - of.expected.low for of in cases])
            ),
            "draws": len(cases),
        }
    return figures
