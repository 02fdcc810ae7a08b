"""Counting grouped pairs merge by merge."""

import itertools

import numpy as np
import pytest

from cv_tf.grouping.dendrograms import count_pairs


@pytest.fixture
def linked(link_all, num_products=60, seed=0):
    rng = np.random.default_rng(seed)
    embeddings = rng.standard_normal((num_products, 3)).astype(np.float32)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    return link_all(embeddings, rng.integers(0, 4, num_products))


def test_equals_counting_the_pairs_of_every_cut(linked):
    dendrograms = linked
    styles = np.random.default_rng(1).integers(-1, 9, 60)
    right, wrong = count_pairs(dendrograms, styles)
    assert (right[0], wrong[0]) == (0, 0)
    for step, similarity in enumerate(dendrograms.similarities, start=1):
        groups = dendrograms.cut(similarity)
        grouped = [
            styles[i] == styles[j]
            for i, j in itertools.combinations(range(60), 2)
            if groups[i] == groups[j] and styles[i] >= 0 and styles[j] >= 0
        ]
        assert right[step] == sum(grouped)
        assert wrong[step] == len(grouped) - sum(grouped)


def test_refuses_styles_of_other_products(linked):
    with pytest.raises(ValueError, match=r"\(59,\); expected \(60,\)"):
        count_pairs(linked, np.zeros(59, int))
