"""What is said of each product: its group, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cv_tf.grouping.certainty import Certainty
from cv_tf.grouping.similarity import Likeness
from cv_tf.retrieval import Neighbors


@dataclass(frozen=True, eq=False)
class Verdicts:
    """What is said of n products.

    Attributes:
      confidence: `[n]` float64, how sure it is that the product belongs with its group
        and with nothing else, 0 to 1.
      nearest_other: `[n]` int32, the row of the most similar product outside of its
        group; -1 where there is none.
      similarity: `[n]` float32, the similarity to it; -inf where there is none.
    """

    confidence: np.ndarray
    nearest_other: np.ndarray
    similarity: np.ndarray


def judge(
    groups: np.ndarray,
    likeness: Likeness,
    neighbors: Neighbors,
    certainty: Certainty,
) -> Verdicts:
    """Says how sure each product's place is.

    A product belongs where it is if it is alike to the others of its group (their mean
    likeness; there is nothing to doubt in a group of one), and not to the nearest
    product outside: confidence is the product of both probabilities.

    Args:
      groups: `[n]` integers, each product's group.
      likeness: Of the products.
      neighbors: Of every product, in the order of their rows.
      certainty: From likeness to probability.
    """
    rows = np.arange(len(groups))
    outside = neighbors.indices >= 0
    outside &= groups[neighbors.indices] != groups[:, None]
    place = outside.argmax(axis=1)
    has_other = outside[rows, place]
    other = np.where(has_other, neighbors.indices[rows, place], -1)
    similarity = np.where(has_other, neighbors.similarities[rows, place], -np.inf)

    belongs = np.ones(len(groups))
    is_grouped, inside = _likeness_to_own(groups, likeness)
    belongs[is_grouped] = certainty(inside)
    strayed = np.zeros(len(groups))
    strayed[has_other] = certainty(likeness.of_pairs(rows[has_other], other[has_other]))
    return Verdicts(
        confidence=belongs * (1 - strayed),
        nearest_other=other.astype(np.int32),
        similarity=similarity.astype(np.float32),
    )


def pairs_within(groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every product with every other of its group, in both orders.

    Args:
      groups: `[n]` integers.

    Returns:
      Two `[num_pairs]` int64 arrays of rows, the first ascending by group.
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


def _likeness_to_own(
    groups: np.ndarray, likeness: Likeness
) -> tuple[np.ndarray, np.ndarray]:
    """Rows of products that are not alone, and their mean likeness to the others."""
    first, second = pairs_within(groups)
    num_others = np.bincount(first, minlength=len(groups))
    total = np.bincount(first, likeness.of_pairs(first, second), len(groups))
    rows = np.flatnonzero(num_others)
    return rows, total[rows] / num_others[rows]
