"""The similarity of products, with a discount for those of the same color."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cv_tf.embeddings import Embeddings
from cv_tf.retrieval import same_color

# Pairs compared at a time.
_CHUNK = 2**16


@dataclass(frozen=True, eq=False)
class Similarity:
    """Similarity of design, less a discount for products of the same color.

    Variants differ in color by definition: of two products that look alike, those of
    one color are more often two designs (two pairs of black trousers) than variants.
    Nothing is excluded: similarity that outweighs the discount still groups products.

    Attributes:
      vectors: [n, dimensions] float32, L2-normalized.
      colors: [n, 3] float32 in CIELAB, NaN where unknown; None if none is known.
      color_weight: Discount for two products of the very same color, 0 to 2; it falls
        as a Gaussian of the distance of their colors.
    """

    vectors: np.ndarray
    colors: np.ndarray | None = None
    color_weight: float = 0.0

    @classmethod
    def of(cls, embeddings: Embeddings, color_weight: float) -> Similarity:
        """The similarity of products by their vectors and colors."""
        return cls(embeddings.vectors, embeddings.lab, color_weight)

    def __len__(self) -> int:
        return len(self.vectors)

    @property
    def knows_color(self) -> bool:
        """Whether color makes a difference."""
        return self.colors is not None and self.color_weight > 0

    def select(self, rows: np.ndarray) -> Similarity:
        """The similarity of some products, given by their row numbers."""
        colors = None if self.colors is None else self.colors[rows]
        return Similarity(self.vectors[rows], colors, self.color_weight)

    def of_pairs(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """The similarities, [m] float32, of the rows `first` and `second`, [m] int."""
        similarities = np.empty(len(first), np.float32)
        for start in range(0, len(first), _CHUNK):
            chunk = slice(start, start + _CHUNK)
            left, right = self.vectors[first[chunk]], self.vectors[second[chunk]]
            similarities[chunk] = np.einsum("md,md->m", left, right)
            if self.knows_color:
                similarities[chunk] -= self.discounts(first[chunk], second[chunk])
        return similarities

    def discounts(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """The discounts for color, [m] float32, of the rows `first` and `second`."""
        if self.colors is None:
            return np.zeros(len(first), np.float32)
        return self.color_weight * same_color(self.colors[first], self.colors[second])
