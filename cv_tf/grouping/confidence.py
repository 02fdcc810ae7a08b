"""The confidence that a product belongs with its group, and with no other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cv_tf.embeddings import Copies
from cv_tf.grouping.constraints import Constraints
from cv_tf.grouping.members import pairs_within
from cv_tf.grouping.pair_model import PairModel
from cv_tf.grouping.similarity import Similarity
from cv_tf.retrieval import Neighbors


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
    model: PairModel,
    known: Constraints | None = None,
) -> Confidence:
    """Computes the confidence in the place of each product in `groups`, [n] int.

    A product belongs where it is if it is similar to the others of its group (by the
    mean similarity; there is nothing to doubt in a group of one), and not similar to
    the nearest product outside: confidence is the product of both probabilities. What
    is known is not doubted: products that are together, and those outside that are
    apart.
    """
    rows = np.arange(len(groups))
    is_other = groups[neighbors.indices] != groups[:, None]
    outside = is_other & (neighbors.indices >= 0)
    if known is not None:
        first, place = np.nonzero(outside)
        is_apart = known.are_apart(first, neighbors.indices[first, place])
        outside[first[is_apart], place[is_apart]] = False
    place = outside.argmax(axis=1)
    has_other = outside[rows, place]
    other = np.where(has_other, neighbors.indices[rows, place], -1)
    nearest = np.where(has_other, neighbors.similarities[rows, place], -np.inf)

    belongs = np.ones(len(groups))
    is_grouped, cosine, color = _evidence_of_own(groups, similarity, known)
    belongs[is_grouped] = model.probability(cosine, color)
    strayed = np.zeros(len(groups))
    strayed[has_other] = model.probability(
        *similarity.evidence(rows[has_other], other[has_other])
    )
    return Confidence(
        probability=belongs * (1 - strayed),
        nearest_other=other.astype(np.int32),
        similarity=nearest.astype(np.float32),
    )


def _evidence_of_own(
    groups: np.ndarray, similarity: Similarity, known: Constraints | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of products that are not alone, and their mean evidence with their group.

    Products that are known to be together are left out.
    """
    first, second = pairs_within(groups)
    if known is not None:
        doubted = known.together[first] != known.together[second]
        first, second = first[doubted], second[doubted]
    num_others = np.bincount(first, minlength=len(groups))
    rows = np.flatnonzero(num_others)
    cosine, color = (
        np.bincount(first, of, len(groups))[rows] / num_others[rows]
        for of in similarity.evidence(first, second)
    )
    return rows, cosine, color
