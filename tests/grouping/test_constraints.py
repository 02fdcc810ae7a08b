"""What is known of groups before they are found: hand-worked, then by plain loops."""

import numpy as np
import pytest

from cv_tf.grouping import Constraints, components

NOTHING = np.empty((0, 2), np.int64)


def pairs(*of):
    return np.array(of, np.int64).reshape(-1, 2)


def random_constraints(seed, number=20, num_same=8, num_apart=12):
    """Constraints without a contradiction, and the pairs they were made of."""
    random = np.random.default_rng(seed)
    same = random.integers(0, number, (num_same, 2))
    same = same[same[:, 0] != same[:, 1]]
    together = components(number, same)
    apart = random.integers(0, number, (num_apart, 2))
    apart = apart[together[apart[:, 0]] != together[apart[:, 1]]]
    return Constraints.of_pairs(number, same, apart), same, apart


class TestTogether:
    def test_is_transitive_and_named_by_the_lowest_row(self):
        known = Constraints.of_pairs(7, pairs((5, 3), (3, 6), (4, 2)), NOTHING)
        assert known.together.tolist() == [0, 1, 2, 3, 2, 3, 3]
        assert known.together.dtype == np.int64
        assert len(known) == 7

    def test_counts_every_pair(self):
        known = Constraints.of_pairs(7, pairs((5, 3), (3, 6), (4, 2)), NOTHING)
        assert known.num_pairs_together == 3 + 1
        assert Constraints.of_pairs(3, NOTHING, NOTHING).num_pairs_together == 0

    def test_of_nothing(self):
        assert components(3, NOTHING).tolist() == [0, 1, 2]
        assert components(0, NOTHING).tolist() == []
        known = Constraints.of_pairs(2, np.array([]), np.array([]))
        assert known.together.tolist() == [0, 1]
        assert known.apart.shape == (0, 2)
        assert known.are_apart(np.array([0]), np.array([1])).tolist() == [False]
        assert known.is_told.tolist() == [False, False]


class TestApart:
    KNOWN = Constraints.of_pairs(6, pairs((0, 4), (5, 1)), pairs((4, 5), (2, 0)))

    def test_holds_for_all_that_are_linked_with_either_in_any_order(self):
        expected = {(0, 5), (0, 1), (4, 5), (4, 1), (2, 0), (2, 4)}
        first, second = np.triu_indices(6, 1)
        expected = [
            (i, j) in expected or (j, i) in expected
            for i, j in zip(first, second, strict=True)
        ]
        assert self.KNOWN.are_apart(first, second).tolist() == expected
        assert self.KNOWN.are_apart(second, first).tolist() == expected

    def test_keys_are_of_groups_and_ascend(self):
        groups = np.array([0, 1, 2, 3, 0, 1])
        # 0 with 1, and 0 with 2.
        assert self.KNOWN.keys(groups).tolist() == [0 * 6 + 1, 0 * 6 + 2]
        # Whatever the groups are called.
        groups = np.array([5, 4, 0, 3, 5, 4])
        assert self.KNOWN.keys(groups).tolist() == [0 * 6 + 5, 4 * 6 + 5]

    def test_keys_of_int32_do_not_overflow(self):
        number = 70_000
        known = Constraints.of_pairs(number, NOTHING, pairs((number - 1, number - 2)))
        keys = known.keys(np.arange(number, dtype=np.int32))
        assert keys.tolist() == [(number - 2) * number + number - 1]

    @pytest.mark.parametrize("seed", range(5))
    def test_equals_plain_loops(self, seed):
        known, same, apart = random_constraints(seed)
        linked = np.eye(20, dtype=bool)
        linked[same[:, 0], same[:, 1]] = linked[same[:, 1], same[:, 0]] = True
        for _ in range(20):
            linked = linked @ linked
        said = np.zeros((20, 20), bool)
        for one, other in apart.tolist():
            said |= linked[one][:, None] & linked[other]
            said |= linked[other][:, None] & linked[one]
        first, second = np.indices((20, 20)).reshape(2, -1)
        together = known.together[first] == known.together[second]
        assert together.tolist() == linked.ravel().tolist()
        assert known.are_apart(first, second).tolist() == said.ravel().tolist()


class TestSelect:
    def test_numbers_by_place(self):
        known = Constraints.of_pairs(6, pairs((0, 4), (5, 1)), pairs((4, 5), (2, 0)))
        some = known.select(np.array([1, 4, 5]))
        assert some.together.tolist() == [0, 1, 0]
        assert some.are_apart(np.array([0, 0]), np.array([1, 2])).tolist() == [1, 0]

    @pytest.mark.parametrize("seed", range(10))
    def test_keeps_what_is_known_of_any_rows(self, seed):
        """Also of those whose links lead through products that are left out."""
        known, _, _ = random_constraints(seed)
        rows = np.flatnonzero(np.random.default_rng(seed).random(20) < 0.6)
        some = known.select(rows)
        first, second = np.indices((len(rows),) * 2).reshape(2, -1)
        together = known.together[rows][first] == known.together[rows][second]
        assert (some.together[first] == some.together[second]).tolist() == (
            together.tolist()
        )
        apart = known.are_apart(rows[first], rows[second])
        assert some.are_apart(first, second).tolist() == apart.tolist()
        assert (some.together <= np.arange(len(rows))).all()

    def test_keeps_who_was_there_before(self):
        known = Constraints(
            np.arange(4), NOTHING, np.array([1, 1, 0, 1], bool), np.arange(4) == 3
        )
        some = known.select(np.array([0, 3]))
        assert some.is_former.tolist() == [True, True]
        assert some.is_closed.tolist() == [False, True]

    def test_of_nothing(self):
        known = Constraints.of_pairs(3, pairs((0, 1)), pairs((1, 2)))
        assert len(known.select(np.empty(0, np.int64))) == 0


class TestConfirmed:
    KNOWN = Constraints.of_pairs(8, pairs((0, 1), (1, 2), (3, 4)), pairs((4, 6)))

    def test_is_a_group_that_yes_links_whole(self):
        groups = np.array([0, 0, 0, 3, 3, 5, 6, 7])
        assert self.KNOWN.confirmed(groups).tolist() == [1, 1, 1, 1, 1, 0, 1, 0]

    def test_is_not_one_with_another_product(self):
        groups = np.array([9, 9, 9, 3, 3, 3, 6, 7])
        assert self.KNOWN.confirmed(groups).tolist() == [1, 1, 1, 0, 0, 0, 1, 0]

    def test_is_not_one_that_a_part_of_the_linked_are_in(self):
        """Linked products are never in two groups; if they were, neither is whole."""
        known = Constraints.of_pairs(3, NOTHING, NOTHING)
        assert known.confirmed(np.zeros(3, int)).tolist() == [0, 0, 0]

    def test_is_told_of_both_sides_of_a_no(self):
        assert self.KNOWN.is_told.tolist() == [1, 1, 1, 1, 1, 0, 1, 0]

    def test_of_no_products(self):
        nothing = Constraints.of_pairs(0, NOTHING, NOTHING)
        assert nothing.confirmed(np.empty(0, int)).tolist() == []
