"""Checkpoints that a run resumes from, bit for bit."""

from __future__ import annotations

import tempfile
from pathlib import Path

import tensorflow as tf
from absl import logging

from cv_tf import strategy as devices
from cv_tf.methods import Method
from cv_tf.training.cost import Cost

_KEPT = 2


class CheckpointError(ValueError):
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
