"""Callbacks of a training: progress, curves, probes, checkpoints."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tensorflow as tf
import tf_keras as keras

from cv_tf import strategy as devices
from cv_tf.progress import Progress, say
from cv_tf.training.checkpoints import Checkpoints, Cost


class StepCallback(keras.callbacks.Callback):
    """Counts the steps of the whole run, with those made before it was resumed."""

    def __init__(self, start_step: int = 0):
        super().__init__()
        self.step = start_step

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None):
        """Calls `on_steps`; Keras calls this after each execution of several steps."""
        before, self.step = self.step, self.model.steps_made
        self.on_steps(before, self.step, logs or {})

    def on_steps(self, before: int, step: int, logs: dict[str, Any]) -> None:
        """Called when steps `before + 1` to `step` are done."""

    def close(self) -> None:
        """Called after the training, even if it has raised an error."""


def reached(before: int, step: int, every: int) -> bool:
    """Tells whether a multiple of `every` lies in (before, step]; never if it is 0."""
    return every > 0 and step // every > before // every


class ProgressBar(StepCallback):
    """Shows the step, the loss, images/s and the time left, in one line."""

    def __init__(self, start_step: int, num_steps: int, batch_size: int):
        super().__init__(start_step)
        self._bar = Progress("Training", num_steps, "steps", start_step)
        self._batch_size = batch_size

    def on_steps(self, before, step, logs):
        """See `StepCallback`."""
        speed = self._bar.rate * self._batch_size
        note = f"loss {logs['loss']:.3f}, {speed:.0f} images/s"
        self._bar.update(step - before, note)

    def close(self) -> None:
        """Ends the line."""
        self._bar.close()


class TimedCallback(StepCallback):
    """Measures the time of an execution."""

    _start = 0.0

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None):
        """Starts the clock; Keras calls this before each execution of several steps."""
        self._start = time.perf_counter()

    def seconds(self) -> float:
        """Seconds since the execution began."""
        return time.perf_counter() - self._start


class Stopwatch(TimedCallback):
    """Adds the time of executions to the cost; put it before all other callbacks."""

    def __init__(self, start_step: int, cost: Cost):
        super().__init__(start_step)
        self._cost = cost
        self._is_first = True

    def on_steps(self, before, step, logs):
        """See `StepCallback`."""
        self._cost.add(step - before, self.seconds(), self._is_first)
        self._is_first = False


class Curves(TimedCallback):
    """Writes scalars for TensorBoard into a folder."""

    def __init__(self, start_step: int, folder: Path, batch_size: int):
        super().__init__(start_step)
        self._writer = tf.summary.create_file_writer(str(folder))
        self._batch_size = batch_size

    def on_steps(self, before, step, logs):
        """See `StepCallback`."""
        rates = {
            "images_per_second": (step - before) * self._batch_size / self.seconds(),
            "learning_rate": float(self.model.optimizer.learning_rate.numpy()),
        }
        self.write(step, logs | rates)

    def write(self, step: int, scalars: dict[str, float]) -> None:
        """Writes figures of a step by their names."""
        with self._writer.as_default(step):
            for name, value in scalars.items():
                tf.summary.scalar(name, value)

    def on_train_end(self, logs=None):
        """Writes all scalars to disk."""
        self._writer.flush()


class Probe(StepCallback):
    """Measures held-out products every so many steps (0: never), and shows figures.

    `measure` returns figures by their names, or None if this process shows none; then
    there need not be curves to write them to.
    """

    def __init__(
        self,
        start_step: int,
        every: int,
        measure: Callable[[], dict[str, float] | None],
        curves: Curves | None,
    ):
        super().__init__(start_step)
        self._every = every
        self._measure = measure
        self._curves = curves

    def on_steps(self, before, step, logs):
        """See `StepCallback`."""
        if not reached(before, step, self._every):
            return
        figures = self._measure()
        if figures is not None and self._curves is not None:
            self._curves.write(step, {f"probe/{k}": v for k, v in figures.items()})
            text = ", ".join(f"{name} {value:.3f}" for name, value in figures.items())
            say(f"Step {step}: {text}")


class SaveCheckpoints(StepCallback):
    """Saves `every` so many steps, and when the run is asked to stop.

    SIGTERM and the first Ctrl-C end the run after the current step, on all workers,
    whichever worker receives them. The second Ctrl-C ends the process as usual.

    Attributes:
      stopped_by: Number of the signal that asked to stop; None if there was none.
    """

    def __init__(self, start_step: int, every: int, checkpoints: Checkpoints):
        super().__init__(start_step)
        self._every = every
        self._checkpoints = checkpoints
        self._previous: dict[int, Any] = {}
        self.stopped_by: int | None = None

    def on_train_begin(self, logs=None):
        """Installs the handlers of the signals."""
        for number in (signal.SIGTERM, signal.SIGINT):
            try:
                self._previous[number] = signal.signal(number, self._stop)
            except ValueError:  # Not in the main thread, as in some notebooks.
                return

    def on_steps(self, before, step, logs):
        """See `StepCallback`."""
        asked = devices.in_all_workers(
            self.model.distribute_strategy, self.stopped_by or 0
        )
        if any(asked):
            self.stopped_by = int(max(asked))
            self.model.stop_training = True
        if self.stopped_by is not None or reached(before, step, self._every):
            self._checkpoints.save()

    def close(self) -> None:
        """Restores the handlers of the signals."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _stop(self, number: int, frame: Any) -> None:
        if self.stopped_by is not None:
            self.close()
            signal.raise_signal(number)
        self.stopped_by = number
