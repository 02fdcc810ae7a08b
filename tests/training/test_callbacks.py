"""What happens along the way."""

import os
import signal
import types

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from cv_tf.training import callbacks
from cv_tf.training.callbacks import reached


def model_at(step: int = 0):
    """All that callbacks look at."""
    optimizer = keras.optimizers.SGD(0.125)
    optimizer.build([])
    return types.SimpleNamespace(
        steps_made=step,
        optimizer=optimizer,
        stop_training=False,
        distribute_strategy=tf.distribute.get_strategy(),
    )


def go(callback, model, *steps: int, loss: float = 1.0) -> None:
    """Begins and ends executions, which end after the given steps."""
    callback.set_model(model)
    for step in steps:
        callback.on_train_batch_begin(0)
        model.steps_made = step
        callback.on_train_batch_end(0, {"loss": loss})


def scalars(folder) -> dict[str, dict[int, float]]:
    """What TensorBoard shows: name to step to value."""
    found: dict[str, dict[int, float]] = {}
    for path in folder.iterdir():
        for event in tf.compat.v1.train.summary_iterator(str(path)):
            for value in event.summary.value:
                number = float(tf.make_ndarray(value.tensor))
                found.setdefault(value.tag, {})[event.step] = number
    return found


@pytest.mark.parametrize(
    ("before", "step", "every", "expected"),
    [
        (0, 1, 1, True),
        (4, 5, 5, True),
        (5, 6, 5, False),
        (4, 7, 5, True),  # Passed by, several steps an execution.
        (5, 9, 5, False),
        (5, 10, 5, True),
        (3, 30, 5, True),
        (0, 9, 0, False),  # Never.
    ],
)
def test_reached(before, step, every, expected):
    assert reached(before, step, every) is expected


def test_steps_are_counted_over_the_whole_run():
    seen = []

    class Count(callbacks.StepCallback):
        def on_steps(self, before, step, logs):
            seen.append((before, step, logs["loss"]))

    go(Count(start_step=40), model_at(40), 41, 44, loss=0.5)
    assert seen == [(40, 41, 0.5), (41, 44, 0.5)]


def test_curves(tmp_path, monkeypatch):
    # Each execution takes half a second; what lies between them does not count.
    times = iter([10.0, 10.5, 70.0, 70.5])
    clock = types.SimpleNamespace(perf_counter=lambda: next(times))
    monkeypatch.setattr(callbacks, "time", clock)
    curves = callbacks.Curves(10, tmp_path, batch_size=4)
    go(curves, model_at(10), 12, loss=0.5)
    go(curves, model_at(12), 13, loss=0.25)
    curves.on_train_end()
    found = scalars(tmp_path)
    assert found == {
        "loss": {12: 0.5, 13: 0.25},
        "learning_rate": {12: 0.125, 13: 0.125},
        "images_per_second": {12: 2 * 4 / 0.5, 13: 4 / 0.5},
    }


def test_a_probe_measures_every_so_many_steps(tmp_path, capsys):
    curves = callbacks.Curves(0, tmp_path, batch_size=4)
    values = iter([0.25, 0.5])
    probe = callbacks.Probe(0, 3, lambda: {"recall@1": next(values)}, curves)
    go(probe, model_at(), 1, 2, 3, 4, 5, 6, 7)
    curves.on_train_end()
    assert scalars(tmp_path) == {"probe/recall@1": {3: 0.25, 6: 0.5}}
    assert "Step 6: recall@1 0.500" in capsys.readouterr().out


class TestSaveCheckpoints:
    @pytest.fixture
    def usual_ctrl_c(self):
        """What a terminal has; a process in the background may ignore Ctrl-C."""
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        yield
        signal.signal(signal.SIGINT, before)

    @pytest.fixture
    def run(self):
        """The callback, begun; the model; and the steps that were saved."""
        saved, model = [], model_at()
        checkpoints = types.SimpleNamespace(save=lambda: saved.append(model.steps_made))
        saver = callbacks.SaveCheckpoints(0, 3, checkpoints)
        saver.on_train_begin()
        yield saver, model, saved
        saver.close()

    def test_saves_every_so_many_steps(self, run):
        saver, model, saved = run
        go(saver, model, 2, 4, 5, 6, 8)
        assert saved == [4, 6]
        assert not model.stop_training

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_a_signal_saves_at_once_and_stops(self, run, number):
        saver, model, saved = run
        go(saver, model, 4)
        os.kill(os.getpid(), number)
        assert saver.stopped_by == number
        assert not model.stop_training  # The step that is under way is finished.
        go(saver, model, 5)
        assert saved == [4, 5]
        assert model.stop_training

    def test_the_second_ctrl_c_is_the_usual_one(self, usual_ctrl_c, run):
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)

    def test_gives_the_signals_back(self):
        before = signal.getsignal(signal.SIGTERM)
        saver = callbacks.SaveCheckpoints(0, 3, None)
        saver.on_train_begin()
        assert signal.getsignal(signal.SIGTERM) != before
        saver.close()
        assert signal.getsignal(signal.SIGTERM) == before


def test_the_progress_bar_goes_on_where_the_run_does(capsys, monkeypatch):
    monkeypatch.setattr("cv_tf.progress.draws_bars", lambda: True)
    bar = callbacks.ProgressBar(start_step=30, num_steps=40, batch_size=8)
    go(bar, model_at(30), 31, 36, 40, loss=np.float32(0.125))
    bar.close()
    line = capsys.readouterr().err.split("\r")[-1]
    assert "40/40" in line
    assert "loss 0.125" in line
    assert "images/s" in line
