"""Average linkage: hand-worked, against plain loops, SciPy and scikit-learn."""

import numpy as np
import pytest
from angles import at_degrees
from scipy.cluster import hierarchy
from sklearn.cluster import AgglomerativeClustering
from sklearn.metrics import adjusted_rand_score

from cv_tf.grouping import Graph, Similarity, average_linkage
from cv_tf.retrieval import color_log_odds


def _random(num_products, dim, seed=0):
    rng = np.random.default_rng(seed)
    embeddings = rng.standard_normal((num_products, dim)).astype(np.float32)
    return embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)


def _same_partition(first, second):
    return adjusted_rand_score(first, second) == 1.0


def _by_loops(alike, blocks, threshold):
    """Merges the most alike two groups of a block until none reach the threshold."""
    groups = [[i] for i in range(len(alike))]
    while True:
        best = (-2.0, None, None)
        for i, first in enumerate(groups):
            for j, second in enumerate(groups[:i]):
                if blocks[first[0]] == blocks[second[0]]:
                    mean = float(np.mean([alike[a, b] for a in first for b in second]))
                    best = max(best, (mean, i, j))
        if best[0] < threshold:
            break
        groups[best[2]] += groups.pop(best[1])
    labels = np.empty(len(alike), int)
    for label, members in enumerate(groups):
        labels[members] = label
    return labels


def test_merges_while_the_mean_similarity_reaches_the_threshold(link_all):
    embeddings = at_degrees(0, 10, 30)
    pair = np.cos(np.deg2rad(10))
    triple = (np.cos(np.deg2rad(20)) + np.cos(np.deg2rad(30))) / 2
    dendrograms = link_all(embeddings)
    assert dendrograms.merges.tolist() == [[0, 1], [0, 2]]
    np.testing.assert_allclose(dendrograms.similarities, [pair, triple], atol=1e-6)
    for threshold, groups in (
        (pair + 1e-3, [0, 1, 2]),
        (pair - 1e-3, [0, 0, 1]),
        (triple + 1e-3, [0, 0, 1]),
        (triple - 1e-3, [0, 0, 0]),
    ):
        assert dendrograms.cut(threshold).tolist() == groups


def test_the_floor_itself_is_near_enough():
    embeddings = np.array([[1.0, 0.0], [0.5, 0.5]], np.float32)  # Exactly 0.5 alike.
    graph = Graph(np.array([0]), np.array([1]))
    similarity = Similarity(embeddings)
    assert len(average_linkage(similarity, graph, floor=0.5).merges) == 1
    assert len(average_linkage(similarity, graph, floor=0.501).merges) == 0


def test_groups_stay_within_blocks(link_all):
    linked = link_all(at_degrees(0, 0, 1, 1, 2), [0, 1, 0, 1, 2])
    assert linked.cut(-1).tolist() == [0, 1, 0, 1, 2]


def test_identical_embeddings_are_one_group_in_each_block(link_all):
    linked = link_all(np.repeat(_random(1, 64), 9, axis=0), np.arange(9) % 2)
    assert linked.cut(0.999).tolist() == [0, 1, 0, 1, 0, 1, 0, 1, 0]


def test_nothing_to_join_leaves_every_product_alone(link_all):
    assert link_all(at_degrees(0)).cut(0.5).tolist() == [0]
    assert link_all(at_degrees(0, 1), [0, 1]).cut(-1).tolist() == [0, 1]


@pytest.mark.parametrize("threshold", [0.8, 0.5, 0.2])
def test_equals_plain_loops(link_all, threshold):
    embeddings, blocks = _random(30, 3), np.arange(30) % 2
    groups = link_all(embeddings, blocks).cut(threshold)
    assert 2 < groups.max() + 1 < 30
    expected = _by_loops(embeddings @ embeddings.T, blocks, threshold)
    assert _same_partition(groups, expected)


@pytest.mark.parametrize("threshold", [0.5, 0.2, 0.0])
def test_equals_plain_loops_with_colors(all_pairs, threshold):
    rng = np.random.default_rng(3)
    embeddings, colors = _random(30, 3), rng.uniform(0, 20, (30, 3)).astype(np.float32)
    colors[[4, 7]] = np.nan
    similarity = Similarity(embeddings, colors, 0.6)
    groups = average_linkage(similarity, all_pairs(30)).cut(threshold)
    log_odds = color_log_odds(colors[:, None], colors)
    alike = embeddings @ embeddings.T - 0.6 * (0.9 - log_odds)
    assert _same_partition(groups, _by_loops(alike, np.zeros(30), threshold))
    assert not _same_partition(
        groups, _by_loops(embeddings @ embeddings.T - 0.54, np.zeros(30), threshold)
    )


