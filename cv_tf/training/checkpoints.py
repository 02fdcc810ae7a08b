"""Checkpoints that a run resumes from, bit for bit, and the cost saved with them."""

from __future__ import annotations

import json
import re
import resource
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf
from absl import logging

from cv_tf import strategy as devices
from cv_tf.atomic import write_text
from cv_tf.errors import UserError, cause_of
from cv_tf.methods import Method

_KIBIBYTE = 1024  # Linux counts peak memory in kibibytes.
_KEPT = 2  # Checkpoints that are kept.
_SAVED = ("seconds", "steady_seconds", "steady_steps", "peak_bytes")  # Of `Cost`.
_FILE = re.compile(r"ckpt-(\d{1,18})\.(?:index|data-\d{5}-of-\d{5})")


class Cost(tf.train.experimental.PythonState):
    """The cost of the steps that led to a checkpoint; saved in that checkpoint.

    A run that resumes adds to the cost of the processes before it. Steps that were lost
    when a process was killed, and made again, count once.

    Attributes:
      run: A digest of what the steps depend on; "" if it is not known. Checkpoints of
        another one are not restored.
    """

    def __init__(self):
        self.run = ""
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
        state = {name: getattr(self, name) for name in _SAVED}
        return json.dumps(state | {"run": self.run})

    def deserialize(self, string_value: bytes) -> None:
        """Sets the state; TensorFlow calls this when it restores a checkpoint.

        Raises:
          CheckpointError: If it is the checkpoint of another run.
        """
        state = json.loads(string_value)
        run = state.get("run", "")  # Earlier versions did not save it.
        if self.run and run and run != self.run:
            raise CheckpointError(
                "it was made by other settings, products, photos or answers"
            )
        for name in _SAVED:
            setattr(self, name, state[name])


class CheckpointError(UserError):
    """No checkpoint of a run can be used."""


class Checkpoints:
    """The state of a compiled method and its optimizer, in a folder, made if needed.

    TensorFlow writes the index of a checkpoint last, by a rename, so that one without
    an index was not finished, and checksums tell what was damaged later. What there is
    to resume from is found by looking: the list `checkpoint`, which TensorFlow's own
    tools read, is only written. All workers share the folder, and all of them have to
    save; the chief alone writes into it.

    Attributes:
      cost: Cost of the steps so far, saved and restored with the method.
    """

    def __init__(self, folder: Path, method: Method):
        # The optimizer's variables must exist before they can be compared.
        method.optimizer.build(method.learned_variables)
        self._method = method
        self._folder = folder
        self.cost = Cost()
        self._checkpoint = tf.train.Checkpoint(
            method=method, optimizer=method.optimizer, cost=self.cost
        )
        self._saved_step: int | None = None

    def save(self) -> None:
        """Saves the current state, unless the step has been saved already.

        Raises:
          CheckpointError: If it cannot be written, such as to a full disk.
        """
        step = self._method.steps_made
        if step == self._saved_step:
            return
        if devices.is_chief(self._method.distribute_strategy):
            try:
                self._write(step)
            except (tf.errors.OpError, OSError) as error:
                if devices.is_lost_worker(error, self._method.distribute_strategy):
                    raise
                self._remove_leftovers()
                # TensorFlow names its operation, a file, and then what the system says.
                why = re.sub(r".*; | ?\[Op:\w+\]", "", cause_of(error))
                raise CheckpointError(
                    f"No checkpoint can be written to '{self._folder}': {why}. Make "
                    "room there, and run the same command again: it goes on from the "
                    "last checkpoint."
                ) from error
        else:
            # Reading the variables takes part of all workers.
            with tempfile.TemporaryDirectory() as folder:
                self._checkpoint.write(f"{folder}/ckpt")
        self._saved_step = step

    def _write(self, step: int) -> None:
        """Writes a checkpoint and the list, and removes all but the newest."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._remove_leftovers()
        self._checkpoint.write(str(self._folder / f"ckpt-{step}"))
        # Those of later steps could not be used, or this one would not be made again.
        kept = sorted(number for number in self._finished() if number <= step)[-_KEPT:]
        names = [f'all_model_checkpoint_paths: "ckpt-{number}"\n' for number in kept]
        newest = f'model_checkpoint_path: "ckpt-{step}"\n'
        write_text(self._folder / "checkpoint", newest + "".join(names))
        for path, number in self._files():
            if number not in kept:
                path.unlink(missing_ok=True)

    def _remove_leftovers(self) -> None:
        """Removes what a process that was killed while it was saving has left."""
        for path in self._folder.glob("ckpt-*_temp"):
            shutil.rmtree(path, ignore_errors=True)
        finished = self._finished()
        for path, step in self._files():
            if step not in finished:
                path.unlink(missing_ok=True)

    def _files(self) -> Iterator[tuple[Path, int]]:
        """The files of checkpoints, and the step of each."""
        for path in sorted(self._folder.glob("ckpt-*")):
            if (found := _FILE.fullmatch(path.name)) and path.is_file():
                yield path, int(found[1])

    def _finished(self) -> set[int]:
        """The steps of the checkpoints that were written to the end."""
        return {step for path, step in self._files() if path.suffix == ".index"}

    def restore(self) -> int:
        """Restores the newest usable checkpoint; returns its step, 0 if there is none.

        An older one leads to the same result, since a run repeats itself bit for bit.

        Raises:
          CheckpointError: If there were checkpoints, and none can be used.
        """
        unusable = []
        for step in sorted(self._finished(), reverse=True):
            name = f"ckpt-{step}"
            try:
                status = self._checkpoint.read(str(self._folder / name))
                status.assert_existing_objects_matched()
                if self._method.steps_made != step:
                    raise CheckpointError(f"it is of step {self._method.steps_made}")
            except Exception as error:  # Each kind of damage raises its own.
                why = cause_of(error)
                unusable.append(name)
                logging.warning("The checkpoint '%s' cannot be used: %s", name, why)
            else:
                self._saved_step = step
                return step
        if unusable or (self._folder / "checkpoint").exists():
            raise CheckpointError(
                f"None of the checkpoints in '{self._folder}' can be used: "
                f"{', '.join(unusable) or 'their files are missing'}. Delete that "
                "folder to begin again, or bring it back from a copy."
            )
        return 0
