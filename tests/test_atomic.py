"""Files and folders that appear whole: kills at each step, full disks, leftovers."""

import contextlib
import errno
import fcntl
import itertools
import json
import os
import resource
import signal
import sys
import threading
from pathlib import Path

import pytest
from few import few

from cv_tf import atomic, unfinished
from cv_tf.atomic import whole_file, whole_files, whole_folder, write_json, write_text
from cv_tf.errors import WriteError
from cv_tf.unfinished import is_completed, is_unfinished, settle

# All that changes a disk.
STEPS = ("mkdir", "rename", "replace", "unlink", "rmdir", "fsync", "open", "close")


@pytest.fixture(autouse=True)
def _as_a_new_process(monkeypatch):
    """Each test looks for leftovers as a process does that has just started."""
    monkeypatch.setattr(unfinished, "_settled", set())
    monkeypatch.setattr(unfinished, "_completed", {})


def is_killed(write, number):
    """Whether a child process that calls `write` came to its n-th step and died."""
    if child := os.fork():
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
        return os.WIFSIGNALED(status)
    steps = itertools.count(1)

    def counted(function):
        def call(*args, **kwargs):
            if next(steps) == number:
                signal.raise_signal(signal.SIGKILL)
            return function(*args, **kwargs)

        return call

    for name in STEPS:
        setattr(os, name, counted(getattr(os, name)))
    failed = 1
    try:
        write()
        failed = 0
    finally:
        os._exit(failed)


def each_kill(write, every=1):
    """Yields after `write` was killed at each of its steps, or at some of them."""
    for number in itertools.count(1, every):
        if not is_killed(write, number):
            assert number > 10
            return
        yield number


def content(folder):
    """All that is below a folder, but for what is hidden."""
    shown = (path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in shown
        if not any(map(is_unfinished, path.parents))
    }


def leftovers(folder):
    return [path.name for path in folder.rglob(".*") if is_unfinished(path)]


def test_the_file_is_there_only_when_the_block_is_left(tmp_path):
    path = tmp_path / "figures.json"
    with whole_file(path) as unfinished:
        unfinished.write_text("new")
        assert not path.exists()
        assert (unfinished.name, is_unfinished(unfinished.parent.parent)) == (
            path.name,
            True,
        )
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "figures.json"
    path.write_text("old")
    with pytest.raises(OSError, match="full"), whole_file(path) as unfinished:
        unfinished.write_text("half of the n")
        raise OSError("full")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_two_threads_write_under_names_of_their_own(tmp_path):
    names = []

    def write():
        with whole_file(tmp_path / "a.png") as unfinished:
            names.append(unfinished)
            unfinished.write_text("same")
            barrier.wait()

    barrier = threading.Barrier(2)
    threads = [threading.Thread(target=write) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(names)) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_a_folder_takes_the_place_of_the_old_one(tmp_path):
    folder = tmp_path / "1"
    for name in ("old", "new"):
        with whole_folder(folder) as unfinished:
            (unfinished / name).touch()
            assert not (folder / name).exists()
        assert [path.name for path in folder.iterdir()] == [name]
    assert list(tmp_path.iterdir()) == [folder]


def test_a_failure_leaves_the_old_folder_and_nothing_else(tmp_path):
    folder = tmp_path / "1"
    folder.mkdir()
    with pytest.raises(OSError, match="full"), whole_folder(folder) as unfinished:
        (unfinished / "half").touch()
        raise OSError("full")
    assert list(tmp_path.iterdir()) == [folder]
    assert list(folder.iterdir()) == []


