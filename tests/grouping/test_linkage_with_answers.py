"""Average linkage that obeys answers: hand-worked, then by plain loops."""

import numpy as np
import pytest
from angles import at_degrees

from cv_tf.grouping import (
    Constraints,
    Graph,
    Similarity,
    average_linkage,
    components,
    start_within,
)

NOTHING = np.empty((0, 2), np.int64)
NO_EDGES = Graph(np.empty(0, np.int32), np.empty(0, np.int32))


def known_of(number, same=(), apart=(), **former):
    same, apart = (np.array(of, np.int64).reshape(-1, 2) for of in (same, apart))
    known = Constraints.of_pairs(number, same, apart)
    return Constraints(known.together, known.apart, **former)


def random_catalog(seed, number=24):
    """Unit vectors that are close to a few, and constraints of their pairs."""
    random = np.random.default_rng(seed)
    vectors = random.standard_normal((number, 4)) + 1.5 * np.repeat(
        random.standard_normal((number // 4, 4)), 4, axis=0
    )
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype("f4")
    same = random.integers(0, number, (number // 5, 2))
    same = same[same[:, 0] != same[:, 1]]
    together = components(number, same)
    apart = random.integers(0, number, (2 * number, 2))
    apart = apart[together[apart[:, 0]] != together[apart[:, 1]]]
    return vectors, Constraints.of_pairs(number, same, apart)


def random_start(seed, vectors, known):
    random = np.random.default_rng(1000 + seed)
    start = random.integers(0, len(vectors) // 2, len(vectors))
    return start_within(start, known, Similarity(vectors))


def check_obeyed(groups, known):
    for one in np.unique(known.together):
        assert len(set(groups[known.together == one].tolist())) == 1
    first, second = known.apart.T
    assert (groups[first] != groups[second]).all()


def by_loops(vectors, floor, known, start=None, max_size=None):
    """Merges the most similar two groups that may merge, one merge after another."""
    number, alike = len(vectors), vectors @ vectors.T
    pairs = np.stack([np.arange(number), known.together], axis=1)
    if start is not None:
        lowest = np.unique(start, return_index=True, return_inverse=True)
        pairs = np.concatenate(
            [pairs, np.stack([np.arange(number), lowest[1][lowest[2]]], axis=1)]
        )
    of = components(number, pairs)
    groups = [np.flatnonzero(of == name).tolist() for name in np.unique(of)]
    apart = {frozenset(pair) for pair in known.apart.tolist()}
    while True:
        best, chosen = floor, None
        for i, first in enumerate(groups):
            for j, second in enumerate(groups[:i]):
                if max_size and len(first) + len(second) > max_size:
                    continue
                if any(frozenset((a, b)) in apart for a in first for b in second):
                    continue
                mean = alike[np.ix_(first, second)].mean()
                if mean >= best:
                    best, chosen = mean, (i, j)
        if chosen is None:
            break
        groups[chosen[1]] += groups.pop(chosen[0])
    of = np.empty(number, int)
    for members in groups:
        of[members] = min(members)
    return of


def lowest_rows(groups):
    return np.unique(groups, return_index=True)[1][
        np.unique(groups, return_inverse=True)[1]
    ]


class TestByHand:
    def test_no_keeps_the_nearest_apart(self, link_all):
        vectors = at_degrees(0, 10, 30)
        groups = link_all(vectors, constraints=known_of(3, apart=[(1, 0)])).cut(0.5)
        # 30 degrees join the nearer one, and cannot join the other then.
        assert groups.tolist() == [0, 1, 1]

    def test_yes_joins_the_farthest_at_any_threshold(self, link_all):
        linked = link_all(at_degrees(0, 180, 90), constraints=known_of(3, [(0, 1)]))
        assert linked.cut(1.0).tolist() == [0, 0, 1]
        assert linked.similarities[0] == np.inf
        assert linked.num_certain == 1

    def test_no_holds_for_all_that_are_linked(self, link_all):
        known = known_of(4, same=[(0, 3)], apart=[(3, 1)])
        groups = link_all(at_degrees(0, 1, 2, 60), constraints=known).cut(0.5)
        assert groups[0] == groups[3]
        assert groups[1] not in (groups[0], groups[3])

    def test_no_holds_for_what_has_joined(self, link_all):
        """0 and 1 merge first; 2 then stays out, for it is apart from 1."""
        known = known_of(3, apart=[(2, 1)])
        linked = link_all(at_degrees(0, 1, -3), constraints=known)
        assert linked.cut(-1).tolist() == [0, 0, 1]

    def test_yes_joins_what_no_edge_joins(self):
        """Products of two blocks, and those that are nobody's neighbors."""
        similarity = Similarity(at_degrees(0, 90, 180, 270))
        known = known_of(4, same=[(0, 2), (2, 3)])
        linked = average_linkage(similarity, NO_EDGES, constraints=known)
        assert linked.cut(1.0).tolist() == [0, 1, 0, 0]
        assert linked.num_certain == 2

    def test_what_yes_has_joined_counts_as_a_whole(self, link_all):
        """60 degrees are near 50, but not near the mean of 50 and -50."""
        vectors = at_degrees(50, -50, 60)
        apart = known_of(3, same=[(0, 1)])
        mean = (np.cos(np.deg2rad(10)) + np.cos(np.deg2rad(110))) / 2
        linked = link_all(vectors, constraints=apart)
        np.testing.assert_allclose(linked.similarities, [np.inf, mean], atol=1e-6)
        assert linked.cut(0.9).tolist() == [0, 0, 1]

    def test_num_certain_counts_yes_and_not_former_groups(self, link_all):
        known = known_of(6, same=[(0, 1), (3, 1)])
        start = np.array([0, 0, 2, 0, 4, 4])
        linked = link_all(at_degrees(*range(6)), start=start, constraints=known)
        assert linked.num_certain == 2
        assert np.isinf(linked.similarities).sum() == 3
        certain = linked.merges[:2].ravel()
        assert set(certain.tolist()) == {0, 1, 3}


class TestClosedGroups:
    """A former product joins no closed group; a new one may."""

    FORMER = np.array([1, 1, 1, 0], bool)
    CLOSED = np.array([1, 1, 0, 0], bool)

    def link(self, link_all, vectors, same=(), apart=()):
        known = known_of(4, same, apart, is_former=self.FORMER, is_closed=self.CLOSED)
        start = start_within(np.array([0, 0, 2, 3]), known, Similarity(vectors))
        return link_all(vectors, start=start, constraints=known).cut(-1).tolist()

    def test_former_products_stay_out(self, link_all):
        assert self.link(link_all, at_degrees(0, 1, 2, 180))[:3] == [0, 0, 1]

    def test_a_new_product_joins_and_brings_no_former_one(self, link_all):
        assert self.link(link_all, at_degrees(0, 10, 20, 8)) == [0, 0, 1, 0]

    def test_a_former_one_with_a_new_one_stays_out(self, link_all):
        assert self.link(link_all, at_degrees(0, 10, 20, 19)) == [0, 0, 1, 1]

    def test_yes_joins_all_the_same(self, link_all):
        assert self.link(link_all, at_degrees(0, 1, 60, 180), [(0, 2)])[:3] == [0] * 3

    def test_no_splits_all_the_same(self, link_all):
        groups = self.link(link_all, at_degrees(0, 1, 180, 181), (), [(0, 1)])
        assert groups[0] != groups[1]


class TestProperties:
    @pytest.mark.parametrize("max_size", [None, 3, 5])
    @pytest.mark.parametrize("has_start", [False, True])
    def test_answers_are_obeyed_at_any_threshold(self, link_all, max_size, has_start):
        for seed in range(25):
            vectors, known = random_catalog(seed)
            start = random_start(seed, vectors, known) if has_start else None
            linked = link_all(
                vectors, max_size=max_size, start=start, constraints=known
            )
            for threshold in (1.0, 0.7, 0.3, -1.0):
                check_obeyed(linked.cut(threshold), known)
            if max_size:
                size = np.bincount(linked.cut(-1))
                least = np.bincount(linked.cut(1.1)).max()
                assert size.max() <= max(max_size, least)

    def test_with_closed_groups(self, link_all):
        random = np.random.default_rng(0)
        for seed in range(25):
            vectors, known = random_catalog(seed)
            former = random.random(24) < 0.7
            start = np.where(former, np.arange(24) // 3, 24 + np.arange(24))
            closed = former & np.isin(start, random.permutation(8)[:4])
            known = Constraints(known.together, known.apart, former, closed)
            begun = start_within(start, known, Similarity(vectors))
            groups = link_all(vectors, start=begun, constraints=known).cut(-1)
            check_obeyed(groups, known)
            for group in np.unique(groups):
                own = groups == group
                if (own & closed).any():
                    # No former product has joined but by what was there at the start.
                    assert len(np.unique(begun[own & former])) == 1

    @pytest.mark.parametrize("seed", range(12))
    @pytest.mark.parametrize("max_size", [None, 5])
    def test_equals_plain_loops(self, link_all, seed, max_size):
        vectors, known = random_catalog(seed)
        start = random_start(seed, vectors, known) if seed % 2 else None
        linked = link_all(
            vectors, floor=0.2, max_size=max_size, start=start, constraints=known
        )
        groups = lowest_rows(linked.cut(0.2))
        expected = by_loops(vectors, 0.2, known, start, max_size)
        assert groups.tolist() == expected.tolist()

    @pytest.mark.parametrize("has_start", [False, True])
    def test_nothing_said_changes_no_bit(self, link_all, has_start):
        vectors, _ = random_catalog(3, 60)
        start = np.arange(60) // 3 if has_start else None
        without = link_all(vectors, start=start, max_size=7)
        nothing = known_of(60)
        with_none = link_all(vectors, start=start, max_size=7, constraints=nothing)
        for field in ("merges", "similarities", "num_refused", "num_certain"):
            np.testing.assert_array_equal(
                getattr(without, field), getattr(with_none, field)
            )
        for name, of in vars(without.evidence).items():
            np.testing.assert_array_equal(of, getattr(with_none.evidence, name))

    def test_what_is_far_from_all_answers_is_as_without(self, link_all):
        vectors, _ = random_catalog(4, 40)
        far = np.zeros((80, 8), np.float32)
        far[:40, :4], far[40:, 4:] = vectors, vectors
        _, known = random_catalog(4, 40)
        known = known_of(80, (), known.apart)
        plain = lowest_rows(link_all(far, floor=0.1).cut(0.1))
        told = lowest_rows(link_all(far, floor=0.1, constraints=known).cut(0.1))
        assert plain[40:].tolist() == told[40:].tolist()
        assert plain[:40].tolist() != told[:40].tolist()


class TestStartWithin:
    def start(self, start, vectors, same=(), apart=()):
        known = known_of(len(start), same, apart)
        return lowest_rows(start_within(np.array(start), known, Similarity(vectors)))

    def test_a_no_splits_a_group_and_leaves_others(self):
        vectors = at_degrees(0, 10, 50, 60, 90, 91)
        found = self.start([7, 7, 7, 7, 3, 3], vectors, apart=[(0, 3)])
        assert found.tolist() == [0, 0, 2, 2, 4, 4]

    def test_pieces_are_few(self):
        """Products that nothing was said of stay with one or the other."""
        vectors = at_degrees(0, 100, 170, 10)
        assert self.start([1] * 4, vectors, apart=[(0, 2)]).tolist() == [0, 1, 1, 0]

    def test_a_yes_joins_groups(self):
        vectors = at_degrees(0, 90, 180, 270)
        assert self.start([1, 1, 2, 3], vectors, [(1, 2)]).tolist() == [0, 0, 0, 3]

    def test_a_yes_and_a_no_between_two_groups(self):
        """0 and 1 are one group, 2 and 3 another; 1 is 2, but 0 is not 3."""
        vectors = at_degrees(0, 10, 20, 30)
        found = self.start([1, 1, 2, 2], vectors, [(1, 2)], [(0, 3)])
        assert found[1] == found[2]
        assert found[0] != found[3]
        assert len(set(found.tolist())) == 2

    def test_nothing_said_leaves_all(self):
        vectors = at_degrees(0, 90, 180)
        assert self.start([5, 1, 5], vectors).tolist() == [0, 1, 0]

    def test_only_a_no_splits_however_unlike_products_are(self):
        vectors = at_degrees(0, 180, 1)
        found = self.start([1, 1, 1], vectors, apart=[(0, 2)])
        assert found.tolist() == [0, 1, 1]

    @pytest.mark.parametrize("seed", range(20))
    def test_never_goes_against_what_is_known(self, seed):
        vectors, known = random_catalog(seed)
        start = np.arange(24) // 6
        found = start_within(start, known, Similarity(vectors))
        check_obeyed(found, known)
        # Without a no between its products, a group is whole.
        joined = components(
            24,
            np.concatenate(
                [
                    np.stack([np.arange(24), start * 6], axis=1),
                    np.stack([np.arange(24), known.together], axis=1),
                ]
            ),
        )
        split = set(
            joined[known.apart[:, 0]][
                joined[known.apart[:, 0]] == joined[known.apart[:, 1]]
            ].tolist()
        )
        for group in set(joined.tolist()) - split:
            assert len(set(found[joined == group].tolist())) == 1
        # Nor is anything joined that was apart.
        for piece in np.unique(found):
            assert len(set(joined[found == piece].tolist())) == 1
