"""Catalogs whose truth is known, as their merges are drawn from a logistic curve."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from cv_tf.embeddings import Embeddings
from cv_tf.grouping import Dendrograms, Evidence, PairModel, Scale
from cv_tf.grouping.learning import Answered
from cv_tf.retrieval import color_log_odds


class Curve(NamedTuple):
    """The parameters of the log-odds of a pair."""

    middle: float = 0.45
    slope: float = 12.0
    color: float = 1.0

    def probability(self, similarity: np.ndarray, color: np.ndarray) -> np.ndarray:
        """The probability of pairs, by a formula of its own."""
        odds = np.exp(self.slope * (similarity - self.middle) + self.color * color)
        return odds / (1 + odds)

    def model(self, scale: Scale | None = None) -> PairModel:
        """The model of somebody who knows the curve: each draw is the same."""
        draws = (np.full(50, value) for value in self)
        return PairModel(scale or Scale(), *draws)


@dataclass(frozen=True)
class Simulated:
    """Pairs of products that merge, most similar first.

    Attributes:
      curve: The true curve.
      evidence: Evidence of m merges.
      same: [m] bool, whether each pair are variants.
      products: The 2m products; pair i is 2i and 2i + 1.
    """

    curve: Curve
    evidence: Evidence
    same: np.ndarray
    products: Embeddings

    @cached_property
    def dendrograms(self) -> Dendrograms:
        """The merges; the level is the cosine, as if color made no difference."""
        rows = np.arange(2 * len(self.same), dtype=np.int32).reshape(-1, 2)
        levels = self.evidence.cosine
        return Dendrograms(
            2 * len(rows), rows, levels, floor=0.0, evidence=self.evidence
        )

    def answers(self, number: int, seed: int = 0) -> Answered:
        """The truth of merges that are drawn at random."""
        random = np.random.default_rng(seed)
        rows = random.permutation(len(self.same))[:number]
        return Answered(self.evidence[rows], self.same[rows].astype(np.float64))

    def figures(self, threshold: float) -> tuple[float, float, float]:
        """True precision, recall and F1 of the pairs that merge at a threshold."""
        kept = self.evidence.cosine >= threshold
        right = (self.same & kept).sum()
        grouped, true = kept.sum(), self.same.sum()
        return right / grouped, right / true, 2 * right / (grouped + true)


def simulate(
    curve: Curve | None = None,
    num_merges: int = 400,
    seed: int = 0,
    colored: bool = False,
    lowest: float = 0.15,
) -> Simulated:
    """Draws a catalog: similarities evenly from `lowest` to 0.95, colors, and truth.

    Of pairs that are no variants, colors are as far apart as those of strangers; those
    of variants are farther, by the log-odds of color.
    """
    curve = curve or Curve()
    random = np.random.default_rng(seed)
    similarity = np.sort(random.uniform(lowest, 0.95, num_merges))[::-1]
    vectors = np.zeros((2 * num_merges, 2), np.float32)
    vectors[:, 0] = 1
    color, lab = np.zeros(num_merges), None
    if colored:
        lab = random.uniform([10, -40, -40], [90, 40, 40], (2 * num_merges, 3))
        lab = lab.astype(np.float32)
        strangers = color_log_odds(*random.permutation(lab)[:120].reshape(2, 60, 3))
        weight = 1 + np.exp(
            curve.slope * (similarity[:, None] - curve.middle) + curve.color * strangers
        )
        steps = np.cumsum(weight, axis=1)
        drawn = random.uniform(0, steps[:, -1])
        color = strangers[(steps < drawn[:, None]).sum(axis=1)].astype(np.float64)
    same = random.uniform(size=num_merges) < curve.probability(similarity, color)
    evidence = Evidence(similarity, color, np.ones(num_merges))
    return Simulated(curve, evidence, same, Embeddings.of_arrays(vectors, lab=lab))
