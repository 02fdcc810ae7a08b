"""Which products are copies: their photo is that of an earlier product."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from cv_tf.embeddings.precision import in_pieces, rows_at_once, take_rows

# Largest distance of two vectors of one photo: rounding parts them by about 4e-7, and
# two photos, even of one product and recolored, are 0.02 apart or more.
_APART = 1e-3
# Largest distance in CIELAB of one photo's color.
_COLORS_APART = 1.0
# Vectors are compared that fall into one cell of a grid in this many random directions.
# Copies at the wall of a cell may fall into two, so the grid is moved and tried again.
_DIRECTIONS, _CELL, _GRIDS = 16, 0.15, 3
_PRIME = np.uint64(0x9E3779B97F4A7C15)
# Different vectors of one cell that are compared with all others of it. Only of an
# Embedder that makes all products nearly equal do more fall into one cell.
_MOST_IN_CELL = 32


@dataclass(frozen=True, eq=False)
class Copies:
    """The products of n whose vector and color are those of an earlier product.

    Shops list one photo under several sizes. Such products belong together, but that
    they are alike says nothing about others: they count once, as the first of them.

    Attributes:
      first: [n] int64, row of the first product with each product's vector and color;
        its own row for a product that is no copy.
    """

    first: np.ndarray

    @cached_property
    def rows(self) -> np.ndarray:
        """Rows of the m products that are no copies, [m] int64, ascending."""
        return np.flatnonzero(~self.is_copy)

    @cached_property
    def place(self) -> np.ndarray:
        """Where the first of its copies stands among `rows`, [n] int64."""
        return np.searchsorted(self.rows, self.first)

    @property
    def is_copy(self) -> np.ndarray:
        """Whether each product is a copy of an earlier one, [n] bool."""
        return self.first != np.arange(len(self.first))

    @property
    def num_copies(self) -> int:
        """Number of products that are copies, n - m."""
        return len(self.first) - len(self.rows)

    def styles(self, style: np.ndarray) -> np.ndarray:
        """The styles, [m] int, of the products of `rows`, from those of n products.

        Any product of a photo tells its style; it is -1 where none is known, or where
        they tell several.
        """
        known = np.flatnonzero(style >= 0)
        lowest = np.full(len(self.rows), np.iinfo(np.int64).max)
        highest = np.full(len(self.rows), -1)
        np.minimum.at(lowest, self.place[known], style[known])
        np.maximum.at(highest, self.place[known], style[known])
        return np.where(lowest == highest, highest, -1).astype(style.dtype)

    def apart(self, photo: np.ndarray) -> Copies:
        """The copies that also share a number in `photo`, [n] int."""
        pairs = np.stack([self.first, photo], axis=1)
        _, lowest, pair = np.unique(
            pairs, axis=0, return_index=True, return_inverse=True
        )
        return Copies(lowest[pair.reshape(-1)])

    def rows_to_measure(
        self, style: np.ndarray, block: np.ndarray | None = None
    ) -> np.ndarray:
        """Rows, [l] int64, that hold each photo of one style (`style`, [n] int) once.

        Copies are no variants of each other. But products of several styles that seem
        to be copies are a failure of the Embedder, or of the labels: all of them count.
        If nothing but copies shares a style, all rows are measured. With `block`, [n]
        int, a photo of several blocks is kept where most of its style is.
        """
        known = np.flatnonzero(style >= 0)
        if block is not None:  # First come those with most of their style beside them.
            pairs = np.stack([style[known], block[known]], axis=1)
            _, pair, size = np.unique(
                pairs, axis=0, return_inverse=True, return_counts=True
            )
            beside = size[pair.reshape(-1)]
            known = known[np.argsort(-beside, kind="stable")]
        # Of a photo's products, one that tells the style comes first.
        order = np.concatenate([known, np.flatnonzero(style < 0)])
        kept = order[np.unique(self.place[order], return_index=True)[1]]
        is_kept = np.zeros(len(style), bool)
        is_kept[kept] = True
        has_several = np.zeros(len(self.rows), bool)
        np.logical_or.at(
            has_several,
            self.place[known],
            style[known] != style[kept][self.place[known]],
        )
        rows = np.flatnonzero(is_kept | has_several[self.place])
        _, num_products = np.unique(style[rows][style[rows] >= 0], return_counts=True)
        return rows if (num_products > 1).any() else np.arange(len(style))


def find_copies(
    vectors: np.ndarray, block: np.ndarray, lab: np.ndarray | None = None
) -> Copies:
    """Finds the products of a block that have one vector and one color.

    Args:
      vectors: [n, dimensions] float16 or float32, of length 1.
      block: [n] int; products of two blocks are never compared.
      lab: [n, 3] float32, colors in CIELAB, NaN where unknown: then only the vectors
        are compared. None if all are.
    """
    first = np.arange(len(vectors))
    random = np.random.default_rng(0)
    directions = random.standard_normal((vectors.shape[1], _DIRECTIONS))
    directions = directions.astype(np.float32) / np.float32(_CELL)
    places = np.empty((len(vectors), _DIRECTIONS), np.float32)
    for rows, some in in_pieces(vectors):
        places[rows] = some @ directions
    for _ in range(_GRIDS):
        left = np.flatnonzero(first == np.arange(len(first)))
        moved = places[left] + random.random(_DIRECTIONS, np.float32)
        cells = _cells(moved, block[left])
        _compare_in_cells(first, left, cells, partial(_is_same, vectors, lab))
    while (first[first] != first).any():
        first = first[first]
    return Copies(first)


def _cells(places: np.ndarray, block: np.ndarray) -> np.ndarray:
    """A number for each cell, [n] uint64; that two share one is possible, and rare."""
    cells = block.astype(np.uint64)
    with np.errstate(invalid="ignore"):  # Who computes with vectors of NaN says so.
        numbers = np.floor(places).astype(np.int64).astype(np.uint64)
    for number in numbers.T:
        cells = cells * _PRIME + number
    return cells


def _compare_in_cells(
    first: np.ndarray,
    rows: np.ndarray,
    cells: np.ndarray,
    is_same: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> None:
    """Writes into `first` which of `rows` are copies of another in their cell.

    In each round, the first row of each cell is compared with all that are left of it.
    """
    order = np.argsort(cells, kind="stable")
    rows, cells = rows[order], cells[order]
    for _ in range(_MOST_IN_CELL):
        _, start, cell = np.unique(cells, return_index=True, return_inverse=True)
        leaders = rows[start[cell]]
        is_other = leaders != rows
        leaders, rows, cells = leaders[is_other], rows[is_other], cells[is_other]
        if not len(rows):
            return
        same = is_same(leaders, rows)
        first[rows[same]] = leaders[same]
        rows, cells = rows[~same], cells[~same]


def _is_same(
    vectors: np.ndarray, lab: np.ndarray | None, first: np.ndarray, second: np.ndarray
) -> np.ndarray:
    """Whether each pair of rows has one vector and one color, [m] bool."""
    same = np.empty(len(first), bool)
    size = rows_at_once(vectors.shape[1])
    for start in range(0, len(first), size):
        chunk = slice(start, start + size)
        apart = take_rows(vectors, first[chunk])
        apart -= take_rows(vectors, second[chunk])
        same[chunk] = np.einsum("md,md->m", apart, apart) <= _APART**2
    if lab is not None:
        # NaN, an unknown color, is not greater.
        apart = np.linalg.norm(lab[first] - lab[second], axis=1)
        same &= ~(apart > _COLORS_APART)
    return same
