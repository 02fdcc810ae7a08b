"""How a catalogue is divided into parts whose neighbors are found apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cv_tf.retrieval.exact import MAX_QUERIES
from cv_tf.retrieval.search import CHUNK

# Of a larger block, an index is built once, and shards of its products are looked up.
SPLIT_ABOVE = 200_000
SHARD = 2**14
# Smaller blocks share a part, up to so many pairs (half a minute of exact search for
# 1,024 dimensions on one core) and products.
MAX_PAIRS, MAX_PRODUCTS = 2**30, 2**16


@dataclass(frozen=True)
class Search:
    """What one part is: products, and those they are compared with.

    Attributes:
      asked: Rows, ordered by block, whose neighbors are wanted.
      among: Rows that hold all products of their blocks.
      index: Number of the index of `among`; -1 where none is built before.
      num_pairs: How many pairs of products exact search compares.
    """

    asked: slice
    among: slice
    index: int
    num_pairs: int


@dataclass(frozen=True)
class Plan:
    """How the products of a catalogue are divided.

    Attributes:
      searches: The parts, those that take longest first.
      indexes: Rows of the blocks of which an index is built first.
    """

    searches: tuple[Search, ...]
    indexes: tuple[slice, ...]


def limits() -> list[int]:
    """What else a plan depends on."""
    return [SPLIT_ABOVE, SHARD, MAX_PAIRS, MAX_PRODUCTS]


def make_plan(blocks: np.ndarray) -> Plan:
    """Divides a catalogue into parts of similar work.

    Args:
      blocks: `[num_products]` integers, ascending.
    """
    searches, indexes = [], []
    starts = np.unique(blocks, return_index=True)[1].tolist()
    first = num_pairs = 0
    for start, stop in zip(starts, [*starts[1:], len(blocks)], strict=True):
        size = stop - start
        is_large = size > SPLIT_ABOVE
        is_full = num_pairs + size**2 > MAX_PAIRS or stop - first > MAX_PRODUCTS
        if start > first and (is_large or is_full):
            rows = slice(first, start)
            searches.append(Search(rows, rows, -1, num_pairs))
            first, num_pairs = start, 0
        if is_large:
            rows = slice(start, stop)
            for asked in _shards(rows):
                pairs = (asked.stop - asked.start) * size
                searches.append(Search(asked, rows, len(indexes), pairs))
            indexes.append(rows)
            first = stop
        else:
            num_pairs += size**2
    if first < len(blocks):
        rows = slice(first, len(blocks))
        searches.append(Search(rows, rows, -1, num_pairs))
    # A cluster that ends with short parts ends at about the same time everywhere.
    searches.sort(key=lambda search: search.num_pairs, reverse=True)
    return Plan(tuple(searches), tuple(indexes))


def _shards(rows: slice) -> list[slice]:
    """Ranges of rows, cut where `nearest` and exact search cut them, too.

    The rounding of a similarity depends on what is multiplied at once.
    """
    shards = []
    for chunk in range(rows.start, rows.stop, CHUNK):
        end = min(chunk + CHUNK, rows.stop)
        edges = list(range(chunk, end, SHARD))
        if len(edges) > 1 and end - edges[-1] < MAX_QUERIES:
            edges.pop()
        shards += map(slice, edges, [*edges[1:], end])
    return shards
