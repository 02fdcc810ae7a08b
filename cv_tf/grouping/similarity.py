"""How alike products are: similar in design, and not in color."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cv_tf.retrieval import same_color

# Pairs compared at a time.
_CHUNK = 2**16


@dataclass(frozen=True, eq=False)
class Similarity:
    """Similarity of design, less a discount for products of the same color.

    Variants differ in color by definition: of two products that look alike, those of
    one color are more often two designs (two pairs of black trousers) than variants.
    Nothing is excluded: where the similarity outweighs the discount, two products of
    one color are grouped.

    Attributes:
      vectors: `[num_products, dim]` float32, L2-normalised.
      colors: `[num_products, 3]` float32, the products' colors in CIELAB, NaN where
        unknown; None if none is known.
      discount: By how much the similarity of products of the very same color is less
        than their similarity; it fades as a Gaussian of the colors' distance.
    """

    vectors: np.ndarray
    colors: np.ndarray | None = None
    discount: float = 0.0

    def __len__(self) -> int:
        return len(self.vectors)

    @property
    def knows_color(self) -> bool:
        """Whether color makes a difference."""
        return self.colors is not None and self.discount > 0

    def select(self, rows: np.ndarray) -> Similarity:
        """That of some products."""
        colors = None if self.colors is None else self.colors[rows]
        return Similarity(self.vectors[rows], colors, self.discount)

    def of_pairs(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """The similarity of products, `[m]` float32.

        Args:
          first: `[m]` rows.
          second: `[m]` rows, of the products to compare them with.
        """
        alike = np.empty(len(first), np.float32)
        for start in range(0, len(first), _CHUNK):
            pairs = first[start : start + _CHUNK], second[start : start + _CHUNK]
            left, right = (self.vectors[rows] for rows in pairs)
            alike[start : start + _CHUNK] = np.einsum("md,md->m", left, right)
            if self.knows_color:
                alike[start : start + _CHUNK] -= self.discounts(*pairs)
        return alike

    def discounts(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """What to take off the similarities of products, `[m]` float32.

        Args:
          first: `[m]` rows.
          second: `[m]` rows, of the products to compare them with.
        """
        return self.discount * same_color(self.colors[first], self.colors[second])