def test_a_text_is_replaced(tmp_path):
    write_text(tmp_path / "a", "old")
    write_text(tmp_path / "a", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_text() == "new"


def test_a_full_disk_leaves_the_old_text(tmp_path, monkeypatch):
    write_text(tmp_path / "a", "old")
    written = Path.write_text

    def fill_the_disk(path, text, encoding):
        written(path, text[:2], encoding)
        raise OSError("No space left on device")

    monkeypatch.setattr(Path, "write_text", fill_the_disk)
    with pytest.raises(OSError, match="No space"):
        write_text(tmp_path / "a", "new text")
    assert (tmp_path / "a").read_text() == "old"


def test_a_value_that_is_no_json_leaves_the_old_file(tmp_path):
    write_json(tmp_path / "a", {"fms": 1})
    with pytest.raises(TypeError):
        write_json(tmp_path / "a", {"fms": object()})
    assert json.loads((tmp_path / "a").read_text()) == {"fms": 1}


def test_json_is_for_people_too(tmp_path):
    write_json(tmp_path / "a", {"fms": 1, "ari": [2]})
    expected = '{\n  "fms": 1,\n  "ari": [\n    2\n  ]\n}\n'
    assert (tmp_path / "a").read_text() == expected


def test_a_kill_at_any_step_leaves_the_old_file_or_the_new(tmp_path):
    def write():
        write_text(tmp_path / "a", "new")

    seen = set()
    for _ in each_kill(write):
        there = content(tmp_path)
        seen.add(there.pop("a", ""))
        assert not there
        settle(tmp_path / "a")
        assert not leftovers(tmp_path)
        (tmp_path / "a").write_text("old")
    assert seen == {"", "old", "new"}


@pytest.mark.parametrize("can_exchange", [True, False])
def test_a_kill_at_any_step_leaves_the_old_folder_or_the_new(
    tmp_path, monkeypatch, can_exchange
):
    if not can_exchange:
        monkeypatch.setattr(atomic, "_exchange", lambda one, other: False)
    old, new = {"i/a": "old", "i/b": "old"}, {"i/a": "new", "i/c/d": "new"}

    def write():
        with whole_folder(tmp_path / "i") as unfinished:
            (unfinished / "a").write_text("new")
            (unfinished / "c").mkdir()
            (unfinished / "c" / "d").write_text("new")

    seen = []
    for _ in each_kill(write):
        if can_exchange and seen:  # There is a folder at each moment.
            assert content(tmp_path) in (old, new)
        settle(tmp_path / "i")
        assert not leftovers(tmp_path)
        assert content(tmp_path) in ((old, new) if seen else ({}, new))
        seen.append(content(tmp_path))
        with whole_folder(tmp_path / "i") as unfinished:
            for name in ("a", "b"):
                (unfinished / name).write_text("old")
    assert new in seen
    assert old in seen


@pytest.mark.parametrize("every", few(3, more=[1]))
def test_files_of_two_runs_never_stand_side_by_side(tmp_path, every):
    (tmp_path / "pages").mkdir()
    names = ("groups.csv", "groups.summary.json", "groups.threshold.csv", "pages/a")
    old = dict.fromkeys(names, "old")
    new = dict.fromkeys(("groups.csv", "groups.summary.json", "pages/a"), "new")

    def write():
        with whole_files(*(tmp_path / name for name in names)) as unfinished:
            for place in (0, 1, 3):
                unfinished[place].write_text("new")

    seen = []
    for _ in each_kill(write, every):
        settle(tmp_path / "groups.csv")
        assert content(tmp_path) in (old, new, {})
        settle(tmp_path / "pages" / "a")
        assert not leftovers(tmp_path)
        seen.append(content(tmp_path))
        for name in names:
            (tmp_path / name).write_text("old")
    assert old in seen
    assert new in seen


def test_what_was_decided_is_finished_from_any_of_the_folders(tmp_path):
    (tmp_path / "pages").mkdir()
    for _ in each_kill(lambda: write_two(tmp_path), every=3):
        settle(tmp_path / "pages" / "page")
        both = content(tmp_path)
        assert len(set(both.values())) <= 1
        assert "page" not in str(leftovers(tmp_path / "pages"))


def write_two(folder):
    with whole_files(folder / "groups", folder / "pages" / "page") as unfinished:
        for path in unfinished:
            path.write_text("new")


def test_the_same_command_may_replace_what_was_finished_for_it(tmp_path, monkeypatch):
    told = []
    for _ in each_kill(lambda: write_two_here(tmp_path), every=2):
        settle(tmp_path / "a")
        told.append(is_completed(tmp_path / "a"))
        assert told[-1] <= (tmp_path / "a").exists()
        with monkeypatch.context() as other:
            other.setattr(sys, "argv", ["another", "command"])
            assert not is_completed(tmp_path / "a")
        for name in content(tmp_path):
            (tmp_path / name).unlink()
        unfinished._completed.clear()
    assert any(told)


def write_two_here(folder):
    with whole_files(folder / "a", folder / "b") as unfinished:
        for path in unfinished:
            path.write_text("new")


def test_what_a_killed_process_decided_is_not_mixed_with_what_came_later(tmp_path):
    for _ in each_kill(lambda: write_two_here(tmp_path), every=3):
        with whole_files(tmp_path / "a", tmp_path / "b") as unfinished:
            for path in unfinished:
                path.write_text("newer")
        assert content(tmp_path) == {"a": "newer", "b": "newer"}
        settle(tmp_path / "a")
        assert content(tmp_path) == {"a": "newer", "b": "newer"}


def test_two_that_write_the_same_files_at_once_do_not_mix_them(tmp_path):
    def write(word):
        with whole_files(tmp_path / "a", tmp_path / "b") as unfinished:
            for path in unfinished:
                path.write_text(word)
            barrier.wait()

    for number in range(20):
        barrier = threading.Barrier(2)
        words = (f"one {number}", f"other {number}")
        threads = [threading.Thread(target=write, args=[word]) for word in words]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        there = content(tmp_path)
        assert there["a"] == there["b"]
        assert there["a"] in words


def test_nothing_is_decided_before_all_is_written(tmp_path):
    write_two_here(tmp_path)
    files = whole_files(tmp_path / "a", tmp_path / "b")
    with pytest.raises(OSError, match="boom"), files as (one, _):
        one.write_text("newer")
        raise OSError("boom")
    assert content(tmp_path) == {"a": "new", "b": "new"}
    assert not leftovers(tmp_path)


def test_what_a_living_process_makes_is_left_alone(tmp_path):
    with whole_file(tmp_path / "a") as unfinished:
        unfinished.write_text("new")
        assert not is_killed(lambda: write_text(tmp_path / "a", "1"), number=0)
        assert (tmp_path / "a").read_text() == "1"
    assert content(tmp_path) == {"a": "new"}


def test_the_next_process_removes_what_others_have_left(tmp_path):
    for _ in each_kill(lambda: write_two_here(tmp_path), every=3):
        write_two_here(tmp_path)
        assert content(tmp_path) == {"a": "new", "b": "new"}
        unfinished._settled.clear()
    write_two_here(tmp_path)
    assert not leftovers(tmp_path)


def test_a_file_system_without_locks_keeps_leftovers_and_works(tmp_path, monkeypatch):
    def refuse(descriptor, how):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    for _ in zip(
        each_kill(lambda: write_two_here(tmp_path), every=3), range(25), strict=False
    ):
        write_two_here(tmp_path)
        assert content(tmp_path) == {"a": "new", "b": "new"}


@pytest.mark.parametrize(
    "journal",
    [
        "{",
        "[]",
        '{"targets": 3, "command": []}',
        '{"targets": ["../outside", "/etc/outside"], "command": []}',
        '{"targets": ["inside"], "command": []}',
    ],
)
def test_a_journal_moves_nothing_but_what_was_made_beside_its_place(tmp_path, journal):
    outside, folder = tmp_path / "outside", tmp_path / "folder"
    outside.write_text("old")
    hidden = folder / ".groups.0123456789abcdef.unfinished"
    (hidden / "made").mkdir(parents=True)
    (hidden / "made" / "outside").write_text("poison")
    (hidden / "made" / "groups").write_text("made")
    (folder / "inside").write_text("old")
    (hidden / "journal.json").write_text(journal)
    settle(folder / "groups")
    assert outside.read_text() == "old"
    assert content(folder) == {"inside": "old"}


@pytest.mark.parametrize("kind", ["fifo", "link", "folder", "first"])
def test_a_strange_leftover_does_no_harm(tmp_path, kind):
    (tmp_path / "kept").write_text("kept")
    hidden = tmp_path / ".a.0123456789abcdef.unfinished"
    hidden.mkdir()
    if kind == "fifo":
        os.mkfifo(hidden / "lock")
    elif kind == "link":
        (hidden / "lock").symlink_to(tmp_path / "kept")
    elif kind == "folder":
        (hidden / "lock").mkdir()
    else:
        (hidden / "first").write_text("../../../..\0")
    write_text(tmp_path / "a", "new")
    assert content(tmp_path) == {"kept": "kept", "a": "new"}


@pytest.mark.parametrize("length", [1, 100, 200, 240, 255])
def test_names_of_any_length_and_letters(tmp_path, length):
    for name in ("a" * length, ("\u00e9" * (length // 2))[:127] or "b", "a\udcff"):
        write_text(tmp_path / name, "new")
        assert content(tmp_path) == {name: "new"}
        (tmp_path / name).unlink()


@contextlib.contextmanager
def room_for(num_bytes):
    """A disk on which files can have no more than so many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_takes_no_more_is_told_with_the_name_of_the_file(tmp_path):
    path = tmp_path / "groups.csv"
    write_text(path, "old")
    full = pytest.raises(
        WriteError, match=r"groups.csv' cannot be written: File too la"
    )
    with full, room_for(10):
        write_text(path, "new" * 10)
    assert content(tmp_path) == {"groups.csv": "old"}
    assert not leftovers(tmp_path)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("... No space left on device [28]"),
        OSError("no space left on device"),
    ],
)
def test_libraries_that_say_it_otherwise_are_understood(tmp_path, error):
    told = pytest.raises(WriteError, match=r"'.*/a' cannot be written: No space left")
    with told, whole_file(tmp_path / "a"):
        raise error


@pytest.mark.parametrize(
    "error",
    [
        KeyError("a"),
        FileNotFoundError(2, "No such file", "/photos/a.jpg"),
        OSError(28, "No space left on device", "/elsewhere"),
    ],
)
def test_errors_of_another_kind_stay_as_they_are(tmp_path, error):
    with pytest.raises(type(error)) as told, whole_file(tmp_path / "a"):
        raise error
    assert told.value is error


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(WriteError, match="file/a' cannot be written: File exists"):
        write_text(tmp_path / "file" / "a", "new")


def test_missing_folders_are_made_and_go_again_on_an_error(tmp_path):
    place = tmp_path / "one" / "two" / "a"
    with pytest.raises(KeyError), whole_file(place) as unfinished:
        assert unfinished.parent.is_dir()
        raise KeyError
    assert [*tmp_path.iterdir()] == []
    write_text(place, "a")
    assert place.read_text() == "a"
    with pytest.raises(KeyError), whole_files(place, tmp_path / "three" / "b"):
        raise KeyError
    assert [path.name for path in tmp_path.iterdir()] == ["one"]
    assert place.read_text() == "a"
