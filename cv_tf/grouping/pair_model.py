"""The probability that two products are color variants, from all that is seen of them.

The model is that of record linkage (Fellegi and Sunter, "A Theory for Record Linkage",
JASA, 1969): each kind of evidence of a pair adds to the log-odds of a match. Here they
are the similarity of two products and the distance of their colors:

    log-odds = slope * (similarity - middle) + color * color_log_odds

What the three parameters are depends on the shop. Without any answer they are known as
well as other shops tell, which is vaguely; every answer of a person, or label, narrows
them down (`cv_tf.grouping.learning`). So the model holds many draws of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from cv_tf.config import RankingSettings
from cv_tf.embeddings import Embeddings, rows_at_once, take_rows
from cv_tf.grouping.dendrograms import Evidence
from cv_tf.retrieval import OTHER_COLOR, SAME_COLOR, Neighbors

# The slope and the strength of color of catalogs of two retailers, roughly.
USUAL_SLOPE = 12.0
USUAL_COLOR = 1.0
# The largest discount for the very same color, which `--color` allows, too: the
# similarities of no two pairs are further apart.
_MOST_DISCOUNT = 2.0
# Pairs of products may be variants where a catalog has few: a similarity of 0 counts
# as much as this many of them.
_FEW_PAIRS = 100
# Where all products are as good as equal, similarities are told apart no further: their
# rounding errors, and lengths that are not quite 1, would count as differences.
_MOST_BACKGROUND = 0.9999
# Range of the similarity of last neighbors that is believed; where groups are so large
# that these are variants, they say nothing.
_CROWDED = (-0.15, 0.5)
_SATURATION = 0.8
# What neighbors in common are worth in rankings, on the scale of `Scale.standard`.
# 0.43 and more cost recall@5, on photos of two retailers.
_SHARED = 0.2
# Neighbors of which the last one is believed to be a stranger.
_FEW = 5


@dataclass(frozen=True)
class Scale:
    """What similarities mean in a catalog.

    Attributes:
      background: Mean cosine similarity of two products of one block, 0 to 0.9999.
      crowding: Similarity that variants must have above that elsewhere, on the scale of
        `standard`. It goes by the similarity of half of the products to the last of
        their neighbors, less where that is high: the more products a block has, the
        more of them look alike by chance.
    """

    background: float = 0.0
    crowding: float = 0.0

    @classmethod
    def of(
        cls,
        distinct: Embeddings,
        neighbors: Neighbors,
        counted: np.ndarray | None = None,
    ) -> Scale:
        """The scale of products without copies, from their neighbors.

        `counted`, [m] int, are the rows that count; None for all.
        """
        some = distinct
        if counted is not None and len(counted) < len(distinct):
            some = distinct.select(counted)
        scale = cls(background_of(some))
        num_neighbors = (neighbors.indices >= 0).sum(axis=1)
        enough = num_neighbors >= min(_FEW, neighbors.indices.shape[1])
        if counted is not None:
            enough &= np.isin(np.arange(len(enough)), counted)
        rows = np.flatnonzero(enough)
        if not len(rows):
            return scale
        last = neighbors.similarities[rows, num_neighbors[rows] - 1]
        last = scale.standard(np.median(last))
        last = float(np.clip(last, *_CROWDED))
        return cls(scale.background, last - _SATURATION * last**2)

    def standard(self, cosine: np.ndarray) -> np.ndarray:
        """Similarities on a scale where strangers have 0 and equals have 1."""
        return (cosine - self.background) / (1 - self.background)

    def cosine(self, standard: float) -> float:
        """The cosine similarity of a similarity on that scale."""
        return self.background + standard * (1 - self.background)

    def color_weight(self, color: float, slope: float = USUAL_SLOPE) -> float:
        """The similarity that a unit of color's log-odds is worth."""
        return color / slope * (1 - self.background)

    @staticmethod
    def settled_weight(setting: str) -> float | None:
        """The weight that `--color` settles; None if it is left to the evidence."""
        if setting == "auto":
            return None
        value = 0.0 if setting == "off" else float(setting)
        return value / (OTHER_COLOR - SAME_COLOR)

    def usual_weight(self, setting: str) -> float:
        """The weight of color where nobody has answered, by the setting `--color`."""
        settled = self.settled_weight(setting)
        return self.color_weight(USUAL_COLOR) if settled is None else settled


@dataclass(frozen=True, eq=False)
class Parameters:
    """Points in the space of the parameters, [d] float64 each; see `PairModel`."""

    middle: np.ndarray
    slope: np.ndarray
    color: np.ndarray

    def log_odds(self, similarity: np.ndarray, color: np.ndarray) -> np.ndarray:
        """Log-odds of [m] pairs, [d, m], by similarity on the scale of the catalog."""
        odds = self.slope[:, None] * (similarity - self.middle[:, None])
        return odds + self.color[:, None] * color


