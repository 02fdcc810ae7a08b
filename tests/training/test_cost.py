"""What a training costs, whatever became of its processes."""

import json
import types

import pytest

from cv_tf import train
from cv_tf.training import callbacks, checkpoints as cost
from cv_tf.training.callbacks import ProgressBar, Stopwatch
from cv_tf.training.checkpoints import Cost


@pytest.fixture
def memory(monkeypatch):
    """A function that sets the peak memory of the process, in kibibytes."""

    def use(kibibytes):
        usage = types.SimpleNamespace(ru_maxrss=kibibytes)
        monkeypatch.setattr(cost.resource, "getrusage", lambda _: usage)

    use(0)
    return use


class TestFigures:
    def test_the_first_execution_says_nothing_of_the_rate(self, memory):
        spent = Cost()
        memory(2_000_000)
        spent.add(2, 7.0, is_first=True)
        spent.add(2, 1.0, is_first=False)
        spent.add(4, 3.0, is_first=False)
        assert spent.figures(8, batch_size=10) == {
            "seconds": 11.0,
            "images_seen": 80,
            "images_per_second": 15.0,
            "peak_memory_gigabytes": 2.048,
        }

    def test_of_one_execution_there_is_no_rate(self):
        spent = Cost()
        spent.add(5, 7.0, is_first=True)
        assert "images_per_second" not in spent.figures(5, batch_size=10)

    def test_what_is_gone_on_with_adds_to_what_was_spent(self, memory):
        before = Cost()
        memory(5_000_000)
        before.add(1, 7.0, is_first=True)
        before.add(1, 1.0, is_first=False)
        after = Cost()
        after.deserialize(before.serialize().encode())
        memory(2_000_000)
        after.add(1, 4.0, is_first=True)
        after.add(1, 3.0, is_first=False)
        assert after.figures(4, batch_size=10) == {
            "seconds": 15.0,
            "images_seen": 40,
            "images_per_second": 5.0,
            "peak_memory_gigabytes": 5.12,
        }


def test_the_stopwatch_times_steps_and_not_what_is_between_them(monkeypatch):
    clock = types.SimpleNamespace(now=100.0)
    monkeypatch.setattr(callbacks.time, "perf_counter", lambda: clock.now)
    spent = Cost()
    watch = Stopwatch(4, spent)
    model = types.SimpleNamespace(steps_made=4)
    watch.set_model(model)
    for seconds in (5.0, 2.0, 2.0):
        watch.on_train_batch_begin(0)
        clock.now += seconds
        model.steps_made += 3
        watch.on_train_batch_end(0, {})
        clock.now += 1000.0  # A probe.
    assert spent.seconds == 9.0
    assert (spent.steady_seconds, spent.steady_steps) == (4.0, 6)


class TestRuns:
    @pytest.mark.integration
    def test_a_run_writes_what_it_cost(self, finished_run):
        config, _ = finished_run
        with open(f"{config.workdir}/metrics.json") as file:  # noqa: PTH123
            training = json.load(file)["training"]
        assert training["images_seen"] == 12 * 8
        assert 0 < training["seconds"] < 600
        assert training["images_per_second"] > 11 * 8 / training["seconds"]
        assert 0.1 < training["peak_memory_gigabytes"] < 100

    @pytest.mark.slow
    @pytest.mark.integration
    def test_a_run_that_is_gone_on_with_adds_up(
        self, tiny_run, tmp_path, monkeypatch, no_pictures
    ):
        """Five steps of eight are made, of which three are saved; then five more."""
        config = tiny_run(tmp_path / "run")
        seconds = iter(range(1, 100))
        add = Cost.add

        def count(spent, num_steps, _, is_first):
            add(spent, num_steps, float(next(seconds)), is_first)

        monkeypatch.setattr(Cost, "add", count)
        on_steps = ProgressBar.on_steps

        def cut(bar, before, step, logs):
            on_steps(bar, before, step, logs)
            if step == 5:
                raise PowerCutError

        with monkeypatch.context() as patch, pytest.raises(PowerCutError):
            patch.setattr(ProgressBar, "on_steps", cut)
            train.run(config)
        training = train.run(config).metrics["training"]
        # Of the first process steps of 1, 2 and 3 seconds, of the second of 6 to 10.
        assert training["seconds"] == 1 + 2 + 3 + 6 + 7 + 8 + 9 + 10
        assert training["images_per_second"] == pytest.approx(6 * 8 / (2 + 3 + 34))
        assert training["images_seen"] == 64


class PowerCutError(Exception):
    """The end of everything, as far as the run can tell."""
