"""What a training costs in time and memory."""

from __future__ import annotations

import json
import resource

import tensorflow as tf

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
