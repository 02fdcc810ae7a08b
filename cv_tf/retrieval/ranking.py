"""The ranking of neighbors: by similarity, by color, and by a second look.

The second look asks of a query and each of the first products that were found which
neighbors they have in common. Variants of one design are near each other and to the
same products; a stranger that is near the query by chance has other neighbors.

Source: Zhong et al., "Re-ranking Person Re-identification with k-reciprocal Encoding",
arXiv 1701.08398, sections 3.2 to 3.4. Neighbors count equally here, and their sets are
not widened, which is level on photos of two retailers (docs/explanations/tried.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cv_tf.embeddings import Embeddings, take_rows
from cv_tf.retrieval.colors import CANDIDATES, OTHER_COLOR, color_log_odds
from cv_tf.retrieval.nearest_neighbors import nearest
from cv_tf.retrieval.neighbors import Neighbors

if TYPE_CHECKING:
    from scipy import sparse

# First neighbors of a query that are looked at again.
DEPTH = 20
# Products that are a product's nearest, with itself not counted.
_NEAREST = 6
# Products that are searched for a second look; among more, it would take minutes.
MOST_PRODUCTS = 200_000
_UNKNOWN = -2  # In place of the first row of a list that is still to be found.
_PAIRS_AT_ONCE = 2**16


class Ranked(NamedTuple):
    """Neighbors in the order of their scores.

    Attributes:
      indices: [q, k] int32, rows of products; -1 where there is none.
      similarities: [q, k] float32, to the query, -1 to 1.
      scores: [q, k] float32, what they are ranked by, descending.
    """

    indices: np.ndarray
    similarities: np.ndarray
    scores: np.ndarray

    def first(self, k: int) -> Ranked:
        """The first k neighbors of each query."""
        return Ranked(*(column[:, :k] for column in self))


def rank(
    found: Neighbors,
    asked: np.ndarray | None,
    lab: np.ndarray | None,
    color_weight: float,
) -> Ranked:
    """Ranks neighbors with color: those of the query's own color further behind.

    Nothing is excluded: a product of the query's color that is more similar by more
    than its discount stays before others.

    Args:
      found: Neighbors of q queries, `CANDIDATES` more than are wanted.
      asked: [q, 3] float, colors of the queries in CIELAB; NaN where unknown. None if
        all are.
      lab: [n, 3] float, colors of the products that were searched; None if unknown.
      color_weight: Similarity that a unit of `color_log_odds` is worth, 0 or more.
    """
    if asked is None or lab is None or not color_weight:
        return Ranked(found.indices, found.similarities, found.similarities)
    # One rank after another: the colors of all neighbors are never held at once.
    odds = np.stack([color_log_odds(asked, lab[row]) for row in found.indices.T])
    scores = found.similarities - color_weight * (OTHER_COLOR - odds.T)
    order = np.argsort(-scores, axis=1, kind="stable")
    columns = (found.indices, found.similarities, scores)
    return Ranked(*(np.take_along_axis(it, order, axis=1) for it in columns))


class NearestLists:
    """The nearest products of products, ranked with color; found as they are needed.

    Args:
      products: n products without copies.
      color_weight: Similarity that a unit of `color_log_odds` is worth, 0 or more.
      within_block: Whether only products of the same block count.
      photo: A photo that is looked at as if it were a product: its vector and its
        color (None if unknown), and row `n` stands for it. It belongs to every block.
    """

    def __init__(
        self,
        products: Embeddings,
        color_weight: float,
        within_block: bool = True,
        photo: tuple[np.ndarray, np.ndarray | None] | None = None,
    ):
        self._products, self._color_weight = products, color_weight
        self._blocks = products.block if within_block else None
        self._photo = photo
        self._lists = np.full((len(products) + 1, _NEAREST), _UNKNOWN, np.int32)

    def know(self, rows: np.ndarray, nearest_rows: np.ndarray) -> None:
        """Keeps what is found already: the nearest products, [m, k] int, of [m] rows.

        They are ranked with color; -1 where there is none. A row itself, which its own
        photo finds, is none of its neighbors.
        """
        is_own = nearest_rows == rows[:, np.newaxis]
        order = np.argsort(is_own, axis=1, kind="stable")
        others = np.where(is_own, -1, nearest_rows)
        known = np.take_along_axis(others, order, axis=1)[:, :_NEAREST]
        self._lists[rows] = -1
        self._lists[rows, : known.shape[1]] = known

    def shares(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """The share of their mutual neighbors that rows have in common, [m] float32.

        Each product is described by its mutual neighbors and itself, all with the same
        weight, averaged with those of its nearest product. The share is the sum of the
        lesser weights over that of the greater ones, 0 to 1 (Jaccard).
        """
        rows = np.unique(np.concatenate([first, second]))
        described = self._describe(rows)
        places = np.searchsorted(rows, np.stack([first, second]))
        shares = np.empty(len(first), np.float32)
        for start in range(0, len(first), _PAIRS_AT_ONCE):
            chunk = slice(start, start + _PAIRS_AT_ONCE)
            one, other = (described[of] for of in places[:, chunk])
            common = np.asarray(one.minimum(other).sum(axis=1)).ravel()
            shares[chunk] = common / (2 - common)
        return shares

    def _describe(self, rows: np.ndarray) -> sparse.csr_matrix:
        """The weights of the mutual neighbors, [m, n + 1]; each row adds up to 1."""
        from scipy import sparse  # noqa: PLC0415 (takes a while to load)

        nearest_row = self._of(rows)[:, 0]
        alone = nearest_row < 0
        nearest_row = np.where(alone, rows, nearest_row)
        heads = np.unique(np.concatenate([rows, nearest_row]))
        around = np.unique(self._of(heads))
        near = self._as_matrix(np.union1d(heads, around[around >= 0]))
        mutual = near[heads].multiply(near.T.tocsr()[heads]).tocsr()
        sizes = np.asarray(mutual.sum(axis=1)).ravel()
        weights = sparse.diags_array(1 / sizes) @ mutual
        places = (np.searchsorted(heads, of) for of in (rows, nearest_row))
        own, of_nearest = (weights.tocsr()[of] for of in places)
        return ((own + of_nearest) / 2).tocsr()

    def _as_matrix(self, rows: np.ndarray) -> sparse.csr_matrix:
        """Which products are the nearest of rows, and these themselves, [n + 1, n + 1].

        The other rows are empty.
        """
        from scipy import sparse  # noqa: PLC0415

        lists = self._of(rows)
        size = len(self._lists)
        first = np.concatenate([np.repeat(rows, _NEAREST), rows])
        second = np.concatenate([lists.ravel(), rows])
        kept = second >= 0
        ones = np.ones(kept.sum(), np.float32)
        shape = (size, size)
        return sparse.csr_matrix((ones, (first[kept], second[kept])), shape)

    def _of(self, rows: np.ndarray) -> np.ndarray:
        """The nearest products of rows, [m, _NEAREST] int32; -1 where there is none."""
        missing = np.unique(rows[self._lists[rows, 0] == _UNKNOWN])
        if len(missing):
            self._lists[missing] = self._find(missing)
        return self._lists[rows]

    def _find(self, rows: np.ndarray) -> np.ndarray:
        products, lab = self._products, self._products.lab
        wanted = _NEAREST + (
            CANDIDATES if lab is not None and self._color_weight else 0
        )
        wanted = min(wanted, len(products))
        found = nearest(products.vectors, wanted, self._blocks, "exact", rows)
        asked = None if lab is None else lab[rows]
        ranked = rank(found, asked, lab, self._color_weight).first(_NEAREST)
        lists = np.full((len(rows), _NEAREST), -1, np.int32)
        lists[:, : ranked.indices.shape[1]] = ranked.indices
        if self._photo is None:
            return lists
        vector, color = self._photo
        similarity = (take_rows(products.vectors, rows) @ vector)[:, np.newaxis]
        of_photo = Neighbors(np.zeros(similarity.shape, np.int32), similarity)
        of_color = None if color is None else color[np.newaxis]
        score = rank(of_photo, asked, of_color, self._color_weight).scores
        scores = np.full(lists.shape, -np.inf, np.float32)
        scores[:, : ranked.scores.shape[1]] = ranked.scores
        place = (scores >= score).sum(axis=1)
        for row in np.flatnonzero(place < _NEAREST):
            lists[row] = np.insert(lists[row], place[row], len(products))[:_NEAREST]
        return lists


def look_again(
    ranked: Ranked, queries: np.ndarray, lists: NearestLists, shared_weight: float
) -> Ranked:
    """Ranks the first `DEPTH` neighbors anew: those that share no neighbors go back.

    The others keep their places, as if they shared none.

    Args:
      ranked: Neighbors of q queries, as `rank` orders them: six or more, if there are
        as many.
      queries: [q] int, rows of the queries.
      lists: The nearest products of these and of all that are found.
      shared_weight: Discount, 0 or more, from the score of a neighbor that has no
        neighbors in common with the query; it is less for one that has some.

    Example:
      >>> vectors = np.random.default_rng(0).normal(size=(30, 8)).astype(np.float32)
      >>> vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
      >>> products, queries = Embeddings.of_arrays(vectors), np.array([0, 7])
      >>> ranked = rank(nearest(vectors, 10, queries=queries), None, None, 0.0)
      >>> again = look_again(ranked, queries, NearestLists(products, 0.0), 0.2)
      >>> again.indices.shape, set(again.indices[0]) == set(ranked.indices[0])
      ((2, 10), True)
    """
    depth = min(DEPTH, ranked.indices.shape[1])
    some = ranked.first(depth)
    query, place = np.nonzero(some.indices >= 0)
    if not shared_weight or not len(query):
        return ranked
    lists.know(queries, ranked.indices)
    shares = lists.shares(queries[query], some.indices[query, place])
    scores = some.scores.copy()
    scores[query, place] -= shared_weight * (1 - shares)
    order = np.argsort(-scores, axis=1, kind="stable")
    columns = (some.indices, some.similarities, scores)
    again = (np.take_along_axis(it, order, axis=1) for it in columns)
    behind = ranked._replace(scores=ranked.scores - shared_weight)
    rest = (column[:, depth:] for column in behind)
    return Ranked(*(np.concatenate(it, axis=1) for it in zip(again, rest, strict=True)))
