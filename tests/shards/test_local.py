"""Shards on this machine: in order, two at a time, until one fails."""

import threading
import time

import pytest

from cv_tf.shards import EngineSettings, JobError, Shards, run_here, run_shards, shards


def ignore(count: int) -> None:
    """Takes reports of progress."""


def write(shards, number: int, content: str) -> None:
    """Writes a shard."""
    with shards.writing(number) as unfinished:
        unfinished.write_text(content)


@pytest.mark.parametrize("numbers", [[], [3], [0, 1, 2], [7, 2, 9, 4, 1]])
def test_each_shard_is_done_once_and_in_order(numbers, monkeypatch):
    done = []

    def work(number, report):
        done.append(number)

    run_here(work, numbers, ignore)
    assert sorted(done) == sorted(numbers)
    done.clear()
    # Which of two threads is the first to note its shard is up to chance.
    monkeypatch.setattr(shards, "_NUM_THREADS", 1)
    run_here(work, numbers, ignore)
    assert done == numbers


def test_two_are_done_at_a_time():
    lock, running, most = threading.Lock(), [], []
    together = threading.Barrier(2, timeout=30)

    def work(number, report):
        with lock:
            running.append(number)
            most.append(len(running))
        together.wait()  # Fails unless another shard runs beside this one.
        with lock:
            running.remove(number)

    run_here(work, range(8), ignore)
    assert max(most) == 2


def test_progress_is_that_of_all_parts():
    told = []

    def work(number, report):
        for _ in range(number):
            report(number)

    run_here(work, range(5), told.append)
    assert sorted(told) == [1, 2, 2, 3, 3, 3, 4, 4, 4, 4]


class TestFailure:
    @pytest.mark.parametrize("failing", [0, 1, 5])
    def test_the_first_stops_the_others(self, failing):
        done = []

        def work(number, report):
            if number == failing:
                raise OSError(f"shard {number}: the disk is full")
            time.sleep(0.005)
            done.append(number)

        with pytest.raises(OSError, match=f"shard {failing}: the disk is full"):
            run_here(work, range(1000), ignore)
        assert set(range(failing)) <= set(done)
        assert len(done) < 500

    def test_what_has_begun_is_finished_first(self):
        """A shard that is half written would have to be done again."""
        both, finished = threading.Barrier(2, timeout=30), []

        def work(number, report):
            if number > 1:
                return
            both.wait()
            if number == 0:
                raise ValueError("bad shard")
            time.sleep(0.05)
            finished.append(number)

        with pytest.raises(ValueError, match="bad shard"):
            run_here(work, range(1000), ignore)
        assert finished == [1]

    def test_nothing_runs_on_afterwards(self):
        begun = []

        def work(number, report):
            begun.append(number)
            time.sleep(0.005)
            if number == 3:
                raise KeyError(number)

        with pytest.raises(KeyError):
            run_here(work, range(1000), ignore)
        count = len(begun)
        time.sleep(0.05)
        assert len(begun) == count < 500


class TestRunParts:
    @pytest.fixture
    def shards(self, tmp_path):
        shards = Shards(tmp_path / "sums.txt", 4, {"job": "sums"})
        shards.open()
        return shards

    def test_does_what_is_missing(self, shards, capsys, monkeypatch):
        monkeypatch.setattr("cv_tf.progress._EVERY", 0)  # Quick work tells, too.
        write(shards, 1, "done before")
        sizes = [3, 3, 3, 2]

        def work(number, report):
            for _ in range(sizes[number]):
                report(1)
            write(shards, number, "done now")

        run_shards(work, shards, sizes, EngineSettings(), "Adding")
        texts = [path.read_text() for path in shards.paths()]
        assert texts == ["done now", "done before", "done now", "done now"]
        # What was done before counts as done.
        first, *_, last = capsys.readouterr().err.splitlines()
        assert first.startswith("Adding: 4 of 11 (36%)")
        assert last.startswith("Adding: 11 done")

    def test_when_all_is_there_nothing_is_done(self, shards):
        for number in range(4):
            write(shards, number, "done")
        run_shards(pytest.fail, shards, [1] * 4, EngineSettings(), "Adding")

    @pytest.mark.parametrize("times", [1, 2, 3])
    def test_what_the_disk_damages_is_done_again(self, times, shards, caplog):
        done = []

        def work(number, report):
            done.append(number)
            write(shards, number, "done")
            if number == 2 and done.count(2) <= times:
                shards.find(2).write_text("damaged")

        def run():
            run_shards(work, shards, [1] * 4, EngineSettings(), "Adding")

        if times < 3:
            run()
            assert [path.read_text() for path in shards.paths()] == ["done"] * 4
        else:
            with pytest.raises(JobError, match="does not keep what is written to it"):
                run()
        assert sorted(done) == sorted([0, 1, 3] + [2] * min(times + 1, 3))
        assert caplog.text.count("1 of 4 finished shards") == times
