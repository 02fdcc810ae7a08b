"""The state of a group, and the product that stands for it."""

import numpy as np
import pytest

from cv_tf.grouping.states import (
    STATES,
    Former,
    group_states,
    number_names,
    representatives,
)


def _objects(names):
    array = np.empty(len(names), object)
    array[:] = list(names)
    return array


def _states(groups, previous=None, confidence=None, confirmed="", closed=()):
    """States by group, of groups and former groups that are written as "ab c"."""
    names = groups.split()
    ids = _objects("".join(names))
    group = np.repeat(np.arange(len(names)), [len(name) for name in names])
    former = None
    if previous is not None:
        previous = {product: name for name in previous.split() for product in name}
        former = Former.of(previous, ids)
    found = group_states(
        group,
        np.full(len(ids), 0.9) if confidence is None else np.array(confidence),
        np.isin(ids, list(confirmed)) if confirmed else None,
        former,
        closed,
    )
    return found.tolist()


class TestFormer:
    def test_by_hand(self):
        previous = {"a": "g", "z": "h", "b": "g", "y": "g"}
        former = Former.of(previous, _objects("xbza"))
        assert former.names.tolist() == ["g", "h"]
        assert former.size.tolist() == [3, 1]
        assert former.group.tolist() == [-1, 0, 1, 0]
        assert former.gone == {"y": "g"}

    def test_nothing_in_common(self):
        former = Former.of({"a": "g"}, _objects("x"))
        assert former.group.tolist() == [-1]
        assert former.gone == {"a": "g"}

    def test_names_are_numbered_as_they_come(self):
        numbers, names = number_names(_objects(["ü", "a", "ü", ""]))
        assert numbers.tolist() == [0, 1, 0, 2]
        assert names.tolist() == ["ü", "a", ""]


class TestStates:
    def test_without_an_earlier_run_all_are_new(self):
        assert _states("ab c") == ["new", "new"]

    @pytest.mark.parametrize(
        ("groups", "previous", "expected"),
        [
            ("ab c", "ab c", "unchanged unchanged"),
            ("ab c", "c ab", "unchanged unchanged"),
            ("abc", "ab c", "changed"),  # Joined.
            ("a bc", "abc", "changed changed"),  # Split.
            ("ab cd", "ac bd", "changed changed"),
            ("abx c", "ab c", "changed unchanged"),  # One has come.
            ("ab xy z", "ab", "unchanged new new"),
            ("a c", "ab c", "changed unchanged"),  # One has gone.
            ("ab", "abc def", "changed"),
            ("a", "b", "new"),
        ],
    )
    def test_against_an_earlier_run(self, groups, previous, expected):
        assert _states(groups, previous) == expected.split()

    def test_doubtful_by_the_mean_confidence(self):
        assert _states("ab c", confidence=[0.8, 0.1, 0.49]) == ["doubtful"] * 2
        assert _states("ab c", confidence=[0.8, 0.2, 0.5]) == ["new"] * 2
        # In floating point, the mean of these is less than 0.5.
        third = [0.1, 0.2, 1.2 - 1e-16]
        assert _states("abc", confidence=third) == ["new"]

    def test_confirmed_if_all_of_its_products_are(self):
        confirmed = _states("ab cd e", confirmed="abce")
        assert confirmed == ["confirmed", "new", "confirmed"]

    def test_the_first_that_holds(self):
        sure, unsure = [0.9] * 2, [0.1] * 2
        known = ("ab", "a b", unsure)
        assert _states(*known, confirmed="ab") == ["confirmed"]
        assert _states(*known) == ["doubtful"]
        assert _states("ab", "a b", sure) == ["changed"]
        assert _states("ab", "c", unsure) == ["doubtful"]
        assert _states("ab", "ab", unsure) == ["doubtful"]

    @pytest.mark.parametrize(
        ("groups", "previous", "expected"),
        [
            ("ab c", "ab c", "confirmed unchanged"),
            ("a c", "ab c", "confirmed unchanged"),  # One has gone.
            ("abx c", "ab c", "changed unchanged"),  # Nobody has seen the new one.
            ("abc", "ab c", "changed"),
            ("a b c", "ab c", "changed changed unchanged"),  # Split by new answers.
        ],
    )
    def test_what_was_confirmed_stays_so(self, groups, previous, expected):
        assert _states(groups, previous, closed=["ab"]) == expected.split()

    def test_every_group_has_one(self):
        rng = np.random.default_rng(0)
        group = number_names(rng.integers(0, 300, 1000).astype(str).astype(object))[0]
        ids = np.arange(1000).astype(str).astype(object)
        earlier = rng.integers(0, 300, 900).astype(str)
        previous = dict(zip(ids[100:], earlier, strict=True))
        former = Former.of(previous, ids)
        states = group_states(group, rng.random(1000), None, former)
        assert len(states) == group.max() + 1
        assert set(states) <= set(STATES)
        sets = {
            frozenset(p for p, g in previous.items() if g == name)
            for name in set(earlier)
        }
        for number, state in enumerate(states):
            mine = frozenset(ids[group == number])
            if state == "unchanged":
                assert mine in sets
            elif state == "changed":
                assert mine not in sets
                assert mine & set(previous)
            elif state == "new":
                assert not mine & set(previous)


def _circle(*degrees):
    radians = np.deg2rad(degrees)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


class TestRepresentatives:
    def test_the_one_in_the_middle(self):
        group = np.array([0, 1, 0, 0, 1, 1, 2])
        vectors = _circle(0, 95, 40, 10, 90, 100, 5)
        assert representatives(group, vectors, _objects("abcdefg")).tolist() == [
            *(3, 1, 6)
        ]

    def test_of_equals_the_first_id(self):
        group = np.array([0, 0, 1, 1, 1])
        vectors = _circle(0, 10, 50, 50, 50)
        found = representatives(group, vectors, _objects("bacde"))
        assert found.tolist() == [1, 2]
        found = representatives(group, vectors, _objects("abedc"))
        assert found.tolist() == [0, 4]

    def test_is_the_highest_mean_of_all_pairs(self):
        rng = np.random.default_rng(0)
        vectors = rng.standard_normal((200, 5))
        vectors = (vectors / np.linalg.norm(vectors, axis=1)[:, None]).astype("f4")
        group = number_names(rng.integers(0, 30, 200).astype(str).astype(object))[0]
        found = representatives(group, vectors, np.arange(200).astype(str))
        for number, chosen in enumerate(found):
            rows = np.flatnonzero(group == number)
            pairs = vectors[rows] @ vectors[rows].T
            mean = (pairs.sum(axis=1) - 1) / max(len(rows) - 1, 1)
            assert chosen in rows
            assert mean[rows == chosen] >= mean.max() - 1e-5