@dataclass(frozen=True, eq=False)
class PairModel:
    """Probabilities of pairs in a catalog, and how well they are known.

    Attributes:
      scale: Scale of the catalog's similarities.
      middle: [d] float64, draws of the similarity, on the scale of `Scale.standard`, of
        even odds.
      slope: [d] float64, draws of the increase of log-odds with similarity.
      color: [d] float64, draws of the strength of color; 0 where it is ignored.
      num_answers: Number of pairs that people have answered or labelled.
      settled_weight: Weight of color that is not learned; None if it is.

    Example:
      >>> import numpy as np
      >>> from cv_tf.grouping import PairModel, Scale
      >>> model = PairModel(Scale(), *np.array([[0.4, 0.5], [12, 12], [1, 1]]))
      >>> model.probability(np.array([0.45, 0.8]), np.array([0.0, 0.0])).round(2)
      array([0.5 , 0.99])
    """

    scale: Scale
    middle: np.ndarray
    slope: np.ndarray
    color: np.ndarray
    num_answers: int = 0
    settled_weight: float | None = None

    @cached_property
    def color_weight(self) -> float:
        """The similarity that a unit of color's log-odds is worth when groups merge.

        That of usual catalogs, unless answers tell; its discount is 2 at most.
        """
        if self.settled_weight is not None:
            return self.settled_weight
        if not self.num_answers:
            return self.scale.color_weight(USUAL_COLOR)
        weight = self.scale.color_weight(self.color.mean(), self.slope.mean())
        return min(float(weight), _MOST_DISCOUNT / (OTHER_COLOR - SAME_COLOR))

    def probability(self, cosine: np.ndarray, color: np.ndarray) -> np.ndarray:
        """The probabilities, [m] float64, of pairs with parameters as expected.

        Args:
          cosine: [m] cosine similarities.
          color: [m] log-odds of color, 0 where unknown (`color_log_odds`).
        """
        drawn = (self.middle, self.slope, self.color)
        mean = Parameters(*(of.mean(keepdims=True) for of in drawn))
        similarity = self.scale.standard(np.asarray(cosine, np.float64))
        return logistic(mean.log_odds(similarity, np.asarray(color, np.float64))[0])

    def drawn(self, evidence: Evidence) -> np.ndarray:
        """The probabilities of merges by each draw of the parameters, [d, m]."""
        parameters = Parameters(self.middle, self.slope, self.color)
        similarity = self.scale.standard(evidence.cosine)
        return logistic(parameters.log_odds(similarity, evidence.color))

    def level(self, probability: float, color: float = 0.0) -> float:
        """The mean similarity, less the discount for color, of pairs so probable."""
        odds = np.log(probability / (1 - probability)) - self.color.mean() * color
        cosine = self.scale.cosine(self.middle.mean() + odds / self.slope.mean())
        return float(cosine - self.color_weight * (OTHER_COLOR - color))

    def summary(self) -> dict[str, float]:
        """The parameters and their standard deviations, by name."""
        of = {"middle": self.middle, "slope": self.slope, "color": self.color}
        spread = {f"{name}_deviation": float(it.std()) for name, it in of.items()}
        return {
            "background": self.scale.background,
            **{name: float(it.mean()) for name, it in of.items()},
            **spread,
        }


def full_discount(color_weight: float) -> float:
    """The discount for the very same color, of a weight of color's log-odds."""
    return color_weight * (OTHER_COLOR - SAME_COLOR)


class RankingWeights(NamedTuple):
    """What counts in rankings of neighbors, beside the similarity of their vectors.

    Attributes:
      color: Similarity that a unit of color's log-odds is worth, 0 or more.
      shared: Similarity that neighbors in common are worth, 0 or more.
    """

    color: float
    shared: float


def ranking_weights(
    embeddings: Embeddings, settings: RankingSettings
) -> RankingWeights:
    """The weights in rankings of neighbors, by the settings.

    Where these leave nothing to be learned, no vector is looked at.
    """
    is_known = embeddings.lab is not None
    settled = Scale.settled_weight(settings.color) if is_known else 0.0
    if settled is not None and not settings.second_look:
        return RankingWeights(settled, 0.0)
    scale = Scale(background_of(embeddings))
    color = scale.usual_weight(settings.color) if settled is None else settled
    shared = _SHARED * (1 - scale.background) if settings.second_look else 0.0
    return RankingWeights(color, shared)


def logistic(log_odds: np.ndarray) -> np.ndarray:
    """Probabilities of log-odds."""
    return 1 / (1 + np.exp(-np.clip(log_odds, -50, 50)))


def background_of(embeddings: Embeddings) -> float:
    """The mean similarity of two products of one block, 0 to 0.9999; nearer 0 if few.

    All pairs count, by the sums of vectors: nothing is left to chance.
    """
    vectors, total, num_pairs = embeddings.vectors, 0.0, 0
    order = np.argsort(embeddings.block, kind="stable")
    ends = np.flatnonzero(np.diff(embeddings.block[order])) + 1
    for rows in np.split(order, ends):
        if len(rows) < 2:
            continue
        own, added = 0.0, np.zeros(vectors.shape[1])
        chunk = rows_at_once(vectors.shape[1])
        for start in range(0, len(rows), chunk):
            some = take_rows(vectors, rows[start : start + chunk])
            added += some.sum(axis=0, dtype=np.float64)
            own += float(np.einsum("nd,nd->n", some, some).sum(dtype=np.float64))
        total += (float(added @ added) - own) / 2
        num_pairs += len(rows) * (len(rows) - 1) // 2
    return min(max(total / (num_pairs + _FEW_PAIRS), 0.0), _MOST_BACKGROUND)
