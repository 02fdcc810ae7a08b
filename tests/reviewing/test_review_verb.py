"""python -m cv_tf.review: its settings, tables of answers, and what it serves."""

import re
import socket
import sqlite3
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from fake_review import draw_products

import cv_tf
from cv_tf import review
from cv_tf.answers import Answer, AnswerStore, read_said
from cv_tf.embeddings import Embeddings, to_table
from cv_tf.errors import MissingPackageError
from cv_tf.review import ReviewConfig, _start, run


def _answer(first, second, same=True):
    return Answer("pair", (first,), (second,), (0, 0 if same else -1), by="Ann")


@pytest.fixture
def files(tmp_path):
    """The flags of embeddings, groups and answers of twelve products."""
    ids, photos, _ = draw_products(tmp_path)
    embeddings = Embeddings.of_arrays(np.eye(12, dtype=np.float32))
    embeddings.product_id[:] = ids
    embeddings.image[:] = photos
    # What `to_table` takes of a catalog, embeddings have as well.
    table = to_table(embeddings, embeddings.vectors)
    pq.write_table(table, tmp_path / "my.parquet")
    rows = [f"{name},g{n // 3}" for n, name in enumerate(ids)]
    (tmp_path / "groups.csv").write_text("\n".join(["product_id,group_id", *rows]))
    return {
        "embeddings": f"{tmp_path}/my.parquet",
        "groups": f"{tmp_path}/groups.csv",
        "answers": f"{tmp_path}/my.answers.sqlite",
    }


@pytest.fixture
def served(monkeypatch):
    """What would be served: the settings run, and the application is returned."""
    apps = []

    def serve(app, host, port, started):
        apps.append(app)
        started(f"http://{host}:{port}")

    monkeypatch.setattr(cv_tf.reviewing, "serve", serve)

    def run_it(**settings):
        run(ReviewConfig(**settings))
        return apps[-1]

    return run_it


class TestServing:
    def test_the_address_has_the_token(self, files, served, capsys):
        app = served(**files, by="Ann")
        printed = capsys.readouterr().out
        assert "Groups: 4, of 12 products." in printed
        address, token = re.search(r"Open (\S+)/\?token=(\S{32})\n", printed).groups()
        assert address == "http://127.0.0.1:8770"
        page = app.test_client().get(
            f"/?token={token}", headers={"Host": "127.0.0.1:8770"}
        )
        assert page.status_code == 200
        assert files["answers"] not in page.text
        assert '"by":"Ann"' in page.text

    def test_a_threshold_begins_with_no_groups_of_earlier(self, files):
        begin = {
            threshold: _start(
                ReviewConfig(**files, threshold=threshold), "", {"a": "g"}
            )
            for threshold in ("auto", "expected", "0.3")
        }
        assert begin == {
            "auto": {"groups": {"a": "g"}},
            "expected": {},
            "0.3": {"threshold": 0.3, "learns": False},
        }

    def test_each_start_has_another_token(self, files, served, capsys):
        served(**files)
        served(**files)
        tokens = re.findall(r"token=(\S+)", capsys.readouterr().out)
        assert len(set(tokens)) == 2

    def test_answers_of_another_catalog_are_refused(self, files, served):
        with AnswerStore(files["answers"]) as store:
            store.add(_answer("x", "y"))
        with pytest.raises(cv_tf.UserError, match="Name the answers of this catalog"):
            served(**files)

    def test_answers_about_products_that_are_gone_are_told(self, files, served, caplog):
        with AnswerStore(files["answers"]) as store:
            store.add(_answer("p00", "gone"))
        served(**files)
        assert "1 of the 2 products" in caplog.text
        assert "such as 'gone'" in caplog.text

    def test_groups_of_another_catalog_are_refused(self, files, served, tmp_path):
        other = tmp_path / "other.csv"
        other.write_text("product_id,group_id\nx,g\n")
        with pytest.raises(cv_tf.UserError, match="None of the 1 products"):
            served(**files | {"groups": str(other)})

    def test_a_damaged_file_of_answers_is_left_alone(self, files, served):
        with AnswerStore(files["answers"]) as store:
            store.add(_answer("p00", "p01"))
        path = Path(files["answers"])
        damaged = b"SQLite format 3\0" + b"\xff" * 500 + path.read_bytes()[516:]
        path.write_bytes(damaged)
        with pytest.raises(cv_tf.UserError, match=r"damaged|none of answers"):
            served(**files)
        assert path.read_bytes() == damaged

    def test_packages_that_are_missing_are_told(self, files, served, monkeypatch):
        monkeypatch.setattr(review, "find_spec", lambda name: name == "flask" or None)
        with pytest.raises(
            MissingPackageError, match=r"^The page needs waitress, .*'cv_tf\[review\]'$"
        ):
            served(**files)
        assert not Path(files["answers"]).exists()

    def test_tables_go_out_without_the_packages(self, tmp_path, monkeypatch):
        monkeypatch.setattr(review, "find_spec", lambda name: None)
        with AnswerStore(tmp_path / "a.sqlite") as store:
            store.add(_answer("a", "b"))
        table = tmp_path / "answers.csv"
        run(ReviewConfig(answers=f"{tmp_path}/a.sqlite", export_to=str(table)))
        assert len(read_said(str(table))) == 1

    def test_a_port_that_is_taken_is_told(self, files):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            with pytest.raises(cv_tf.UserError, match="Pass --port=0"):
                run(ReviewConfig(**files, port=port))


