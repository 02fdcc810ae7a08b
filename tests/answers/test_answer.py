"""An answer, and what it says of pairs."""

import dataclasses
import itertools

import pytest

from cv_tf.answers import Answer, AnswersError, Said, said_of


class TestPairs:
    def test_of_a_pair(self):
        assert Answer("pair", ("a",), ("b",), (0, 0)).pairs() == [("a", "b", True)]
        assert Answer("pair", ("a",), ("b",), (0, -1)).pairs() == [("a", "b", False)]
        assert Answer("pair", ("a",), ("b",), (0, None)).pairs() == []
        assert Answer("pair", ("a",), ("b",), (None, None)).pairs() == []

    def test_of_a_group_that_is_split(self):
        """a and b are one design, c and d another; e is with c; nobody knows of f."""
        sets = (0, 0, 1, 1, 1, None)
        answer = Answer("group", tuple("abcd"), tuple("ef"), sets)
        assert answer.pairs() == [
            ("a", "b", True),
            *[("a", other, False) for other in "cde"],
            *[("b", other, False) for other in "cde"],
            ("c", "d", True),
            ("c", "e", True),
            ("d", "e", True),
        ]

    def test_of_two_that_belong_to_nothing_shown_nothing_is_said(self):
        answer = Answer("line-up", ("a",), ("b", "c", "d"), (0, -1, -1, 0))
        assert answer.pairs() == [
            ("a", "b", False),
            ("a", "c", False),
            ("a", "d", True),
            ("b", "d", False),
            ("c", "d", False),
        ]

    def test_contradict_nothing(self):
        for sets in itertools.product((None, -1, 0, 1), repeat=4):
            pairs = Answer("group", tuple("ab"), tuple("cd"), sets).pairs()
            number = dict(zip("abcd", sets, strict=True))
            for first, second, same in pairs:
                assert same == (number[first] == number[second])
                assert same or number[first] >= 0 or number[second] >= 0

    def test_as_statements_have_the_lesser_id_first(self):
        answer = Answer("line-up", ("b",), ("a", "c"), (0, 0, -1), "Ann", "2025")
        assert said_of([answer, Answer("pair", ("x",), ("y",), (0, None))]) == [
            Said("a", "b", True, "Ann", "2025"),
            Said("b", "c", False, "Ann", "2025"),
            Said("a", "c", False, "Ann", "2025"),
        ]


GOOD = Answer("group", ("a", "b"), ("c",), (0, 0, -1))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"kind": "undo"}, "kind 'undo'"),
        ({"inside": (), "sets": (0,)}, "two products at least"),
        ({"inside": ("a",), "outside": (), "sets": (0,)}, "two products at least"),
        ({"inside": ("a", "")}, "expected ids"),
        ({"inside": ("a", 7)}, "expected ids"),
        ({"inside": ("a", "c")}, "each product once"),
        ({"sets": (0, 0)}, "a number for each product"),
        ({"sets": (0, 0, -2)}, "a number for each product"),
        ({"sets": (0, 0, True)}, "a number for each product"),
        ({"sets": (0, 0, 0.5)}, "a number for each product"),
        ({"sets": (0, 0, "0")}, "a number for each product"),
    ],
)
def test_what_is_no_answer_is_named(change, expected):
    with pytest.raises(AnswersError, match=expected):
        dataclasses.replace(GOOD, **change)
