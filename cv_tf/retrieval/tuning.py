"""Finding the cheapest settings of an approximate search that find enough."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cv_tf.retrieval.exact import ExactIndex
from cv_tf.retrieval.neighbors import Neighbors

_NUM_QUERIES = 1000
# The time of one exact similarity, in similarities of quantized products: measured
# with ScaNN at 128 dimensions, where both grow with the dimensions.
EXACT_COST = 50
_GROWTH = 1.25
# Similarities of two kinds of index differ by rounding.
_ROUNDING = 1e-6
# Of neighbors above a floor, the share of the misses that there may be otherwise.
_MISSES = 0.25
# Neighbors of the sample that count at least, the most similar of all: a share of fewer
# is not known well.
_FEWEST_COUNTED = 100


@dataclass(frozen=True)
class Effort:
    """The effort of a search for one query.

    The quantized products of `leaves` partitions are compared with the query, and the
    `reordered` best of them exactly.
    """

    leaves: int
    reordered: int


# Takes an effort, queries and k.
Search = Callable[[Effort, np.ndarray, int], Neighbors]


def tune(
    search: Search,
    embeddings: np.ndarray,
    k: int,
    recall: float,
    most: Effort,
    floor: float = -1.0,
    exact_cost: float = EXACT_COST,
) -> tuple[Effort, float, bool]:
    """Finds the effort with which a search finds enough of the nearest neighbors.

    The recall is measured with 1,000 of the products as queries, each of which finds
    itself and `k` others. It has to be a standard error above the wanted one: the
    cheapest effort that only seems to be enough is one whose errors were few by chance.

    Neighbors below the `floor`, a similarity from -1 to 1, do not count. Where products
    have none that are more alike than strangers, the nearest strangers take by far the
    most effort to find, and may be of no use to whoever searches. The 100 most similar
    of the sample count in any case. Those that count are found with a quarter of the
    misses: the nearest of all neighbors are mostly found, and the recall allows for the
    last of them, which are not among those above the floor.

    Returns the effort, the recall measured with it, and whether that is enough; where
    it is not, the effort is `most`: all leaves, and the largest number to reorder.
    """
    if floor > -1:
        recall = 1 - (1 - recall) * _MISSES
    num_products = len(embeddings)
    num_queries = min(_NUM_QUERIES, num_products)
    rng = np.random.default_rng(0)
    rows = np.sort(rng.choice(num_products, num_queries, replace=False))
    queries = embeddings[rows]
    exact = ExactIndex(embeddings).search(queries, k + 1).without(rows)
    counted = count_wanted(exact, floor)
    last = np.maximum(counted - 1, 0)[:, None]
    least = np.take_along_axis(exact.similarities, last, axis=1) - _ROUNDING

    def measure(effort: Effort) -> tuple[float, float]:
        found = search(effort, queries, k + 1).without(rows)
        hits = np.minimum((found.similarities >= least).sum(axis=1), counted)
        share = hits.sum() / max(counted.sum(), 1)
        # The standard error of a ratio: queries differ in how many neighbors count.
        error = (hits - share * counted).std() * math.sqrt(num_queries)
        return float(share), float(error / max(counted.sum(), 1))

    def enough(effort: Effort) -> bool:
        share, error = measure(effort)
        return share - error >= recall

    leaf_size = num_products / most.leaves
    fewest = min(k + 1, most.reordered)
    effort = cheapest_effort(enough, fewest, most, leaf_size, exact_cost)
    reached = effort is not None
    effort = effort or most
    return effort, measure(effort)[0], reached


def count_wanted(exact: Neighbors, floor: float) -> np.ndarray:
    """The number of each query's neighbors that count, [num_queries] int64.

    They are those of `exact` from the floor on, and the 100 most similar of all.
    """
    ranked = np.sort(exact.similarities, axis=None)
    floor = min(floor, float(ranked[-min(_FEWEST_COUNTED, len(ranked))]))
    return (exact.similarities >= floor).sum(axis=1)


def cheapest_effort(
    enough: Callable[[Effort], bool],
    fewest: int,
    most: Effort,
    leaf_size: float,
    exact_cost: float = EXACT_COST,
) -> Effort | None:
    """Finds the cheapest effort that is enough; None if not even `most` is.

    The fewest leaves that are enough are found first, with all that may be reordered.
    With more leaves, fewer products have to be reordered, `fewest` at least: leaves, of
    `leaf_size` products, are added for as long as the sum of both becomes cheaper.
    """
    leaves = smallest(lambda n: enough(Effort(n, most.reordered)), 1, most.leaves)
    best, least_cost = None, math.inf
    while leaves is not None and leaves <= most.leaves:
        effort = _least_reordered(enough, leaves, fewest, most)
        cost = leaves * leaf_size + effort.reordered * exact_cost
        if cost >= least_cost:
            break
        best, least_cost = effort, cost
        leaves = max(leaves + 1, int(leaves * _GROWTH))
    return best


def _least_reordered(
    enough: Callable[[Effort], bool], leaves: int, fewest: int, most: Effort
) -> Effort:
    """The effort with a number of leaves that reorders the fewest products."""
    reordered = smallest(lambda n: enough(Effort(leaves, n)), fewest, most.reordered)
    return Effort(leaves, reordered or most.reordered)


def recall_against(found: Neighbors, exact: Neighbors) -> np.ndarray:
    """The share of exact search's neighbors that was found, [num_queries] float64.

    They are compared by similarity, as equally similar products are as good.
    """
    least = exact.similarities[:, -1:] - _ROUNDING
    return np.mean(found.similarities >= least, axis=1)


def smallest(enough: Callable[[int], bool], low: int, high: int) -> int | None:
    """The smallest number from `low` to `high` that is enough: doubles, then bisects.

    None if not even `high` is. Every number above one that is enough is, too.
    """
    reach = low
    while not enough(reach):
        if reach == high:
            return None
        low, reach = reach + 1, min(2 * reach, high)
    while low < reach:
        middle = (low + reach) // 2
        low, reach = (low, middle) if enough(middle) else (middle + 1, reach)
    return reach
