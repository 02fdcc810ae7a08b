"""Average linkage: hand-worked, against plain loops, SciPy and scikit-learn."""

import numpy as np
import pytest
from scipy.cluster import hierarchy
from sklearn.cluster import AgglomerativeClustering
from sklearn.metrics import adjusted_rand_score

from cv_tf.grouping import average_linkage, build_dendrograms, linkage


def _at_degrees(*degrees):
    radians = np.deg2rad(degrees)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


def _random(num_products, dim, seed=0):
    rng = np.random.default_rng(seed)
    embeddings = rng.standard_normal((num_products, dim)).astype(np.float32)
    return embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)


def _same_partition(first, second):
    return adjusted_rand_score(first, second) == 1.0


def _by_loops(embeddings, blocks, threshold):
    """Merges the most similar two groups of a block until none reach the threshold."""
    groups = [[i] for i in range(len(embeddings))]
    while True:
        best = (-2.0, None, None)
        for i, first in enumerate(groups):
            for j, second in enumerate(groups[:i]):
                if blocks[first[0]] == blocks[second[0]]:
                    similarities = [
                        embeddings[a] @ embeddings[b] for a in first for b in second
                    ]
                    best = max(best, (float(np.mean(similarities)), i, j))
        if best[0] < threshold:
            break
        groups[best[2]] += groups.pop(best[1])
    labels = np.empty(len(embeddings), int)
    for label, members in enumerate(groups):
        labels[members] = label
    return labels


def test_merges_while_the_mean_similarity_reaches_the_threshold():
    embeddings = _at_degrees(0, 10, 30)
    pair = np.cos(np.deg2rad(10))
    triple = (np.cos(np.deg2rad(20)) + np.cos(np.deg2rad(30))) / 2
    dendrograms = build_dendrograms(embeddings)
    assert dendrograms.merges.tolist() == [[0, 1], [0, 2]]
    np.testing.assert_allclose(dendrograms.similarities, [pair, triple], atol=1e-6)
    for threshold, groups in (
        (pair + 1e-3, [0, 1, 2]),
        (pair - 1e-3, [0, 0, 1]),
        (triple + 1e-3, [0, 0, 1]),
        (triple - 1e-3, [0, 0, 0]),
    ):
        assert average_linkage(embeddings, None, threshold).tolist() == groups


def test_groups_stay_within_blocks():
    embeddings = _at_degrees(0, 0, 1, 1, 2)
    assert average_linkage(embeddings, [0, 1, 0, 1, 2], -1).tolist() == [0, 1, 0, 1, 2]


def test_identical_embeddings_are_one_group_in_each_block():
    embeddings = np.repeat(_random(1, 64), 9, axis=0)
    groups = average_linkage(embeddings, np.arange(9) % 2, 0.999)
    assert groups.tolist() == [0, 1, 0, 1, 0, 1, 0, 1, 0]


def test_one_product_is_one_group():
    assert average_linkage(_at_degrees(0), [5], 0.5).tolist() == [0]


@pytest.mark.parametrize("chunk", [4, 1024])
@pytest.mark.parametrize("threshold", [0.8, 0.5, 0.2])
def test_equals_plain_loops(monkeypatch, chunk, threshold):
    monkeypatch.setattr(linkage, "_CHUNK", chunk)
    embeddings, blocks = _random(30, 3), np.arange(30) % 2
    groups = average_linkage(embeddings, blocks, threshold)
    assert 2 < groups.max() + 1 < 30
    assert _same_partition(groups, _by_loops(embeddings, blocks, threshold))


@pytest.mark.parametrize("threshold", [0.7, 0.4, 0.1])
def test_equals_scipy_and_scikit_learn(threshold):
    embeddings = _random(150, 6)
    groups = average_linkage(embeddings, None, threshold)
    tree = hierarchy.linkage(embeddings.astype(float), "average", metric="cosine")
    cut = hierarchy.fcluster(tree, 1 - threshold, criterion="distance")
    clustering = AgglomerativeClustering(
        None, metric="cosine", linkage="average", distance_threshold=1 - threshold
    )
    assert _same_partition(groups, cut)
    assert _same_partition(groups, clustering.fit_predict(embeddings))


def test_order_of_products_and_names_of_blocks_do_not_matter():
    embeddings, blocks = _random(80, 4), np.arange(80) % 3
    order = np.random.default_rng(1).permutation(80)
    groups = average_linkage(embeddings, blocks, 0.5)
    shuffled = average_linkage(embeddings[order], 70 - 9 * blocks[order], 0.5)
    assert _same_partition(groups[order], shuffled)


def test_names_the_block_that_is_too_large(monkeypatch):
    monkeypatch.setattr(linkage, "MAX_BLOCK_SIZE", 3)
    with pytest.raises(ValueError, match=r"Block 8 has 4 products.*at most 3"):
        build_dendrograms(_random(7, 2), [1, 8, 8, 1, 8, 8, 1])


def test_refuses_embeddings_that_are_not_finite():
    embeddings = _random(4, 2)
    embeddings[3, 0] = np.nan
    with pytest.raises(ValueError, match=r"NaN.*row 3"):
        build_dendrograms(embeddings)
