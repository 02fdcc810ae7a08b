"""What was found for a product or a photo that was asked about."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cv_tf.embeddings import Embeddings
from cv_tf.retrieval import same_color


class Product(NamedTuple):
    """What a report says of a product; "" for what is not known.

    Attributes:
      product_id: "" for a photo that is no product of the file.
      image: Path or URI of the photo.
      block: Name of its block.
      color: For people to read.
    """

    product_id: str
    image: str = ""
    block: str = ""
    color: str = ""

    @property
    def name(self) -> str:
        """The product_id, or else the photo's path."""
        return self.product_id or self.image

    @classmethod
    def of_row(cls, embeddings: Embeddings, row: int) -> Product:
        """The product in a row of a file of embeddings."""
        # Products that are all compared are in one block of this name: no news.
        in_blocks = embeddings.block_names != ("all",)
        return cls(
            product_id=embeddings.product_id[row],
            image=embeddings.image[row],
            block=embeddings.block_names[embeddings.block[row]] if in_blocks else "",
            color="" if embeddings.color is None else embeddings.color[row],
        )


class Neighbor(NamedTuple):
    """A product that was found.

    Attributes:
      product: Which.
      similarity: To what was asked about, 1 at most.
      same_color: How much the two are of one color, 0 to 1; None if unknown.
    """

    product: Product
    similarity: float
    same_color: float | None = None


class Answer(NamedTuple):
    """What was asked about, and what is nearest to it, the most alike first."""

    query: Product
    neighbors: tuple[Neighbor, ...]

    @classmethod
    def of_rows(
        cls,
        query: Product,
        embeddings: Embeddings,
        rows: np.ndarray,
        similarities: np.ndarray,
        lab: np.ndarray | None = None,
    ) -> Answer:
        """An answer from rows of a file of embeddings.

        Args:
          query: What was asked about.
          embeddings: What was searched.
          rows: `[k]` what was found there, the most alike first; -1 is a place left
            empty.
          similarities: `[k]` of these.
          lab: `[3]` the query's color in CIELAB; None if unknown.
        """
        same: list[float | None] = [None] * len(rows)
        if lab is not None and embeddings.lab is not None:
            colors = embeddings.lab[rows]
            unknown = np.isnan(colors + lab).any(axis=1)
            same = np.where(unknown, None, same_color(lab, colors)).tolist()
        places = zip(rows, similarities.tolist(), same, strict=True)
        return cls(
            query,
            tuple(
                Neighbor(Product.of_row(embeddings, row), *alike)
                for row, *alike in places
                if row >= 0
            ),
        )
