"""The confidence that a product belongs with its group, and with no other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression

from cv_tf.embeddings import Copies
from cv_tf.grouping.similarity import Similarity
from cv_tf.retrieval import Neighbors

# Width of the curve without labels: a similarity of 0.05 above the threshold has a
# probability of 0.73.
_WIDTH = 0.05
_UNREGULARIZED = 1e6


@dataclass(frozen=True)
class ConfidenceCurve:
    """A logistic curve from similarity to probability.

    Attributes:
      middle: Similarity at which the probability is one half.
      width: Increase of the similarity that multiplies the odds by e.
    """

    middle: float
    width: float = _WIDTH

    def __call__(self, similarity: np.ndarray) -> np.ndarray:
        """The probabilities, [m] float64, of [m] similarities."""
        scaled = (np.asarray(similarity, np.float64) - self.middle) / self.width
        return 1 / (1 + np.exp(-np.clip(scaled, -50, 50)))


def fit_confidence_curve(
    levels: np.ndarray, right: np.ndarray, wrong: np.ndarray
) -> ConfidenceCurve | None:
    """Fits the curve to merges of labelled products (Platt, 1999).

    Each of [m] merges at `levels` of similarity has brought together pairs of one style
    (`right`) and of two (`wrong`). None if probability does not rise with similarity.
    """
    total = right + wrong
    known = (total > 0) & np.isfinite(levels)
    share = right[known] / total[known]
    # Each merge is one case, however many pairs it has, weighted by their share.
    cases = np.tile(levels[known], 2)[:, None]
    is_right = np.repeat([1, 0], len(share))
    weight = np.concatenate([share, 1 - share])
    if not 0 < weight[: len(share)].sum() < len(share):
        return None
    model = LogisticRegression(C=_UNREGULARIZED).fit(cases, is_right, weight)
    slope = float(model.coef_[0, 0])
    if slope <= 0:
        return None
    return ConfidenceCurve(float(-model.intercept_[0] / slope), 1 / slope)


@dataclass(frozen=True, eq=False)
class Confidence:
    """The confidence in the places of n products.

    Attributes:
      probability: [n] float64, 0 to 1, that the product belongs with its group alone.
      nearest_other: [n] int32, row of the nearest product outside of its group, or -1.
      similarity: [n] float32, similarity to that product; -inf where there is none.
    """

    probability: np.ndarray
    nearest_other: np.ndarray
    similarity: np.ndarray

    def with_copies(self, copies: Copies) -> Confidence:
        """That of all products, from that of the products that are no copies."""
        other = self.nearest_other
        rows = np.where(other >= 0, copies.rows[other], -1).astype(np.int32)
        place = copies.place
        return Confidence(self.probability[place], rows[place], self.similarity[place])


def find_confidence(
    groups: np.ndarray,
    similarity: Similarity,
    neighbors: Neighbors,
    confidence_curve: ConfidenceCurve,
) -> Confidence:
    """Computes the confidence in the place of each product in `groups`, [n] int.

    A product belongs where it is if it is similar to the others of its group (by the
    mean similarity; there is nothing to doubt in a group of one), and not similar to
    the nearest product outside: confidence is the product of both probabilities.
    """
    rows = np.arange(len(groups))
    is_other = groups[neighbors.indices] != groups[:, None]
    outside = is_other & (neighbors.indices >= 0)
    place = outside.argmax(axis=1)
    has_other = outside[rows, place]
    other = np.where(has_other, neighbors.indices[rows, place], -1)
    nearest = np.where(has_other, neighbors.similarities[rows, place], -np.inf)

    belongs = np.ones(len(groups))
    is_grouped, inside = _similarity_to_own(groups, similarity)
    belongs[is_grouped] = confidence_curve(inside)
    strayed = np.zeros(len(groups))
    strayed[has_other] = confidence_curve(
        similarity.of_pairs(rows[has_other], other[has_other])
    )
    return Confidence(
        probability=belongs * (1 - strayed),
        nearest_other=other.astype(np.int32),
        similarity=nearest.astype(np.float32),
    )


def pairs_within(groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers of every product with every other of its group, in both orders.

    `groups` is [n] int; the arrays are [num_pairs] int64, the first ascending by group.
    """
    _, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    order = np.argsort(group, kind="stable")
    order = order[sizes[group[order]] > 1]
    size = sizes[group[order]]
    start = np.searchsorted(group[order], group[order])
    first = np.repeat(np.arange(len(order)), size)
    place = np.arange(len(first)) - np.repeat(np.cumsum(size) - size, size)
    second = start[first] + place
    apart = first != second
    return order[first[apart]], order[second[apart]]


def _similarity_to_own(
    groups: np.ndarray, similarity: Similarity
) -> tuple[np.ndarray, np.ndarray]:
    """Rows of products that are not alone, and their mean similarity to their group."""
    first, second = pairs_within(groups)
    num_others = np.bincount(first, minlength=len(groups))
    total = np.bincount(first, similarity.of_pairs(first, second), len(groups))
    rows = np.flatnonzero(num_others)
    return rows, total[rows] / num_others[rows]