class TestTables:
    def test_answers_go_out_and_come_in(self, tmp_path, capsys):
        first, second = f"{tmp_path}/a.sqlite", f"{tmp_path}/b.sqlite"
        with AnswerStore(first) as store:
            store.add(_answer("a", "b"))
            store.add(Answer("group", ("a", "b", "c"), ("d",), (0, 0, -1, None), "Bob"))
            store.undo(store.add(_answer("a", "d")), "Ann")
        table = f"{tmp_path}/answers.csv"
        run(ReviewConfig(answers=first, export_to=table))
        said = read_said(first)
        assert [(it.first, it.second, it.same, it.by) for it in said] == [
            ("a", "b", True, "Ann"),
            ("a", "b", True, "Bob"),
            ("a", "c", False, "Bob"),
            ("b", "c", False, "Bob"),
        ]
        assert read_said(table) == said
        run(ReviewConfig(answers=second, import_from=table))
        run(ReviewConfig(answers=second, import_from=first))
        assert read_said(second) == said
        printed = capsys.readouterr().out
        assert "4 answers about pairs are in" in printed
        assert "0 answers about pairs are added" in printed
        assert "; 4 were there already." in printed

    def test_a_table_without_times_comes_in_once(self, tmp_path, capsys):
        table, store = tmp_path / "answers.csv", f"{tmp_path}/a.sqlite"
        rows = [f"p{n},q{n},{('yes', 'no')[n % 2]}" for n in range(3000)]
        table.write_text("\n".join(["product_a,product_b,same", *rows]))
        for _ in range(2):
            run(ReviewConfig(answers=store, import_from=str(table)))
        printed = capsys.readouterr().out
        assert "3,000 answers about pairs are added" in printed
        assert "0 answers about pairs are added" in printed
        assert "; 3,000 were there already." in printed
        assert len(read_said(store)) == 3000

    def test_nothing_is_overwritten_unasked(self, tmp_path):
        store, table = tmp_path / "a.sqlite", tmp_path / "answers.csv"
        with AnswerStore(store) as opened:
            opened.add(_answer("a", "b"))
        table.write_text("mine")
        settings = {"answers": str(store), "export_to": str(table)}
        with pytest.raises(cv_tf.UserError, match="Pass --overwrite"):
            run(ReviewConfig(**settings))
        assert table.read_text() == "mine"
        run(ReviewConfig(**settings, overwrite=True))
        assert table.read_text().startswith('"product_a","product_b","same"')

    def test_a_table_that_cannot_be_read_adds_nothing(self, tmp_path):
        table = tmp_path / "answers.csv"
        table.write_text("product_a,product_b,same\na,b,yes\na,c,maybe\n")
        with pytest.raises(cv_tf.UserError, match="maybe"):
            run(ReviewConfig(answers=f"{tmp_path}/a.sqlite", import_from=str(table)))
        assert not (tmp_path / "a.sqlite").exists()


class TestSettings:
    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({}, "--answers is not set"),
            ({"answers": "a.csv"}, "must end in .sqlite, .sqlite3, .db"),
            ({"answers": "a.db"}, "--embeddings is not set"),
            ({"answers": "a.db", "embeddings": "e"}, "--groups is not set"),
            (
                {"answers": "a.db", "export_to": "a.csv", "import_from": "b.csv"},
                "Pass one of --export_to and --import_from",
            ),
            ({"answers": "a.db", "port": 70_000}, "--port=70000"),
        ],
    )
    def test_wrong_ones_are_told(self, settings, message):
        with pytest.raises(cv_tf.UserError, match=message):
            ReviewConfig(**settings)

    def test_export_by_the_command_line(self, run_verb, tmp_path):
        with AnswerStore(tmp_path / "a.sqlite") as store:
            store.add(_answer("=a", "b"))
        done = run_verb(
            "review",
            f"--answers={tmp_path}/a.sqlite",
            f"--export_to={tmp_path}/answers.parquet",
            tensorflow=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        table = pq.read_table(tmp_path / "answers.parquet")
        assert table["product_a"].to_pylist() == ["=a"]

    def test_a_store_of_another_program_is_refused(self, tmp_path):
        with sqlite3.connect(tmp_path / "a.db") as database:
            database.execute("CREATE TABLE mine (x)")
        (tmp_path / "t.csv").write_text("product_a,product_b,same\na,b,yes\n")
        config = ReviewConfig(
            answers=f"{tmp_path}/a.db", import_from=f"{tmp_path}/t.csv"
        )
        with pytest.raises(cv_tf.UserError, match="none of answers"):
            run(config)
