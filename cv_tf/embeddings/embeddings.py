"""Products and their vectors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from cv_tf.catalog import Catalog, objects
from cv_tf.embeddings.copies import Copies, find_copies
from cv_tf.errors import UserError

# Tolerance of lengths, wide enough for vectors normalized in half precision.
LENGTH_TOLERANCE = 1e-2
_COLUMNS = ("product_id", "vectors", "block", "image", "color", "lab", "style")


class EmbeddingsError(UserError):
    """A file or table of embeddings that cannot be used."""


@dataclass(frozen=True, eq=False)
class Embeddings:
    """Products and their vectors as parallel columns of n rows.

    Attributes:
      name: Name of the file or catalog, for messages.
      product_id: [n] object (str), unique.
      vectors: [n, dimensions] float32, of length 1; float16 where there are many (see
        `read_embeddings`). `take_rows` gives some of either as float32.
      block: [n] int32, numbered from 0; only products of one block are compared.
      block_names: Name of each block, in the order of their numbers.
      image: [n] object (str), path or URI of the photo; "" where it is not known.
      color: [n] object (str), name of the color in the catalog; None if none is known.
      lab: [n, 3] float32, the product's color in its photo, in CIELAB; NaN where
        unknown, None if none is known.
      style: [n] int, true style, shared by variants; -1 where unknown, None if all are.
      model: Fingerprint of the Embedder that made the vectors; "" if unknown.
      extras: Further columns of the table by their names, such as "title" or "price":
        [n] object (str) each; "" where there is nothing.

    Raises:
      EmbeddingsError: At construction, if columns differ in their number of rows.

    Example:
      >>> import numpy as np
      >>> from cv_tf.embeddings import Embeddings
      >>> vectors = np.array([[1, 0], [0.8, 0.6], [0, 1]], np.float32)
      >>> products = Embeddings.of_arrays(vectors, style=np.array([0, 0, 1]))
      >>> products.select(products.style == 0).product_id.tolist()
      ['0', '1']
    """

    name: str
    product_id: np.ndarray
    vectors: np.ndarray
    block: np.ndarray
    block_names: tuple[str, ...]
    image: np.ndarray
    color: np.ndarray | None = None
    lab: np.ndarray | None = None
    style: np.ndarray | None = None
    model: str = ""
    extras: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self):
        columns = {name: getattr(self, name) for name in _COLUMNS}
        for name, column in [*columns.items(), *self.extras.items()]:
            if column is not None and len(column) != len(self.vectors):
                shape = np.shape(column)
                raise EmbeddingsError(
                    f"{self.name}: '{name}' has shape {shape}; expected "
                    f"{(len(self.vectors), *shape[1:])}, one row for each vector. Pass "
                    "the values of the same products in the same order."
                )

    @classmethod
    def of_arrays(
        cls,
        vectors: np.ndarray,
        block: np.ndarray | None = None,
        lab: np.ndarray | None = None,
        style: np.ndarray | None = None,
    ) -> Embeddings:
        """Products of which nothing but these arrays is known, named by row number.

        Args:
          vectors: [n, dimensions] float16 or float32, of length 1.
          block: [n] int, 0 or more; None for one block of all products.
          lab: [n, 3] float32, colors in CIELAB; None if unknown.
          style: [n] int, true styles; -1 where unknown, None if none is known.
        """
        num_products = len(vectors)
        names: tuple[str, ...] = ("all",)
        if block is None:
            block = np.zeros(num_products, np.int32)
        elif len(block):
            names = tuple(map(str, range(int(np.max(block)) + 1)))
        return cls(
            name="embeddings",
            product_id=objects([str(row) for row in range(num_products)]),
            vectors=vectors,
            block=block,
            block_names=names,
            image=objects([""] * num_products),
            lab=lab,
            style=style,
        )

    @classmethod
    def of_catalog(
        cls, catalog: Catalog, vectors: np.ndarray, lab: np.ndarray | None = None
    ) -> Embeddings:
        """The products of a catalog, with vectors and colors computed from photos."""
        return cls(
            name=catalog.name,
            product_id=catalog.product_id,
            vectors=vectors,
            block=catalog.block,
            block_names=catalog.block_names,
            image=catalog.image,
            color=catalog.color,
            lab=lab,
            style=catalog.style,
        )

    def __len__(self) -> int:
        return len(self.vectors)

    @cached_property
    def copies(self) -> Copies:
        """Which products have the vector and the color of an earlier one."""
        return find_copies(self.vectors, self.block, self.lab)

    @cached_property
    def copies_across_blocks(self) -> Copies:
        """The same, whatever their blocks: shops list one photo in several of them."""
        if (self.block == self.block[:1]).all():
            return self.copies
        return find_copies(self.vectors, np.zeros(len(self), np.int32), self.lab)

    @cached_property
    def distinct_row_of(self) -> dict[str, int]:
        """Row among `distinct` of each product, by id; copies of a photo share one."""
        rows = self.copies.place.tolist()
        return dict(zip(self.product_id.tolist(), rows, strict=True))

    @cached_property
    def distinct(self) -> Embeddings:
        """The products without copies, of the styles that any of their copies tells.

        A style is -1 where the copies of one photo tell several.
        """
        first = self.without(self.copies)
        if first is self or self.style is None:
            return first
        return replace(first, style=self.copies.styles(self.style))

    def without(self, copies: Copies) -> Embeddings:
        """The products that are no copies; this very object, if none is."""
        return self.select(copies.rows) if copies.num_copies else self

    @property
    def measured(self) -> Embeddings:
        """The products of `rows_to_measure`."""
        rows = self.rows_to_measure
        return self if len(rows) == len(self) else self.select(rows)

    @cached_property
    def rows_to_measure(self) -> np.ndarray:
        """Rows, [l] int64, of which figures are: each photo of a style is there once.

        A photo of several blocks is there in the one that holds most of its style.
        Without colors, two photos of different names are not taken for one, whatever
        their vectors. If nothing but copies shares a style, all rows are measured.
        """
        copies = self.copies_across_blocks
        if self.lab is None:
            photo = np.unique(self.image, return_inverse=True)[1]
            copies = copies.apart(photo)
        return copies.rows_to_measure(self.known_style, self.block)

    @property
    def known_style(self) -> np.ndarray:
        """The column `style`, for what needs labels.

        Raises:
          EmbeddingsError: If it is None.
        """
        if self.style is None:
            raise EmbeddingsError(
                f"The products of {self.name} have no styles, which are needed to tell "
                "variants from others. Pass embeddings with the column `style`."
            )
        return self.style

    def check_comparable(self, other: Embeddings) -> None:
        """Checks that the vectors can be compared with those of another file.

        Raises:
          EmbeddingsError: If another Embedder made them, or their dimensions differ.
        """
        widths = self.vectors.shape[1], other.vectors.shape[1]
        if widths[0] != widths[1]:
            raise EmbeddingsError(
                f"The vectors of {self.name} have {widths[0]} dimensions, those of "
                f"{other.name} {widths[1]}. Embed both with the same Embedder, and "
                "with the same --dimensions of python -m cv_tf.embed."
            )
        if self.model and other.model and self.model != other.model:
            raise EmbeddingsError(
                f"{self.name} and {other.name} hold vectors of two Embedders, which "
                "cannot be compared. Embed both with the same one."
            )

    def select(self, rows: np.ndarray) -> Embeddings:
        """Some products, by `rows`, [m] int or [n] bool; their block numbers stay."""
        columns = {name: getattr(self, name) for name in _COLUMNS}
        known = {name: of for name, of in columns.items() if of is not None}
        extras = {name: of[rows] for name, of in self.extras.items()}
        chosen = {name: of[rows] for name, of in known.items()}
        return replace(self, **chosen, extras=extras)
