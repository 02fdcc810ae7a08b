"""The similarity of products, with a discount for those of the same color."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cv_tf.embeddings import Embeddings, rows_at_once, take_rows
from cv_tf.grouping.members import Members
from cv_tf.retrieval import OTHER_COLOR, color_log_odds

# Pairs of products of groups that are compared at a time.
_MAX_PAIRS = 2**23


@dataclass(frozen=True, eq=False)
class Similarity:
    """Similarity of design, less a discount for products of like colors.

    The more the colors of two products speak against their being variants, the larger
    is the discount; there is none for colors that could hardly be further apart.
    Nothing is excluded: similarity that outweighs the discount still groups products.

    Attributes:
      vectors: [m, dimensions] float16 or float32, L2-normalized.
      colors: [n, 3] float32 in CIELAB, NaN where unknown; None if none is known.
      color_weight: Similarity that a unit of `color_log_odds` is worth; 0 ignores
        color.
      rows: [n] int, rows of the n products among the vectors; None if all are, in
        their order.
    """

    vectors: np.ndarray
    colors: np.ndarray | None = None
    color_weight: float = 0.0
    rows: np.ndarray | None = None

    @classmethod
    def of(cls, embeddings: Embeddings, color_weight: float) -> Similarity:
        """The similarity of products by their vectors and colors."""
        return cls(embeddings.vectors, embeddings.lab, color_weight)

    def __len__(self) -> int:
        return len(self.vectors) if self.rows is None else len(self.rows)

    @property
    def knows_color(self) -> bool:
        """Whether color makes a difference."""
        return self.colors is not None and self.color_weight > 0

    def select(self, rows: np.ndarray) -> Similarity:
        """The similarity of some products, by rows; their vectors are not copied."""
        colors = None if self.colors is None else self.colors[rows]
        own = rows if self.rows is None else self.rows[rows]
        return Similarity(self.vectors, colors, self.color_weight, own)

    def vectors_of(self, rows: np.ndarray) -> np.ndarray:
        """The vectors of some products, [m, dimensions] float32, given by [m] int."""
        return take_rows(self.vectors, rows if self.rows is None else self.rows[rows])

    def of_pairs(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """The similarities, [m] float32, of the rows `first` and `second`, [m] int."""
        return self.discounted(*self.evidence(first, second))

    def discounted(self, cosine: np.ndarray, color: np.ndarray) -> np.ndarray:
        """Cosine similarities less the discounts for colors, [m] log-odds."""
        if not self.knows_color:
            return cosine
        return cosine - self.color_weight * (OTHER_COLOR - color)

    def evidence(
        self, first: np.ndarray, second: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Cosine similarities and `log_odds` of rows, [m] float32 each."""
        cosine = np.empty(len(first), np.float32)
        color = np.zeros(len(first), np.float32)
        size = rows_at_once(self.vectors.shape[1])
        for start in range(0, len(first), size):
            chunk = slice(start, start + size)
            left = self.vectors_of(first[chunk])
            right = self.vectors_of(second[chunk])
            cosine[chunk] = np.einsum("md,md->m", left, right)
            color[chunk] = self.log_odds(first[chunk], second[chunk])
        return cosine, color

    def log_odds(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """What colors say, [m] float32 log-odds; 0 where color makes no difference."""
        if self.colors is None or not self.knows_color:
            return np.zeros(len(first), np.float32)
        # Several times as fast as indexing.
        first_colors = np.take(self.colors, first, axis=0)
        return color_log_odds(first_colors, np.take(self.colors, second, axis=0))

    def mean_log_odds(
        self, of: np.ndarray, size: np.ndarray, first: np.ndarray, second: np.ndarray
    ) -> np.ndarray:
        """What colors say on average of all pairs of two groups, [m] float64 log-odds.

        Args:
          of: [n] int, group of each product, named by a number below n.
          size: [n] int64, number of products of the group with that name.
          first: [m] int, names of groups.
          second: [m] int, names of the other ones.
        """
        mean = np.zeros(len(first))
        if not self.knows_color or not len(first):
            return mean
        num_pairs = size[first] * size[second]
        members = Members(of, size, np.concatenate([first, second]))
        # Cut where the pairs of products, not of groups, become too many.
        cuts = np.flatnonzero(np.diff(np.cumsum(num_pairs) // _MAX_PAIRS)) + 1
        for edges in np.split(np.arange(len(first)), cuts):
            pair, left, right = members.pairs(first[edges], second[edges])
            log_odds = self.log_odds(left, right)
            total = np.bincount(pair, weights=log_odds, minlength=len(edges))
            mean[edges] = total / num_pairs[edges]
        return mean