@pytest.mark.parametrize("threshold", [0.7, 0.4, 0.1])
def test_equals_scipy_and_scikit_learn(link_all, threshold):
    embeddings = _random(150, 6)
    groups = link_all(embeddings).cut(threshold)
    tree = hierarchy.linkage(embeddings.astype(float), "average", metric="cosine")
    cut = hierarchy.fcluster(tree, 1 - threshold, criterion="distance")
    clustering = AgglomerativeClustering(
        None, metric="cosine", linkage="average", distance_threshold=1 - threshold
    )
    assert _same_partition(groups, cut)
    assert _same_partition(groups, clustering.fit_predict(embeddings))


@pytest.mark.parametrize("floor", [0.3, 0.6])
def test_a_floor_leaves_the_cuts_above_it_as_they_were(link_all, floor):
    embeddings = _random(100, 5)
    down, further = link_all(embeddings, floor=floor), link_all(embeddings)
    for threshold in (floor, 0.7, 0.9):
        assert down.cut(threshold).tolist() == further.cut(threshold).tolist()
    with pytest.raises(ValueError, match=rf"below {floor}"):
        down.cut(floor - 0.01)


def test_similarities_descend_and_groups_are_made_before_they_merge(link_all):
    linked = link_all(_random(80, 4), np.arange(80) % 3)
    assert (np.diff(linked.similarities) <= 0).all()
    assert (linked.merges[:, 0] < linked.merges[:, 1]).all()
    gone = set()
    for first, second in linked.merges.tolist():
        assert not {first, second} & gone
        gone.add(second)


def test_order_of_products_and_names_of_blocks_do_not_matter(link_all):
    embeddings, blocks = _random(80, 4), np.arange(80) % 3
    order = np.random.default_rng(1).permutation(80)
    groups = link_all(embeddings, blocks).cut(0.5)
    shuffled = link_all(embeddings[order], 70 - 9 * blocks[order]).cut(0.5)
    assert _same_partition(groups[order], shuffled)


def test_groups_without_an_edge_between_them_never_merge():
    similarity = Similarity(at_degrees(0, 1, 2, 3))
    chain = Graph(np.array([0, 2], np.int32), np.array([1, 3], np.int32))
    assert average_linkage(similarity, chain).cut(-1).tolist() == [0, 0, 1, 1]


def test_products_that_are_joined_through_others_are_compared_all_the_same():
    # 0 and 2 have no edge; their similarity counts when 2 meets the group of 0.
    similarity = Similarity(at_degrees(0, 10, 30))
    path = Graph(np.array([0, 1], np.int32), np.array([1, 2], np.int32))
    expected = (np.cos(np.deg2rad(20)) + np.cos(np.deg2rad(30))) / 2
    similarities = average_linkage(similarity, path).similarities
    np.testing.assert_allclose(similarities[1], expected, atol=1e-6)


def test_no_group_exceeds_the_largest_size(link_all):
    linked = link_all(at_degrees(0, 1, 2, 40, 41), max_size=2)
    # 0 and 1, and 40 and 41, are full; 2 stays alone.
    groups = linked.cut(0.5)
    assert np.bincount(groups).max() == 2
    assert groups[3] == groups[4]
    assert linked.num_refused > 0
    assert link_all(at_degrees(0, 1, 2), max_size=3).num_refused == 0


class TestStart:
    """Groups to start from."""

    START = np.array([5, 5, 9, 9, 5, 7])

    def test_groups_stay_together_at_any_threshold(self, link_all):
        linked = link_all(at_degrees(0, 90, 180, 90, 45, 20), start=self.START)
        assert linked.cut(1.1).tolist() == [0, 0, 1, 1, 0, 2]

    def test_they_merge_as_a_whole(self, link_all):
        embeddings = at_degrees(0, 20, 10)
        linked = link_all(embeddings, start=np.array([0, 0, 1]))
        np.testing.assert_allclose(
            linked.similarities, [np.inf, np.cos(np.deg2rad(10))], atol=1e-6
        )

    def test_going_on_from_a_cut_changes_nothing(self, link_all):
        embeddings = _random(60, 4)
        whole = link_all(embeddings)
        resumed = link_all(embeddings, start=whole.cut(0.7))
        for threshold in (0.7, 0.5, 0.2):
            assert _same_partition(whole.cut(threshold), resumed.cut(threshold))

    def test_a_group_that_nothing_joins_stays(self):
        similarity = Similarity(at_degrees(0, 1, 2))
        none = Graph(np.empty(0, np.int32), np.empty(0, np.int32))
        linked = average_linkage(similarity, none, start=np.array([3, 4, 3]))
        assert linked.cut(0.0).tolist() == [0, 1, 0]
