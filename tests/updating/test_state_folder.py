"""The files of a nightly run: together, or not at all."""

import json

import pytest

from cv_tf.errors import UserError
from cv_tf.locks import BusyError
from cv_tf.updating import StateError, StateFolder

MADE_BY = {"model": "m", "frame": "auto", "dimensions": 0}


@pytest.fixture
def state(tmp_path) -> StateFolder:
    return StateFolder(tmp_path / "update")


def make(state, run, **contents):
    """A run that makes files of these names, with these contents."""
    with state.only_run():
        state.clear_scratch("embedded-1")
        for name, text in contents.items():
            state.made(getattr(state, name)).write_text(text)
        state.keep(run, MADE_BY, f"inputs of {run}")


def names(state) -> set[str]:
    return {path.name for path in state.path.iterdir()}


def test_files_appear_together_and_go_together(state):
    make(state, 1, groups="1", page="1")
    assert names(state) == {"groups.csv", "groups.html", "state.json"}
    make(state, 2, groups="2", changes="2")
    assert names(state) == {"groups.csv", "changes.csv", "state.json"}
    last = state.last_run()
    assert (last.run, last.made_by, last.inputs) == (2, MADE_BY, "inputs of 2")
    assert state.groups.read_text() == "2"


def test_what_was_written_is_known(state):
    make(state, 1, groups="1", page="1")
    last = state.last_run()
    assert state.is_as_written(last)
    state.groups.write_text("by hand")
    assert not state.is_as_written(last)
    assert state.is_as_written(last, state.page)
    state.page.unlink()
    assert not state.is_as_written(last, state.page)
    state.changes.write_text("a file that was not there")
    assert not state.is_as_written(last, state.changes)


def test_before_the_first_run_there_is_none(state):
    with state.only_run():
        assert state.last_run() is None


def test_one_run_at_a_time(state):
    with (
        state.only_run(),
        pytest.raises(BusyError, match="is being written by another process"),
        state.only_run(),
    ):
        pass
    with state.only_run():
        pass


def test_a_failed_run_leaves_all_as_it_was(state):
    make(state, 1, groups="1")
    with pytest.raises(KeyError), state.only_run():
        state.clear_scratch("embedded-2")
        state.made(state.groups).write_text("2")
        raise KeyError
    assert state.groups.read_text() == "1"
    assert state.is_as_written(state.last_run())


def test_a_run_that_fails_at_once_leaves_nothing(state, tmp_path):
    with pytest.raises(KeyError), state.only_run():
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def test_only_what_is_of_the_same_job_is_kept_from_a_failed_run(state):
    with state.only_run():
        state.clear_scratch("embedded-2")
        (state.scratch / "embedded-1.parquet.shards").mkdir()
        (state.scratch / "embedded-2.parquet").touch()
        state.made(state.groups).touch()
        state.clear_scratch("embedded-2")
        kept = [path.name for path in state.scratch.iterdir()]
    assert kept == ["embedded-2.parquet"]


@pytest.mark.parametrize("other", ["notes.txt", "metrics.json"])
def test_a_folder_with_other_files_is_refused(state, other):
    state.path.mkdir()
    (state.path / other).touch()
    with pytest.raises(StateError, match=f"no nightly run.*'{other}'.*--output"):
        state.only_run().__enter__()
    assert names(state) == {other}


def test_a_file_and_a_folder_in_a_file_are_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StateError, match="is a file"):
        StateFolder(tmp_path / "file").only_run().__enter__()
    with pytest.raises(UserError, match="is a file, so that"):
        StateFolder(tmp_path / "file" / "update").only_run().__enter__()


def test_folders_above_are_made_and_go_if_a_run_fails_at_once(tmp_path):
    state = StateFolder(tmp_path / "new" / "update")
    with pytest.raises(OSError, match="broken"), state.only_run():
        assert state.path.is_dir()
        raise OSError("broken")
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize(
    "content",
    [
        "{",
        json.dumps({"run": 1, "made_by": {}, "inputs": ""}),
        json.dumps({"run": 0, "made_by": {}, "inputs": "", "checksums": {}}),
        json.dumps({"run": 1, "made_by": [], "inputs": "", "checksums": {}}),
    ],
)
def test_a_damaged_state_is_told(state, content):
    make(state, 1, groups="1")
    state.state.write_text(content)
    with pytest.raises(UserError, match=r"state.json.*Remove it"):
        state.last_run()
