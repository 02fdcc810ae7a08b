"""The merges of groups in their order: cuts at a threshold, and counts of pairs."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from cv_tf.errors import UserError


@dataclass(frozen=True, eq=False)
class Evidence:
    """What speaks for the merges of groups: the means of all pairs of their products.

    Attributes:
      cosine: [m] float64, mean cosine similarity.
      color: [m] float64, mean `color_log_odds`; 0 where color makes no difference.
      num_pairs: [m] float64, number of pairs of products.
    """

    cosine: np.ndarray
    color: np.ndarray
    num_pairs: np.ndarray

    def __len__(self) -> int:
        return len(self.cosine)

    def __getitem__(self, merges: np.ndarray | slice) -> Evidence:
        """That of some merges."""
        return Evidence(self.cosine[merges], self.color[merges], self.num_pairs[merges])


@dataclass(frozen=True)
class Dendrograms:
    """Which groups merge at which similarity, for all blocks at once.

    A group is named by the lowest row number among its products. So the merges are the
    edges of a forest of rows, and the groups at a threshold are the connected
    components of the edges that reach it.

    Attributes:
      num_products: Number of products, merged or not.
      merges: [num_merges, 2] int32, the lowest rows of the two groups that merge, the
        lower first. Merges of a group come after those that made it.
      similarities: [num_merges] float64, descending: the mean similarity of the
        products of both groups; infinite for merges to the groups linkage started from.
      floor: Similarity below which nothing was merged, so that no cut is possible.
      num_refused: Number of merges left out, as a group would have become too large.
      evidence: Evidence of the merges; None where another tool has made them.
      num_certain: Number of the first merges that are of products which are known to
        be together.
    """

    num_products: int
    merges: np.ndarray
    similarities: np.ndarray
    floor: float = -1.0
    num_refused: int = 0
    evidence: Evidence | None = None
    num_certain: int = 0

    @property
    def known_evidence(self) -> Evidence:
        """The column `evidence`, for what cannot do without; a ValueError if None."""
        if self.evidence is None:
            raise UserError(
                "Nothing is known of the pairs of these merges. Use those that "
                "cv_tf.grouping.link makes."
            )
        return self.evidence

    def cut(self, threshold: float) -> np.ndarray:
        """The group of each product, [num_products] int32, at a threshold, -1 to 1.

        Groups are numbered in the order of their first products. A threshold that is
        NaN, or below the floor, is a ValueError.
        """
        if np.isnan(threshold):
            raise UserError(
                "The threshold is NaN; expected a similarity in [-1, 1]. Calibrate it "
                "on labelled products, or set it."
            )
        if threshold < self.floor:
            raise UserError(
                f"The threshold {threshold} is below {self.floor}, down to which "
                "products were linked. Link them further down."
            )
        kept = np.searchsorted(-self.similarities, -threshold, side="right")
        first, second = self.merges[:kept].T
        graph = sparse.coo_array(
            (np.ones(kept, np.int8), (first, second)), shape=(self.num_products,) * 2
        )
        _, groups = csgraph.connected_components(graph, directed=False)
        return groups.astype(np.int32)

    def with_copies(self, place: np.ndarray) -> Dendrograms:
        """The merges of m products, after those of each product with its copies.

        `place`, [m] int, says for each of m products which of these products it is, or
        is a copy of; all of them are there. Copies merge at a similarity of 1.
        """
        lowest = np.unique(place, return_index=True)[1]
        first = lowest[place]
        copies = np.flatnonzero(first != np.arange(len(place)))
        merges = np.stack([first[copies], copies], axis=1)
        level = np.full(len(copies), max(1.0, self.similarities.max(initial=1.0)))
        return replace(
            self,
            num_products=len(place),
            merges=np.concatenate([merges, lowest[self.merges]]).astype(np.int32),
            similarities=np.concatenate([level, self.similarities]),
            evidence=None,
        )


def count_pairs(
    dendrograms: Dendrograms, styles: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Counts the pairs grouped rightly and wrongly, [num_merges + 1] int64 each.

    The first counts are those before any merge. Pairs with a product of unknown style,
    -1, are not counted; styles that do not fit are a ValueError.
    """
    styles = np.asarray(styles)
    if styles.shape != (dendrograms.num_products,):
        raise UserError(
            f"Styles have shape {styles.shape}; expected "
            f"({dendrograms.num_products},), one style for each linked product. Pass "
            "the styles of the same rows in the same order."
        )
    # How many products of each style a group has, under the group's lowest row.
    members = [{style: 1} if style >= 0 else {} for style in styles.tolist()]
    num_members = [len(group) for group in members]
    right = np.zeros(len(dendrograms.merges) + 1, np.int64)
    total = np.zeros_like(right)
    for step, (first, second) in enumerate(dendrograms.merges.tolist(), start=1):
        total[step] = num_members[first] * num_members[second]
        num_members[first] += num_members[second]
        large, small = members[first], members[second]
        # The smaller is added to the larger: O(n log n) moves in all.
        if len(large) < len(small):
            large, small = small, large
        for style, count in small.items():
            right[step] += count * large.get(style, 0)
            large[style] = large.get(style, 0) + count
        members[first], members[second] = large, {}
    right, total = right.cumsum(), total.cumsum()
    return right, total - right
