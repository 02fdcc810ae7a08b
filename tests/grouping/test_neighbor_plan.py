"""Shards of similar work, hand-made."""

import numpy as np

from cv_tf.grouping import neighbor_job
from cv_tf.grouping.neighbor_job import make_plan


def test_plan(monkeypatch):
    monkeypatch.setattr(neighbor_job, "SPLIT_ABOVE", 5)
    monkeypatch.setattr(neighbor_job, "MAX_PAIRS", 20)
    monkeypatch.setattr(neighbor_job, "MAX_PRODUCTS", 6)
    monkeypatch.setattr(neighbor_job, "SHARD", 4)
    monkeypatch.setattr(neighbor_job, "MAX_QUERIES", 2)
    monkeypatch.setattr(neighbor_job, "CHUNK", 8)
    # Blocks of 2, 3, 3, 1, 1, 1, 1, 17 and 5 products.
    sizes = [2, 3, 3, 1, 1, 1, 1, 17, 5]
    plan = make_plan(np.repeat(np.arange(len(sizes)), sizes))
    assert plan.indexes == (slice(12, 29),)
    shards = [
        (search.asked.start, search.asked.stop, search.num_pairs)
        for search in plan.searches
    ]
    assert shards == [
        (12, 16, 4 * 17),
        (16, 20, 4 * 17),
        (20, 24, 4 * 17),
        (24, 28, 4 * 17),
        (29, 34, 25),
        # A shard of 1 would join the one before it, but that is of another chunk.
        (28, 29, 1 * 17),
        (0, 5, 4 + 9),
        (5, 11, 9 + 1 + 1 + 1),
        (11, 12, 1),
    ]


def test_a_short_shard_joins_the_one_before(monkeypatch):
    monkeypatch.setattr(neighbor_job, "SPLIT_ABOVE", 5)
    monkeypatch.setattr(neighbor_job, "SHARD", 4)
    monkeypatch.setattr(neighbor_job, "MAX_QUERIES", 2)
    shards = [search.asked for search in make_plan(np.zeros(9)).searches]
    assert shards == [slice(4, 9), slice(0, 4)]
    shards = [search.asked for search in make_plan(np.zeros(10)).searches]
    assert shards == [slice(0, 4), slice(4, 8), slice(8, 10)]
