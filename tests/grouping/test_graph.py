"""Mutual neighbors as a graph."""

import numpy as np

from cv_tf.grouping import mutual_graph
from cv_tf.retrieval import Neighbors


def _neighbors(indices, similarities):
    return Neighbors(np.array(indices, np.int32), np.array(similarities, np.float32))


NEIGHBORS = _neighbors(
    [[1, 2], [0, 3], [1, 0], [-1, -1]],
    [[0.9, 0.5], [0.9, 0.4], [0.6, 0.5], [-np.inf, -np.inf]],
)


def _edges(graph):
    return list(zip(graph.first.tolist(), graph.second.tolist(), strict=True))


def test_both_must_name_each_other():
    # 2 names 1, and 1 names 3: neither is named back.
    assert _edges(mutual_graph(NEIGHBORS)) == [(0, 1), (0, 2)]


def test_edges_below_the_floor_are_left_out():
    assert _edges(mutual_graph(NEIGHBORS, floor=0.7)) == [(0, 1)]
    assert len(mutual_graph(NEIGHBORS, floor=0.95)) == 0


def test_nobody_is_a_neighbor_of_one_product():
    assert len(mutual_graph(_neighbors([[-1]], [[-np.inf]]))) == 0


def test_rows_are_not_cut_short_where_there_are_many():
    # 70,000 squared does not fit 32 bits.
    last = 69_999
    indices = np.full((last + 1, 1), -1, np.int32)
    indices[0], indices[last] = last, 0
    similarities = np.where(indices >= 0, 0.5, -np.inf).astype(np.float32)
    assert _edges(mutual_graph(Neighbors(indices, similarities))) == [(0, last)]
