"""The store of answers: what is in it, and that nothing of it is lost."""

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from cv_tf.answers import Answer, AnswersError, AnswerStore, read_said
from cv_tf.errors import UserError

GROUP = Answer(
    *("group", ("a", "b"), ("c", "d"), (0, 1, None, -1), "Ann"),
    *("2025-03-01T08:00:00.000Z", 2.5, "near"),
)
PAIR = Answer("pair", ("a",), ("b",), (0, 0), "Bob", "2025-03-01T09:00:00.000Z")
ADD = """
import sys
from pathlib import Path
from cv_tf.answers import Answer, AnswerStore
with AnswerStore(Path(sys.argv[1])) as store:
    for count in range(int(sys.argv[2])):
        answer = Answer("pair", (f"{sys.argv[3]}{count}",), ("b",), (0, 0))
        print(store.add(answer), flush=True)
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "my.answers.sqlite"


@pytest.fixture(scope="module")
def filled_once(tmp_path_factory):
    path = tmp_path_factory.mktemp("filled") / "a.sqlite"
    with AnswerStore(path) as store:
        for number in range(500):
            store.add(Answer("pair", (f"a{number}",), ("b",), (0, -1), "Ann"))
    return path


@pytest.fixture
def filled(filled_once, path):
    """A file with 500 answers, which is closed."""
    return Path(shutil.copy(filled_once, path))


def numbers(answers):
    return [answer.number for answer in answers]


class TestAnswers:
    def test_come_back_as_they_were_with_their_numbers(self, path):
        with AnswerStore(path) as store:
            assert store.answers() == []
            assert [store.add(GROUP), store.add(PAIR)] == [1, 2]
            found = store.answers()
        with AnswerStore(path, read_only=True) as store:
            assert store.answers() == found
        without = [Answer(**vars(it) | {"number": 0}) for it in found]
        assert without == [GROUP, PAIR]
        assert numbers(found) == [1, 2]

    def test_are_added_all_or_none(self, path):
        with AnswerStore(path) as store:
            store.add_all(iter([PAIR, GROUP]))
            odd = Answer("pair", ("\udcff",), ("b",), (0, 0))
            with pytest.raises(AnswersError, match="not saved: a name is no text"):
                store.add_all([PAIR, odd])
            assert [it.by for it in store.answers()] == ["Bob", "Ann"]

    def test_after_a_number(self, filled):
        with AnswerStore(filled) as store:
            assert numbers(store.answers(after=497)) == [498, 499, 500]
            assert store.answers(after=500) == []

    def test_without_a_time_get_that_of_now_in_utc(self, path):
        with AnswerStore(path) as store:
            store.add(Answer("pair", ("a",), ("b",), (0, 0)))
            at = store.answers()[0].at
        assert at.endswith("Z")
        then = datetime.fromisoformat(at.replace("Z", "+00:00"))
        assert abs(datetime.now(timezone.utc) - then) < timedelta(minutes=1)

    @pytest.mark.parametrize(
        "name",
        [
            "<script>alert(1)</script>",
            "'; DROP TABLE answers; --",
            '"],["x',
            "two\nlines\r\n",
            "\U0001f457\u00e9e\u0301",
            "=1+1",
            " blanks ",
            "nul\0inside",
            "0007",
            "x" * 10_000,
        ],
    )
    def test_of_any_ids(self, name, path):
        answer = Answer("line-up", (name,), ("b",), (0, -1), by=name, stratum=name)
        with AnswerStore(path) as store:
            store.add(answer)
        with AnswerStore(path) as store:
            found = store.answers()[0]
        assert (found.inside, found.by, found.stratum) == ((name,), name, name)

    def test_of_an_id_that_is_no_text_are_not_saved(self, path):
        with AnswerStore(path) as store:
            with pytest.raises(AnswersError, match=r"not saved.* is no text"):
                store.add(Answer("pair", ("\ud800",), ("b",), (0, 0)))
            assert store.add(PAIR) == 1

    def test_of_several_threads(self, path):
        with AnswerStore(path) as store:
            threads = [
                threading.Thread(target=lambda: [store.add(PAIR) for _ in range(20)])
                for _ in range(4)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert numbers(store.answers()) == [*range(1, 81)]


class TestUndo:
    def test_is_a_row(self, path):
        with AnswerStore(path) as store:
            for answer in (GROUP, PAIR, GROUP):
                store.add(answer)
            assert store.undo(2, by="Cy") == 4
            assert numbers(store.answers()) == [1, 3]
            assert store.add(PAIR) == 5
            assert numbers(store.answers(after=1)) == [3, 5]
        with contextlib.closing(sqlite3.connect(path)) as database:
            rows = database.execute(
                "SELECT number, kind, by_, undoes FROM (SELECT *,"
                ' "by" AS by_ FROM answers)'
            ).fetchall()
        assert rows == [
            (1, "group", "Ann", None),
            (2, "pair", "Bob", None),
            (3, "group", "Ann", None),
            (4, "undo", "Cy", 2),
            (5, "pair", "Bob", None),
        ]

    def test_of_what_is_no_answer_or_undone(self, path):
        with AnswerStore(path) as store:
            store.add(PAIR)
            store.undo(1, by="Ann")
            for number, why in ((1, "undone already"), (2, "no answer"), (7, "no ans")):
                with pytest.raises(AnswersError, match=f"number {number} is {why}"):
                    store.undo(number, by="Ann")
            assert store.add(PAIR) == 3

    @pytest.mark.parametrize(
        "statement", ["UPDATE answers SET sets = '[0, -1]'", "DELETE FROM answers"]
    )
    def test_is_the_only_way_for_other_programs_too(self, statement, filled):
        expected = pytest.raises(sqlite3.IntegrityError, match="answers are never")
        with contextlib.closing(sqlite3.connect(filled)) as database, expected:
            database.execute(statement)


class TestLastWhatever:
    @pytest.mark.integration
    def test_a_killed_process_has_saved_what_it_said(self, path):
        for run in range(3):
            arguments = [str(path), "1000000", f"run{run} "]
            process = subprocess.Popen(
                [sys.executable, "-c", ADD, *arguments], stdout=subprocess.PIPE
            )
            printed = [process.stdout.readline() for _ in range(50 + 30 * run)]
            process.send_signal(signal.SIGKILL)
            printed += process.stdout.read().splitlines()
            process.wait()
            said = [int(line) for line in printed if line.strip()]
            with AnswerStore(path) as store:
                assert {*said} <= {*numbers(store.answers())}
        with AnswerStore(path) as store:
            found = numbers(store.answers())
        assert found == [*range(1, len(found) + 1)]

    @pytest.mark.integration
    def test_two_processes_at_once_make_the_file_and_share_it(self, path):
        command = [sys.executable, "-c", ADD, str(path), "200"]
        processes = [
            subprocess.Popen([*command, name], stdout=subprocess.PIPE) for name in "xy"
        ]
        said = [process.communicate()[0].split() for process in processes]
        assert [process.returncode for process in processes] == [0, 0]
        assert sorted(map(int, said[0] + said[1])) == [*range(1, 401)]
        with AnswerStore(path, read_only=True) as store:
            inside = [answer.inside[0] for answer in store.answers()]
        names = [f"{name}{count}" for name in "xy" for count in range(200)]
        assert sorted(inside) == sorted(names)

    def test_what_is_open_elsewhere_can_be_read(self, path):
        with AnswerStore(path) as store:
            store.add(PAIR)
            with AnswerStore(path, read_only=True) as other:
                assert numbers(other.answers()) == [1]
                store.add(GROUP)
                assert numbers(other.answers()) == [1, 2]
            assert (
                len(read_said(str(path))) == 4
            )  # One of the pair, three of the group.

    def test_a_full_disk_is_named_and_nothing_half_saved(self, filled):
        with AnswerStore(filled) as store:
            pages = store._database.execute("PRAGMA page_count").fetchone()[0]
            store._database.execute(f"PRAGMA max_page_count = {pages}")
            big = Answer("pair", ("x" * 100_000,), ("b",), (0, 0))
            for _ in range(2):
                with pytest.raises(AnswersError, match=r"not saved: .* is full. Free"):
                    store.add(big)
            store._database.execute("PRAGMA max_page_count = 1000000")
            assert store.add(big) == 501
            assert len(store.answers()) == 501

    @pytest.mark.integration
    def test_a_file_that_cannot_grow_is_named(self, filled):
        """As where a quota is used up: the system then refuses to write."""
        code = (
            "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (70_000, -1))\n" + ADD
        )
        done = subprocess.run(
            [sys.executable, "-c", code, str(filled), "100000", "x"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert "AnswersError: The answer is not saved" in done.stderr
        said = set(map(int, done.stdout.split()))
        assert said
        with AnswerStore(filled) as store:
            assert said <= set(numbers(store.answers()))

    def test_a_locked_file_is_waited_for_and_named(self, filled, monkeypatch):
        monkeypatch.setattr("cv_tf.answers.answer_store._WAIT", 0.2)
        with AnswerStore(filled) as store:
            with contextlib.closing(sqlite3.connect(filled)) as other:
                other.execute("BEGIN IMMEDIATE")
                with pytest.raises(AnswersError, match="not saved: another process"):
                    store.add(PAIR)
                other.execute("ROLLBACK")
            assert store.add(PAIR) == 501


class TestBadFile:
    """It is named, and left as it was."""

    @pytest.fixture(params=[False, True])
    def refused(self, request, path):
        """A function that opens the file, expects an error, and compares its bytes."""

        def refuse(match):
            before = path.read_bytes()
            with pytest.raises(AnswersError, match=match):
                AnswerStore(path, read_only=request.param)
            assert path.read_bytes() == before

        return refuse

    def test_of_another_format(self, path, refused):
        path.write_text("product_a,product_b,same\na,b,yes\n")
        refused("no SQLite database")

    def test_of_another_program(self, path, refused):
        with contextlib.closing(sqlite3.connect(path)) as database:
            database.execute("CREATE TABLE answers (number INTEGER)")
            database.commit()
        refused("none of answers. Name a file of answers")

    def test_of_a_later_version(self, filled, refused):
        with contextlib.closing(sqlite3.connect(filled)) as database:
            database.execute("PRAGMA user_version = 2")
        refused("later version of cv_tf: its format is 2, .* Update cv_tf")

    def test_that_is_cut(self, filled, refused):
        content = filled.read_bytes()
        for size in (50, 100, 5000, len(content) // 2):
            filled.write_bytes(content[:size])
            refused("damaged .*left as it is. Restore a copy")

    def test_with_a_damaged_page(self, filled, refused):
        content = bytearray(filled.read_bytes())
        for page in range(1, len(content) // 4096):
            damaged = bytearray(content)
            damaged[4096 * page : 4096 * page + 64] = b"\xff" * 64
            filled.write_bytes(damaged)
            refused("damaged .*left as it is. Restore a copy")

    def test_with_a_damaged_header(self, filled, refused):
        content = bytearray(filled.read_bytes())
        content[16:100] = b"\xee" * 84
        filled.write_bytes(content)
        refused(r"answers cannot be opened|none of answers")

    @pytest.mark.parametrize("read_only", [False, True])
    def test_that_is_none(self, read_only, tmp_path):
        with pytest.raises(AnswersError, match="is a folder"):
            AnswerStore(tmp_path, read_only)
        with pytest.raises(AnswersError, match="is a device; name a file"):
            AnswerStore(Path("/dev/full"), read_only)
        (tmp_path / "file").touch()
        with pytest.raises(UserError, match=r"is a file, so that|does not exist"):
            AnswerStore(tmp_path / "file" / "a.sqlite", read_only)
        with pytest.raises(AnswersError, match="not on a disk"):
            AnswerStore("gs://bucket/a.sqlite", read_only)

    def test_that_is_empty_is_filled_but_not_read(self, path):
        path.touch()
        with pytest.raises(AnswersError, match="none of answers"):
            AnswerStore(path, read_only=True)
        with AnswerStore(path) as store:
            assert store.add(PAIR) == 1

    @pytest.mark.parametrize(
        ("column", "cell"),
        [
            ("inside", "[1, 2"),
            ("inside", "7"),
            ("inside", '{"a": 0}'),
            ("inside", "[" * 100_000),
            ("inside", "[1]"),
            ("outside", "[]"),
            ("sets", "[0]"),
            ("sets", '["0", "1"]'),
            ("sets", "[0, NaN]"),
            ("kind", "word"),
            ("seconds", "long"),
            ("inside", b"\xff\xfe"),
        ],
    )
    def test_with_a_cell_that_is_malformed(self, column, cell, path):
        with AnswerStore(path) as store:
            store.add(PAIR)
        row = {"kind": "pair", "inside": '["a"]', "outside": '["b"]', "sets": "[0, 0]"}
        row |= {"seconds": 1.0, column: cell}
        with contextlib.closing(sqlite3.connect(path)) as database:
            database.execute(
                'INSERT INTO answers (kind, inside, outside, sets, "by", at, seconds, '
                "stratum) VALUES (:kind, :inside, :outside, :sets, '', '', :seconds, "
                "'')",
                row,
            )
            database.commit()
        with AnswerStore(path) as store:
            with pytest.raises(AnswersError, match="answer 2 cannot be read"):
                store.answers()
            store.undo(2, by="Ann")
            assert numbers(store.answers()) == [1]

    def test_of_other_text_is_named_by_who_reads(self, path, tmp_path):
        path.write_text("product_a,product_b,same\na,b,yes\n")
        with pytest.raises(AnswersError, match="no SQLite database"):
            read_said(str(path))
        with pytest.raises(AnswersError, match="does not exist"):
            read_said(str(tmp_path / "none.sqlite"))
        with AnswerStore(tmp_path / "none.sqlite") as store:
            store.add(Answer("pair", ("a",), ("b",), (0, None)))
        with pytest.raises(AnswersError, match="has no answers"):
            read_said(str(tmp_path / "none.sqlite"))

    def test_of_another_name_is_read_as_what_it_is(self, filled):
        assert len(read_said(str(filled.rename(filled.with_suffix(".csv"))))) == 500


class TestPermissions:
    @pytest.fixture
    def place(self, filled):
        """The file in a folder that somebody who is not root may look into."""
        folder = Path(tempfile.mkdtemp(dir="/tmp"))
        shutil.copy(filled, folder / "a b#?%41.sqlite")
        yield folder / "a b#?%41.sqlite"
        folder.chmod(0o700)
        shutil.rmtree(folder)

    @staticmethod
    @contextlib.contextmanager
    def as_somebody():
        """Without the rights of root, who may write everywhere."""
        if os.geteuid():
            yield
            return
        os.seteuid(65534)
        try:
            yield
        finally:
            os.seteuid(0)

    def test_a_read_only_folder(self, place):
        place.chmod(0o644)
        place.parent.chmod(0o555)
        with self.as_somebody():
            with AnswerStore(place, read_only=True) as store:
                assert len(store.answers()) == 500
            with pytest.raises(AnswersError, match="cannot be written to"):
                AnswerStore(place)
            with pytest.raises(AnswersError, match="cannot be written to"):
                AnswerStore(place.with_name("new.sqlite"))

    def test_a_read_only_file(self, place):
        place.chmod(0o444)
        place.parent.chmod(0o777)
        with self.as_somebody():
            with AnswerStore(place, read_only=True) as store:
                assert len(store.answers()) == 500
            with pytest.raises(AnswersError, match="cannot be written to"):
                AnswerStore(place).add(PAIR)

    def test_a_file_that_may_not_be_read(self, place):
        place.chmod(0o000)
        place.parent.chmod(0o755)
        with self.as_somebody(), pytest.raises(AnswersError, match="cannot be read"):
            AnswerStore(place, read_only=True)
