"""The table of what differs from an earlier run."""

import numpy as np
import pyarrow.parquet as pq
import pytest

from cv_tf.embeddings import Copies, Embeddings
from cv_tf.grouping import CHANGES, Confidence, Grouped, Linked, write_changes
from cv_tf.grouping.changes import changes_table
from cv_tf.grouping.naming import Named, name_groups

COLUMNS = [
    *("product_id", "change", "group_id", "previous_group_id"),
    *("group_size", "confidence", "state", "representative"),
]


def _grouped(groups, previous, names=None):
    """Groups that are written as "ab c", with former groups by name."""
    parts = groups.split()
    ids = np.array(list("".join(parts)), object)
    group = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    former = {p: name for name, products in previous.items() for p in products}
    named = name_groups(group, ids, former)
    if names:
        named = Named(np.array(names.split(), object)[group])
    nothing = np.arange(len(ids))
    distinct = Embeddings.of_arrays(np.zeros((len(ids), 2), np.float32))
    return Grouped(
        product_id=ids,
        named=named,
        size=np.bincount(group)[group],
        confidence=Confidence(np.full(len(ids), 0.98765), nothing, nothing),
        linked=Linked(distinct, None, None, None, None),
        threshold=0.5,
        same_color=(),
        copies=Copies(nothing),
        copies_across_blocks=Copies(nothing),
        previous=former,
    )


def _changes(groups, previous, names=None):
    """Rows as "product change group former", as short as can be."""
    table = changes_table(_grouped(groups, previous, names))
    return [
        " ".join(row[name] or "-" for name in COLUMNS[:4]) for row in table.to_pylist()
    ]


class TestByHand:
    def test_a_row_has_what_is_needed_to_decide(self):
        table = changes_table(_grouped("abx", {"a": "ab", "c": "c"}))
        assert table.column_names == COLUMNS
        assert [list(row.values()) for row in table.to_pylist()] == [
            ["x", "added", "a", None, 3, 0.9876, "changed", "a"],
            ["c", "removed", None, "c", None, None, None, None],
        ]

    @pytest.mark.parametrize(
        ("groups", "previous", "expected"),
        [
            ("ab c", {"a": "ab", "c": "c"}, []),
            ("x ab", {"a": "ab"}, ["x added x -"]),
            ("b", {"a": "ab"}, ["a removed - a"]),
            # Two groups have become one: that of most products goes on.
            ("abcd", {"b": "bcd", "a": "a"}, ["a moved b a"]),
            ("abcd", {"a": "ab", "c": "cd"}, ["c moved a c", "d moved a c"]),
            ("abx cy", {"a": "ab", "c": "c"}, ["x added a -", "y added c -"]),
            # Products of a group together, in the order of the catalogue.
            (
                "cxy bz d",
                {"b": "b", "c": "ca", "d": "de"},
                [
                    *("x added c -", "y added c -", "z added b -"),
                    *("a removed - c", "e removed - d"),
                ],
            ),
        ],
    )
    def test_changes(self, groups, previous, expected):
        assert _changes(groups, previous) == expected

    def test_a_product_that_goes_from_group_to_group(self):
        previous = {"g": "abc", "h": "de"}
        assert _changes("ab cde", previous, "g h") == ["c moved h g"]

    def test_products_that_leave_their_group(self):
        assert _changes("ab c", {"a": "abc"}, "a c") == ["c left c a"]
        # With others that left, or with a new one.
        previous = {"a": "abc", "d": "def"}
        expected = ["c left f a", "f left f d", "x added f -"]
        assert _changes("ab cfx de", previous, "a f d") == expected

    def test_names_alone_are_no_change(self):
        previous = {"g": "abc", "h": "de"}
        assert _changes("abc de", previous, "new h") == []
        assert _changes("abc de", previous, "h g") == []

    def test_of_halves_the_one_with_the_name_goes_on(self):
        previous = {"g": "abcd"}
        assert _changes("ab cd", previous, "n g") == ["a left n g", "b left n g"]
        assert _changes("ab cd", previous, "g n") == ["c left n g", "d left n g"]


