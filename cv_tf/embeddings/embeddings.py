"""Products and their vectors."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from cv_tf.catalog import Catalog
from cv_tf.errors import UserError


class EmbeddingsError(UserError):
    """A file of embeddings that cannot be used, with what is wrong in it."""


@dataclass(frozen=True, eq=False)
class Embeddings:
    """Products and their vectors as parallel columns, n rows.

    Attributes:
      name: Of the file, for messages.
      product_id: [n] object (str), unique.
      vectors: [n, dimensions] float32, of length 1.
      block: [n] int32, dense; only products of one block are compared.
      block_names: Name of each block.
      image: [n] object (str), where the photo is; "" where it is not known.
      color: [n] object (str), the catalogue's word, for reports; None if unknown.
      lab: [n, 3] float32, the product's color in its photo, in CIELAB; NaN where
        unknown, None if none is known.
      model: Fingerprint of the Embedder that made the vectors; "" if unknown.
    """

    name: str
    product_id: np.ndarray
    vectors: np.ndarray
    block: np.ndarray
    block_names: tuple[str, ...]
    image: np.ndarray
    color: np.ndarray | None = None
    lab: np.ndarray | None = None
    model: str = ""

    @classmethod
    def of_catalog(
        cls, catalog: Catalog, vectors: np.ndarray, lab: np.ndarray | None
    ) -> Embeddings:
        """The products of a catalogue with vectors and colors that were made of them.

        Args:
          catalog: n products.
          vectors: [n, dimensions] float32, of length 1.
          lab: [n, 3] float32, in CIELAB; None if unknown.
        """
        return cls(
            name=catalog.name,
            product_id=catalog.product_id,
            vectors=vectors,
            block=catalog.block,
            block_names=catalog.block_names,
            image=catalog.image,
            color=catalog.color,
            lab=lab,
        )

    def __len__(self) -> int:
        return len(self.product_id)

    def check_comparable(self, other: Embeddings) -> None:
        """Checks that the vectors can be compared with those of another file.

        Raises:
          EmbeddingsError: If another Embedder made them, or they differ in width.
        """
        widths = self.vectors.shape[1], other.vectors.shape[1]
        if widths[0] != widths[1]:
            raise EmbeddingsError(
                f"The vectors of {self.name} have {widths[0]} dimensions, those of "
                f"{other.name} {widths[1]}. Embed both with the same Embedder."
            )
        if self.model and other.model and self.model != other.model:
            raise EmbeddingsError(
                f"{self.name} and {other.name} hold vectors of two Embedders, which "
                "cannot be compared. Embed both with the same one."
            )

    def select(self, rows: np.ndarray) -> Embeddings:
        """The products of some rows; block numbers stay as they are."""
        return replace(
            self,
            product_id=self.product_id[rows],
            vectors=self.vectors[rows],
            block=self.block[rows],
            image=self.image[rows],
            color=None if self.color is None else self.color[rows],
            lab=None if self.lab is None else self.lab[rows],
        )
