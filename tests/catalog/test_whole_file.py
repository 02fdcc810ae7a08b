"""Files and folders that appear whole or not at all."""

import threading

import pytest

from cv_tf.files import whole_file, whole_folder


def test_the_file_is_there_only_when_the_block_is_left(tmp_path):
    path = tmp_path / "figures.json"
    with whole_file(path) as unfinished:
        unfinished.write_text("new")
        assert not path.exists()
        assert (unfinished.parent, unfinished.suffix) == (tmp_path, ".json")
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
