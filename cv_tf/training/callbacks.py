"""What happens along the way: progress, curves, probes, checkpoints."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tensorflow as tf
import tf_keras as keras
from tqdm import tqdm

from cv_tf import strategy as devices
from cv_tf.errors import UserError
from cv_tf.training.checkpoints import Checkpoints, Cost


class StepCallback(keras.callbacks.Callback):
    """Counts steps over the whole run, whatever part of it was resumed."""

    def __init__(self, start_step: int = 0):
        super().__init__()
        self.step = start_step

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None):
        """Finds out the step and hands it on; Keras calls this once an execution."""
        before, self.step = self.step, self.model.steps_made
        self.on_steps(before, self.step, logs or {})

    def on_steps(self, before: int, step: int, logs: dict[str, Any]) -> None:
        """Called when steps `before + 1` to `step` are done."""

    def close(self) -> None:
        """Called after the training, even if it has raised an error."""


def reached(before: int, step: int, every: int) -> bool:
    """Whether a multiple of `every` lies in (before, step]."""
    return every > 0 and step // every > before // every


class ProgressBar(StepCallback):
    """Step, loss, images/s and time left, in one line."""

    def __init__(self, start_step: int, num_steps: int, batch_size: int):
        super().__init__(start_step)
        self._bar = tqdm(
            total=num_steps, initial=start_step, desc="Training", unit="step"
        )
        self._batch_size = batch_size

    def on_steps(self, before, step, logs):
        """See `StepCallback`."""
        rate = self._bar.format_dict["rate"] or 0.0
        self._bar.set_postfix_str(
            f"loss {logs['loss']:.3f}, {rate * self._batch_size:.0f} images/s",
            refresh=False,
        )
        self._bar.update(step - before)

    def close(self) -> None:
        """Leaves the finished line in the terminal."""
        self._bar.close()


class TimedCallback(StepCallback):
    """Knows how long an execution has taken so far."""

    def __init__(self, start_step: int):
        super().__init__(start_step)
        self._start = 0.0

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None):
        """Starts the clock; Keras calls this once an execution."""
        self._start = time.perf_counter()

    def seconds(self) -> float:
        """Since the execution began."""
        return time.perf_counter() - self._start


class Stopwatch(TimedCallback):
    """Times executions; the first callback, so that it times none of the others."""

    def __init__(self, start_step: int, cost: Cost):
        super().__init__(start_step)
        self._cost = cost
        self._is_first = True

    def on_steps(self, before, step, logs):
        """See `StepCallback`."""
        self._cost.add(step - before, self.seconds(), self._is_first)
        self._is_first = False


class Curves(TimedCallback):
    """Scalars for TensorBoard."""

    def __init__(self, start_step: int, folder: Path, batch_size: int):
        super().__init__(start_step)
        self._writer = tf.summary.create_file_writer(str(folder))
        self._batch_size = batch_size

    def on_steps(self, before, step, logs):
        """See `StepCallback`."""
        seconds = self.seconds()
        optimizer = self.model.optimizer
        scalars = {
            **logs,
            "learning_rate": float(optimizer.learning_rate.numpy()),
            "images_per_second": (step - before) * self._batch_size / seconds,
        }
        self.write(step, scalars)

    def write(self, step: int, scalars: dict[str, float]) -> None:
        """Adds figures of a step."""
        with self._writer.as_default(step):
            for name, value in scalars.items():
                tf.summary.scalar(name, value)

    def on_train_end(self, logs=None):
        """Flushes what is not on disk yet."""
        self._writer.flush()


class Probe(StepCallback):
    """Recall@1 of held-out products, every so many steps."""

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
            tqdm.write(f"Step {step}: {text}")


class SaveCheckpoints(StepCallback):
    """Saves every so many steps, at the end, and when asked to stop.

    SIGTERM and the first Ctrl-C end the run after the step that is under way; the
    second does what it always does. Whichever worker gets them, all stop.
    """

    def __init__(self, start_step: int, every: int, checkpoints: Checkpoints):
        super().__init__(start_step)
        self._every = every
        self._checkpoints = checkpoints
        self._previous: dict[int, Any] = {}
        self.stopped_by: int | None = None

    def on_train_begin(self, logs=None):
        """Takes over the signals."""
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
        """Gives the signals back."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _stop(self, number: int, frame: Any) -> None:
        if self.stopped_by is not None:
            self.close()
            signal.raise_signal(number)
        self.stopped_by = number


class NonFiniteLossError(UserError):
    """The loss is no number any more."""


class StopWhenNotFinite(StepCallback):
    """Stops the run at the first loss that is not a finite number."""

    def on_steps(self, before, step, logs):
        """See `StepCallback`."""
        if not math.isfinite(logs["loss"]):
            raise NonFiniteLossError(
                f"The loss is {logs['loss']} at step {step}. Lower --learning_rate, "
                "set --clip_norm=1, or pass --mixed_precision=none, with a new "
                "--workdir; this one keeps its last checkpoint from before."
            )


# Of their best; a rank a fifth of it is common to healthy runs without negatives.
_LEAST_SHARES = {"embedding_std": 0.2, "rank": 0.05}
_PATIENCE = 10  # Steps.


class CollapseError(UserError):
    """All embeddings have become one, or lie on one line."""


class StopWhenCollapsed(StepCallback):
    """Stops the run when the embeddings of a batch tell products apart no more.

    That is, when their spread or their rank is a small part of what it was. A healthy
    run may pass through such a state for a step or two, so that it has to last. Not for
    supervised methods, whose rank ends at the number of styles in a batch.

    Args:
      start_step: As `StepCallback`.
      method: Name of what is trained, which says what to change.
    """

    def __init__(self, start_step: int, method: str):
        super().__init__(start_step)
        self._method = method
        self._best = dict.fromkeys(_LEAST_SHARES, 0.0)
        self._healthy = start_step

    def on_steps(self, before, step, logs):
        """See `StepCallback`."""
        self._best = {name: max(best, logs[name]) for name, best in self._best.items()}
        if all(
            logs[name] >= share * self._best[name]
            for name, share in _LEAST_SHARES.items()
        ):
            self._healthy = step
        elif step - self._healthy >= _PATIENCE:
            raise CollapseError(
                f"The embeddings have collapsed: since step {self._healthy + 1} all "
                "products look nearly the same to the network, or differ in few "
                f"respects. At step {step} the standard deviation of the embeddings is "
                f"{logs['embedding_std']:.3f}, "
                f"{self._best['embedding_std']:.3f} at its best; their rank is "
                f"{logs['rank']:.1f}, {self._best['rank']:.1f} at its best. "
                f"{_advice(self._method)} Use a new --workdir."
            )


def _advice(method: str) -> str:
    return {
        "byol": "Lower --learning_rate, lengthen --warmup_steps, or raise --momentum: "
        "the targets must move more slowly than the predictions.",
        "simsiam": "Lower --learning_rate, lengthen --warmup_steps, or set "
        "--predictor_hidden to a quarter of --projection_dimensions.",
    }.get(
        method,
        "Lower --learning_rate, lengthen --warmup_steps, or raise --batch_size: more "
        "products keep each other apart.",
    )
