"""python -m cv_tf.group from night to night: --changes, states, representatives."""

import csv
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cv_tf.command import parse_flags
from cv_tf.config import ConfigError
from cv_tf.group import GroupConfig, run
from cv_tf.grouping import GroupsError

DEGREES = {"a": 0, "b": 5, "c": 10, "x": 90, "y": 95, "z": 180}


@pytest.fixture
def group(tmp_path):
    """A function that groups products on the unit circle: (a, b, c), (x, y) and z."""

    def group(degrees, output, *flags):
        radians = np.deg2rad(list(degrees.values()))
        vectors = np.stack([np.cos(radians), np.sin(radians)], axis=1)
        table = {
            "product_id": list(degrees),
            "embedding": list(vectors.astype(np.float32)),
        }
        pq.write_table(pa.table(table), tmp_path / "v.parquet")
        flags = (f"--embeddings={tmp_path}/v.parquet", "--threshold=0.9", *flags)
        flags = (f"--output={tmp_path / output}", *flags)
        return run(parse_flags(GroupConfig, ["group", *flags]))

    return group


@pytest.fixture
def previous(group, tmp_path):
    group(DEGREES, "before.csv")
    return f"--previous={tmp_path}/before.csv"


def _rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _confirm(path, *groups):
    """Writes a state as a person does in a spreadsheet."""
    rows = _rows(path)
    for row in rows:
        row["state"] = "confirmed" if row["group_id"] in groups else row["state"]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def _states(path):
    return {row["group_id"]: row["state"] for row in _rows(path)}


class TestChanges:
    def test_worked_by_hand(self, group, previous, tmp_path, capsys):
        today = {**DEGREES, "n": 7, "m": 270}
        del today["y"]
        changes = tmp_path / "changes.csv"
        summary = group(today, "after.csv", previous, f"--changes={changes}")
        rows = _rows(changes)
        assert [list(row.values())[:5] for row in rows] == [
            ["n", "added", "a", "", "4"],
            ["m", "added", "m", "", "1"],
            ["y", "removed", "", "x", ""],
        ]
        groups = {row["product_id"]: row for row in _rows(tmp_path / "after.csv")}
        for row in rows[:2]:
            for name in ("confidence", "state", "representative"):
                assert row[name] == groups[row["product_id"]][name]
        assert [row["state"] for row in rows] == ["changed", "new", ""]
        assert rows[0]["representative"] in "bn"
        assert {rows[2][name] for name in ("confidence", "representative")} == {""}
        states = {"a": "changed", "x": "changed", "z": "unchanged", "m": "new"}
        assert _states(tmp_path / "after.csv") == states
        # Of groups of two or more.
        assert summary["num_changed_groups"] == 1
        assert summary["num_new_groups"] == summary["num_unchanged_groups"] == 0
        written = json.loads((tmp_path / "after.summary.json").read_text())
        assert written["num_changed_groups"] == 1
        printed = capsys.readouterr().out
        assert "changed groups" in printed
        assert (
            f"3 products differ from '{tmp_path}/before.csv': 2 added, 1 removed; see "
            f"'{changes}'." in printed
        )

    def test_no_changes(self, group, previous, tmp_path, capsys):
        changes = tmp_path / "changes.csv"
        group(DEGREES, "after.csv", previous, f"--changes={changes}")
        assert len(changes.read_text().splitlines()) == 1
        assert set(_states(tmp_path / "after.csv").values()) == {"unchanged"}
        assert "has no rows, as there are no changes." in capsys.readouterr().out

    def test_groups_that_are_called_otherwise(self, group, previous, tmp_path):
        """Such as those of another tool: their names are kept."""
        path = tmp_path / "before.csv"
        rows = [f"{row['product_id']},g{row['group_id']}" for row in _rows(path)]
        path.write_text("\n".join(["product_id,group_id", *rows, ""]))
        changes = tmp_path / "changes.parquet"
        group(DEGREES, "after.csv", previous, f"--changes={changes}")
        assert pq.read_table(changes).num_rows == 0
        assert set(_states(tmp_path / "after.csv")) == {"ga", "gx", "gz"}

    def test_groups_that_have_become_one(self, group, previous, tmp_path):
        changes = tmp_path / "changes.csv"
        # 25 and 30 degrees apart are alike enough by now.
        today = {**DEGREES, "x": 150, "y": 155}
        group(today, "after.csv", previous, f"--changes={changes}", "--threshold=0.8")
        found = [list(row.values())[:4] for row in _rows(changes)]
        assert found == [["z", "moved", "x", "z"]]

    def test_groups_may_take_the_place_of_those_of_the_earlier_run(
        self, group, previous, tmp_path
    ):
        flags = (previous, f"--changes={tmp_path}/changes.csv", "--overwrite")
        group({**DEGREES, "n": 7}, "before.csv", *flags)
        assert [row["product_id"] for row in _rows(tmp_path / "changes.csv")] == ["n"]
        group({**DEGREES, "n": 7}, "before.csv", *flags)
        assert _rows(tmp_path / "changes.csv") == []


