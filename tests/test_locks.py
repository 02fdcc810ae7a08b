"""Locks: one writer at a time, whatever became of the one before."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from cv_tf.errors import UserError
from cv_tf.locks import BusyError, only_writer


@pytest.fixture
def lock(tmp_path) -> Path:
    return tmp_path / ".my.parquet.lock"


def test_leaves_nothing(lock, tmp_path):
    with only_writer(lock, tmp_path / "my.parquet"):
        assert lock.exists()
    assert list(tmp_path.iterdir()) == []


def test_a_second_one_is_told(lock):
    with only_writer(lock, Path("my.parquet")):
        with pytest.raises(BusyError) as error, only_writer(lock, Path("my.parquet")):
            pytest.fail("two at once")
        assert lock.exists()
    assert str(error.value) == (
        "'my.parquet' is being written by another process. Wait for its end, or name "
        "another place."
    )
    assert isinstance(error.value, UserError)
    with only_writer(lock, Path("my.parquet")):
        pass


def test_an_error_sets_it_free(lock, tmp_path):
    with pytest.raises(KeyError), only_writer(lock, tmp_path):
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_in_nobodys_way(lock, tmp_path):
    lock.touch()
    with only_writer(lock, tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("refused", [OSError(95, "not supported"), OSError(37, "none")])
def test_storage_without_locks_is_written_without(refused, lock, monkeypatch):
    def refuse(*_):
        raise refused

    monkeypatch.setattr("fcntl.flock", refuse)
    with only_writer(lock, lock):
        pass


def test_a_link_is_not_followed(lock, tmp_path):
    (tmp_path / "precious").write_text("precious")
    lock.symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match="symbolic links"), only_writer(lock, lock):
        pass
    assert (tmp_path / "precious").read_text() == "precious"


def test_of_many_threads_one_at_a_time_is_within(lock):
    within, most, told = [], [], []

    def write():
        for _ in range(200):
            try:
                with only_writer(lock, lock):
                    within.append(1)
                    most.append(len(within))
                    within.pop()
            except BusyError:
                told.append(1)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(most) + len(told) == 800
    assert max(most) == 1


@pytest.mark.integration
def test_a_process_that_is_killed_sets_it_free(lock, tmp_path):
    code = (
        "import sys; from pathlib import Path; from cv_tf.locks import only_writer\n"
        f"with only_writer(Path({str(lock)!r}), Path('x')): print('in'); "
        "sys.stdout.flush(); sys.stdin.read()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", code], **pipes) as process:
        assert process.stdout.readline() == "in\n"
        with pytest.raises(BusyError), only_writer(lock, tmp_path):
            pass
        os.kill(process.pid, signal.SIGKILL)
    assert lock.exists()
    with only_writer(lock, tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []
