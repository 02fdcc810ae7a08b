"""Groups that follow answers: as if all were linked anew with what is known."""

import numpy as np
import pytest
from angles import at_degrees
from drawn_products import draw, link

from cv_tf.embeddings import Embeddings
from cv_tf.grouping import Graph, average_linkage, mutual_graph, start_within
from cv_tf.reviewing.live_groups import Adjacency, LiveGroups
from cv_tf.reviewing.words import Words


def anew(linked, threshold, known, start=None, max_size=None):
    """The groups of the whole catalog, linked with what is known."""
    begun = None if start is None else start_within(start, known, linked.similarity)
    graph = mutual_graph(linked.neighbors, -1.0)
    groups = average_linkage(
        linked.similarity, graph, threshold, max_size, begun, known
    ).cut(threshold)
    _, lowest, group = np.unique(groups, return_index=True, return_inverse=True)
    return lowest[group]


def test_adjacency_lists_every_edge_from_both_ends():
    graph = Graph(np.array([0, 0, 2]), np.array([1, 3, 3]))
    first, other, edge = Adjacency(5, graph).of(np.array([0, 3, 4]))
    assert edge.tolist() == [0, 1, 1, 2]
    found = sorted(zip(first.tolist(), other.tolist(), strict=True))
    assert found == [(0, 1), (0, 3), (3, 0), (3, 2)]
    nothing = np.empty(0, np.int64)
    assert Adjacency(2, Graph(nothing, nothing)).of(np.arange(2))[0].tolist() == []


class TestByHand:
    PRODUCTS = Embeddings.of_arrays(at_degrees(0, 10, 30, 180))

    def live(self, **others):
        self.words = Words(4)
        linked = link(self.PRODUCTS)
        return LiveGroups(linked, 0.91, None, self.words.known, **others)

    def say(self, live, *said):
        self.words.add(said, "Ann")
        rows = {row for pair in said for row in pair[:2]}
        return live.update(self.words.known, rows).tolist()

    def test_no_parts_and_yes_joins(self):
        live = self.live()
        assert live.of.tolist() == [0, 0, 2, 3]
        assert self.say(live, (0, 1, False)) == [0, 1, 2]
        assert live.of.tolist() == [0, 1, 1, 3]
        assert self.say(live, (3, 0, True)) == [0, 3]
        assert live.of.tolist() == [0, 1, 1, 0]

    def test_only_what_is_changed_is_returned(self):
        live = self.live()
        assert self.say(live, (2, 3, False)) == [2, 3]
        assert self.say(live, (0, 1, True)) == [0, 1]
        assert live.update(self.words.known, []).tolist() == []

    def test_what_is_taken_back(self):
        live = self.live()
        said = [(3, 0, True), (0, 1, False)]
        self.say(live, *said)
        self.words.remove(said, "Ann")
        live.update(self.words.known, [0, 1, 3])
        assert live.of.tolist() == [0, 0, 2, 3]

    def test_groups_to_start_from_stay_as_far_as_nobody_parts_them(self):
        live = self.live(start=np.array([5, 6, 6, 5]))
        assert live.of.tolist() == [0, 1, 1, 0]
        self.say(live, (1, 2, False))
        assert live.of[[0, 3]].tolist() == [0, 0]
        assert live.of[1] != live.of[2]


@pytest.mark.parametrize("seed", range(8))
def test_equals_linking_all_anew(seed):
    """After any words, some of which are wrong, and some are taken back."""
    random = np.random.default_rng(seed)
    products = draw(40, seed, noise=0.9, colored=seed % 3 == 0)
    linked, number = link(products), len(products)
    threshold = (0.3, 0.5, 0.7)[seed % 3]
    max_size = 4 if seed % 4 == 1 else None
    start = random.integers(0, 20, number) if seed % 2 else None
    words = Words(number)
    live = LiveGroups(linked, threshold, max_size, words.known, start)
    first = anew(linked, threshold, words.known, start, max_size)
    assert live.of.tolist() == first.tolist()
    said = []
    for _ in range(12):
        rows = random.choice(number, random.integers(2, 6), replace=False).tolist()
        if said and random.random() < 0.3:
            pairs = said.pop(random.integers(len(said)))
            words.remove(pairs, "Ann")
            rows = {row for pair in pairs for row in pair[:2]}
        else:
            style = products.style[rows]
            is_wrong = random.random() < 0.1
            pairs = [
                (rows[0], row, bool(style[0] == of) ^ is_wrong)
                for row, of in zip(rows[1:], style[1:], strict=True)
            ]
            said.append(pairs)
            words.add(pairs, "Ann")
        before = live.of.copy()
        touched = live.update(words.known, rows)
        expected = anew(linked, threshold, words.known, start, max_size)
        assert live.of.tolist() == expected.tolist()
        others = sorted({*range(number)} - {*touched.tolist()})
        groups = [
            {tuple(np.flatnonzero(of == of[row])) for row in others}
            for of in (before, live.of)
        ]
        assert groups[0] == groups[1]
    fresh = LiveGroups(linked, threshold, max_size, words.known, start)
    assert fresh.of.tolist() == live.of.tolist()
