"""Checkpoints that a run resumes from, bit for bit, and the cost saved with them."""

from __future__ import annotations

import json
import resource
import tempfile
from pathlib import Path

import tensorflow as tf
from absl import logging

from cv_tf import strategy as devices
from cv_tf.errors import UserError
from cv_tf.methods import Method

_KIBIBYTE = 1024  # Linux counts peak memory in kibibytes.
_KEPT = 2  # Checkpoints that are kept.
_SAVED = ("seconds", "steady_seconds", "steady_steps", "peak_bytes")  # Of `Cost`.


class Cost(tf.train.experimental.PythonState):
    """The cost of the steps that led to a checkpoint; saved in that checkpoint.

    A run that resumes adds to the cost of the processes before it. Steps that were lost
    when a process was killed, and made again, count once.
    """

    def __init__(self):
        # Of all steps and of the wait for their photos; not of probes and checkpoints.
        self.seconds = 0.0
        # The same without each process's first execution, which compiles.
        self.steady_seconds = 0.0
        self.steady_steps = 0
        self.peak_bytes = 0  # Largest memory of a process until its last checkpoint.

    def add(self, num_steps: int, seconds: float, is_first: bool) -> None:
        """Adds the steps of one execution, maybe the first of its process."""
        self.seconds += seconds
        if not is_first:
            self.steady_seconds += seconds
            self.steady_steps += num_steps

    def figures(self, num_steps: int, batch_size: int) -> dict[str, float]:
        """Returns the cost of a run of `num_steps` as `metrics.json` holds it.

        Returns:
          `seconds`; `images_per_second`, without the first execution of each process,
          missing if there was no other; `images_seen`, photos that views were made of;
          `peak_memory_gigabytes`, the largest memory of a process.
        """
        figures = {
            "seconds": self.seconds,
            "images_seen": num_steps * batch_size,
            "peak_memory_gigabytes": self._peak() / 1e9,
        }
        if self.steady_steps:
            images = self.steady_steps * batch_size
            figures["images_per_second"] = images / self.steady_seconds
        return figures

    def _peak(self) -> int:
        now = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIBIBYTE
        return max(self.peak_bytes, now)

    def serialize(self) -> str:
        """Returns the state; TensorFlow calls this when it saves a checkpoint."""
        self.peak_bytes = self._peak()
        return json.dumps({name: getattr(self, name) for name in _SAVED})

    def deserialize(self, string_value: bytes) -> None:
        """Sets the state; TensorFlow calls this when it restores a checkpoint."""
        for name, value in json.loads(string_value).items():
            setattr(self, name, value)


class CheckpointError(UserError):
    """No checkpoint of a run can be used."""


class Checkpoints:
    """The state of a compiled method and its optimizer, in a folder, made if needed.

    The files of a checkpoint are written first, and the folder's index names them last,
    by a rename, so that a half-written checkpoint is never used. All workers share the
    folder, and all of them have to save; the chief alone writes into it.

    Attributes:
      cost: Cost of the steps so far, saved and restored with the method.
    """

    def __init__(self, folder: Path, method: Method):
        # The optimizer's variables must exist before they can be compared.
        method.optimizer.build(method.learned_variables)
        self._method = method
        self.cost = Cost()
        self._checkpoint = tf.train.Checkpoint(
            method=method, optimizer=method.optimizer, cost=self.cost
        )
        self._manager = self._manager_of(folder)
        self._saved_step: int | None = None

    def save(self) -> None:
        """Saves the current state, unless the step has been saved already."""
        step = self._method.steps_made
        if step == self._saved_step:
            return
        if devices.is_chief(self._method.distribute_strategy):
            self._manager.save(checkpoint_number=step)
        else:
            # Reading the variables takes part of all workers.
            with tempfile.TemporaryDirectory() as folder:
                self._manager_of(folder).save(checkpoint_number=step)
        self._saved_step = step

    def _manager_of(self, folder: Path | str) -> tf.train.CheckpointManager:
        return tf.train.CheckpointManager(
            self._checkpoint, str(folder), max_to_keep=_KEPT
        )

    def restore(self) -> int:
        """Restores the newest usable checkpoint; returns its step, 0 if there is none.

        An older one leads to the same result, since a run repeats itself bit for bit.

        Raises:
          CheckpointError: If there are checkpoints, and none can be used.
        """
        # If the clock was set back, the list of the manager lacks the latest one.
        paths = [self._manager.latest_checkpoint, *self._manager.checkpoints[::-1]]
        newest_first = list(filter(None, dict.fromkeys(paths)))
        for path in newest_first:
            try:
                self._checkpoint.restore(path).assert_existing_objects_matched()
            except Exception as error:  # Each kind of damage raises its own.
                logging.warning("The checkpoint '%s' cannot be used: %s", path, error)
            else:
                self._saved_step = self._method.steps_made
                return self._saved_step
        if newest_first:
            raise CheckpointError(
                f"None of the checkpoints in '{self._manager.directory}' can be used: "
                f"{', '.join(Path(path).name for path in newest_first)}. Delete that "
                "folder to begin again, or bring it back from a copy."
            )
        return 0
