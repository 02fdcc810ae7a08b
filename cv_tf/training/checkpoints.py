"""Checkpoints that a run resumes from, bit for bit."""

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

_KIBIBYTE = 1024  # Linux counts peak memory in these.
_SAVED = ("seconds", "steady_seconds", "steady_steps", "peak_bytes")


class Cost(tf.train.experimental.PythonState):
    """What the steps that led to a checkpoint have cost; saved in that checkpoint.

    So a run that goes on from a checkpoint adds to what was spent on the way there, in
    whatever process; steps that were lost to a kill, and made again, count once.

    Attributes:
      seconds: In all steps, with the wait for their photos; not in probes or saving.
      steady_seconds: Without the first execution of each process, which compiles.
      steady_steps: How many steps took these.
      peak_bytes: Of memory, until the last checkpoint.
    """

    def __init__(self):
        self.seconds = 0.0
        self.steady_seconds = 0.0
        self.steady_steps = 0
        self.peak_bytes = 0

    def add(self, num_steps: int, seconds: float, is_first: bool) -> None:
        """Counts the steps of one execution.

        Args:
          num_steps: How many were made.
          seconds: What they took together.
          is_first: Whether it is the first of its process.
        """
        self.seconds += seconds
        if not is_first:
            self.steady_seconds += seconds
            self.steady_steps += num_steps

    def figures(self, num_steps: int, batch_size: int) -> dict[str, float]:
        """What `metrics.json` says of it.

        Args:
          num_steps: Of the whole run.
          batch_size: Photos a step.

        Returns:
          `seconds`; `images_per_second`, without the first execution of each process,
          missing where there was no other; `images_seen`, photos that views were made
          of; `peak_memory_gigabytes` of the process until the end of training, the
          largest where there were several.
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
        """As TensorFlow asks for it when a checkpoint is saved."""
        self.peak_bytes = self._peak()
        return json.dumps({name: getattr(self, name) for name in _SAVED})

    def deserialize(self, string_value: bytes) -> None:
        """As TensorFlow asks for it when a checkpoint is restored."""
        for name, value in json.loads(string_value).items():
            setattr(self, name, value)


_KEPT = 2


class CheckpointError(UserError):
    """No checkpoint of a run can be used."""


class Checkpoints:
    """The state of a method and its optimizer, in a folder.

    A checkpoint is written under names of its own first and named in the folder's
    index last, by renaming, so a half-written one is never picked up.

    Args:
      folder: Where; made if needed. Workers share it.
      method: A compiled method. Of several workers, which all have to save, the chief
        alone writes into the folder.

    Attributes:
      cost: What the steps so far have cost; saved and restored with them.
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
        """Writes the state as of now, unless that was just done."""
        step = self._method.steps_made
        if step == self._saved_step:
            return
        if devices.is_chief(self._method.distribute_strategy):
            self._manager.save(checkpoint_number=step)
        else:
            # What it holds is read from all workers.
            with tempfile.TemporaryDirectory() as folder:
                self._manager_of(folder).save(checkpoint_number=step)
        self._saved_step = step

    def _manager_of(self, folder: Path | str) -> tf.train.CheckpointManager:
        return tf.train.CheckpointManager(
            self._checkpoint, str(folder), max_to_keep=_KEPT
        )

    def restore(self) -> int:
        """Goes back to the newest checkpoint that can be used, if there is one.

        An older one leads to the same end: a run repeats itself bit for bit.

        Returns:
          The number of steps that have been made: 0 without a checkpoint.

        Raises:
          CheckpointError: If there are checkpoints, and none can be used.
        """
        # The manager's list is empty where the clock was set back; its newest is not.
        paths = [self._manager.latest_checkpoint, *self._manager.checkpoints[::-1]]
        newest_first = [path for path in dict.fromkeys(paths) if path]
        for path in newest_first:
            try:
                status = self._checkpoint.restore(path)
                status.assert_existing_objects_matched()
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