class TestConfirmed:
    def test_stay_so_until_something_joins(self, group, previous, tmp_path, capsys):
        _confirm(tmp_path / "before.csv", "a", "x")
        today = {**DEGREES, "n": 92}
        del today["b"]
        summary = group(today, "after.csv", previous)
        states = {"a": "confirmed", "x": "changed", "z": "unchanged"}
        assert _states(tmp_path / "after.csv") == states
        assert summary["num_confirmed_groups"] == 1
        assert "confirmed groups" in capsys.readouterr().out
        group(today, "next.csv", f"--previous={tmp_path}/after.csv")
        assert _states(tmp_path / "next.csv")["a"] == "confirmed"

    def test_in_part(self, group, previous, tmp_path):
        path = tmp_path / "before.csv"
        path.write_text(path.read_text().replace("new", "confirmed", 1))
        with pytest.raises(GroupsError, match="some rows of the group 'a' have the"):
            group(DEGREES, "after.csv", previous)
        assert not (tmp_path / "after.csv").exists()


class TestRepresentatives:
    def test_are_no_copies(self, group, tmp_path):
        # Three times one photo, which would be the most similar one to itself.
        group({"d": 20, "c": 20, "b": 20, "a": 10, "e": 4}, "groups.csv")
        rows = _rows(tmp_path / "groups.csv")
        copy_of = {row["product_id"]: row["copy_of"] for row in rows}
        assert copy_of == {"d": "", "c": "d", "b": "d", "a": "", "e": ""}
        assert {row["representative"] for row in rows} == {"a"}

    def test_of_nothing_but_copies_the_first_row(self, group, tmp_path):
        group({"d": 20, "c": 20, "b": 90}, "groups.csv")
        found = [row["representative"] for row in _rows(tmp_path / "groups.csv")]
        assert found == ["d", "d", "b"]

    def test_do_not_depend_on_the_order_of_products(self, group, tmp_path):
        group(DEGREES, "a.csv")
        group(dict(reversed(DEGREES.items())), "b.csv")
        first, second = (
            {row["product_id"]: row["representative"] for row in _rows(tmp_path / name)}
            for name in ("a.csv", "b.csv")
        )
        assert first == second == dict(zip("abcxyz", "bbbxxz", strict=True))


class TestWrongUse:
    def test_changes_need_an_earlier_run(self, tmp_path, run_verb):
        files = ("--embeddings=v.parquet", "--output=g.csv", "--changes=c.csv")
        process = run_verb("group", *files, tensorflow=False)
        assert process.returncode == 2
        assert "Name the file of its groups with --previous." in process.stderr

    @pytest.mark.parametrize(
        ("changes", "flags", "message"),
        [
            ("c.xlsx", (), r"--changes=.*c\.xlsx must end in \.csv or"),
            ("there.csv/c.csv", (), "is a file, so that"),
            ("there.csv", (), r"there\.csv' exists\. Pass --overwrite"),
            ("before.csv", ("--overwrite",), "would replace the file of --previous"),
            ("after.csv", (), "would replace the file of --output"),
            ("after.threshold.csv", (), "would replace the file of the thresholds"),
            ("v.parquet", ("--overwrite",), "would replace the file of --embeddings"),
            ("q.csv", ("--ask=2",), "would replace the file of --questions"),
        ],
    )
    def test_files_that_cannot_be_used(
        self, changes, flags, message, group, previous, tmp_path
    ):
        (tmp_path / "there.csv").write_text("precious")
        before = (tmp_path / "before.csv").read_bytes()
        if "--ask=2" in flags:
            flags = (*flags, f"--questions={tmp_path}/q.csv")
        flags = (previous, f"--changes={tmp_path}/{changes}", *flags)
        with pytest.raises(ConfigError, match=message):
            group(DEGREES, "after.csv", *flags)
        assert (tmp_path / "there.csv").read_text() == "precious"
        assert (tmp_path / "before.csv").read_bytes() == before
        assert not (tmp_path / "after.csv").exists()