class TestProperties:
    @pytest.fixture
    def random_groups(self):
        """A function from a seed to groups, and those of an earlier run."""

        def make(seed):
            rng = np.random.default_rng(seed)
            letters = list(map(chr, range(ord("a"), ord("a") + 60)))
            now = rng.integers(0, 15, 50)
            order = np.argsort(now, kind="stable")
            cuts = np.flatnonzero(np.diff(now[order])) + 1
            groups = np.split(np.array(letters[:50])[order], cuts)
            then = rng.integers(0, 15, 50)
            previous = {
                f"g{i}": "".join(np.array(letters[10:])[then == i]) for i in range(15)
            }
            return " ".join(map("".join, groups)), previous

        return make

    @pytest.mark.parametrize("seed", range(5))
    def test_what_is_no_change_has_stayed_together(self, seed, random_groups):
        groups, previous = random_groups(seed)
        grouped = _grouped(groups, previous)
        former = grouped.previous
        rows = changes_table(grouped).to_pylist()
        assert len({row["product_id"] for row in rows}) == len(rows)
        kinds = {row["product_id"]: row["change"] for row in rows}
        ids = grouped.product_id.tolist()
        assert {p for p, kind in kinds.items() if kind == "added"} == {
            *(p for p in ids if p not in former)
        }
        assert {p for p, kind in kinds.items() if kind == "removed"} == {
            *former.keys() - set(ids)
        }
        stayed = [i for i, product in enumerate(ids) if product not in kinds]
        pairs = {(former[ids[i]], grouped.group_number[i]) for i in stayed}
        # A former group goes on in one group, and none goes on in two.
        assert len({was for was, _ in pairs}) == len(pairs)
        assert len({now for _, now in pairs}) == len(pairs)

    @pytest.mark.parametrize("seed", range(5))
    def test_groups_without_a_row_are_unchanged(self, seed, random_groups):
        groups, previous = random_groups(seed)
        grouped = _grouped(groups, previous)
        rows = changes_table(grouped).to_pylist()
        told = {row["group_id"] for row in rows} | {
            row["previous_group_id"] for row in rows
        }
        for name, state in zip(grouped.named.group_id, grouped.state, strict=True):
            if name not in told:
                assert state == "unchanged"

    def test_the_same_groups_in_any_order_are_no_change(self, random_groups):
        groups, _ = random_groups(0)
        previous = {f"h{i}": part for i, part in enumerate(groups.split()[::-1])}
        assert _changes(groups, previous) == []


class TestFile:
    @pytest.mark.parametrize("name", ["changes.csv", "changes.parquet"])
    def test_without_changes_there_are_no_rows(self, name, tmp_path):
        counts = write_changes(tmp_path / name, _grouped("ab", {"a": "ab"}))
        assert counts == dict.fromkeys(CHANGES, 0)
        if name.endswith(".csv"):
            header = ",".join(f'"{column}"' for column in COLUMNS)
            assert (tmp_path / name).read_text() == f"{header}\n"
        else:
            assert pq.read_table(tmp_path / name).column_names == COLUMNS

    def test_counts(self, tmp_path):
        grouped = _grouped("abx d", {"a": "a", "b": "b", "d": "dc"})
        counts = write_changes(tmp_path / "changes.parquet", grouped)
        assert counts == {"added": 1, "moved": 1, "left": 0, "removed": 1}
        table = pq.read_table(tmp_path / "changes.parquet")
        assert table["product_id"].to_pylist() == ["b", "x", "c"]
        assert str(table.schema.field("group_size").type) == "int32"
        assert str(table.schema.field("confidence").type) == "double"

    def test_without_an_earlier_run_all_is_added(self):
        assert _changes("ab", {}) == ["a added a -", "b added a -"]
