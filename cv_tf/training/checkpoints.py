"""Checkpoints that a run resumes from, bit for bit."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf

from cv_tf.methods import Method

_KEPT = 2


class Checkpoints:
    """The state of a method and its optimizer, in a folder.

    A checkpoint is written under names of its own first and named in the folder's
    index last, by renaming, so a half-written one is never picked up.

    Args:
      folder: Where; made if needed.
      method: A compiled method.
    """

    def __init__(self, folder: Path, method: Method):
        # The optimizer's variables must exist before they can be compared.
        method.optimizer.build(method.learned_variables)
        self._method = method
        self._checkpoint = tf.train.Checkpoint(
            method=method, optimizer=method.optimizer
        )
        self._manager = tf.train.CheckpointManager(
            self._checkpoint, str(folder), max_to_keep=_KEPT
        )

    def save(self) -> None:
        """Writes the state as of now."""
        self._manager.save(checkpoint_number=int(self._method.step))

    def restore(self) -> int:
        """Goes back to the newest whole checkpoint, if there is one.

        Returns:
          The number of steps that have been made: 0 without a checkpoint.
        """
        if self._manager.latest_checkpoint:
            status = self._checkpoint.restore(self._manager.latest_checkpoint)
            status.assert_existing_objects_matched()
        return int(self._method.step)
