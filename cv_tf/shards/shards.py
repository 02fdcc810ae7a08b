"""The folder of a job's shards, from which an interrupted job goes on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

from cv_tf.errors import UserError
from cv_tf.files import write_json


class JobError(UserError):
    """A job that cannot go on, and why."""


class Shards:
    """Numbered files of a job; a shard that is there is done.

    Args:
      output: What the job makes; the folder stands beside it, as `OUTPUT.shards`.
      num_shards: How many shards there are, numbered from 0.
      identity: What the shards are made from. Shards of another identity are never
        taken for these; it must be the same again after a round trip through JSON.

    Attributes:
      folder: Where they are.
      num_shards: As given, as is `identity`.
    """

    def __init__(self, output: Path, num_shards: int, identity: dict[str, Any]):
        self.folder = output.with_name(f"{output.name}.shards")
        self.num_shards = num_shards
        self._suffix = output.suffix
        self.identity = identity
        self._description = self.folder / "job.json"

    def open(self, overwrite: bool = False) -> None:
        """Makes the folder, or goes on with it.

        Args:
          overwrite: Whether shards of another job may be thrown away.

        Raises:
          JobError: If the folder holds something else.
        """
        if self._description.is_file():
            differing = self._differing()
            if not differing:
                return
            if not overwrite:
                raise JobError(
                    f"'{self.folder}' holds shards of a job that was interrupted, with "
                    f"another {', another '.join(differing)}. Go on with that one by "
                    "the flags it had, or pass --overwrite to throw its shards away."
                )
            self.remove()
        elif self.folder.exists() and not self._is_unused():
            raise JobError(
                f"'{self.folder}' is in the way: shards are kept there until all are "
                "done. Move it, or name another --output."
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        write_json(self._description, self.identity)

    def path(self, number: int) -> Path:
        """Where a shard is written."""
        return self.folder / f"shard-{number:05d}{self._suffix}"

    def paths(self) -> list[Path]:
        """All shards in their order."""
        return [self.path(number) for number in range(self.num_shards)]

    def missing(self) -> list[int]:
        """Shards that are not there yet."""
        # One listing: shared storage answers slowly, and may remember of a file that it
        # was not there.
        there = {path.name for path in self.folder.glob("shard-*")}
        return [i for i, path in enumerate(self.paths()) if path.name not in there]

    def remove(self) -> None:
        """Removes the folder with all shards."""
        # What they are made from goes last: a kill leaves a job to go on with.
        for path in self.folder.iterdir():
            if path.is_file() and path != self._description:
                path.unlink()
        shutil.rmtree(self.folder)

    def _is_unused(self) -> bool:
        """Whether a kill in `open` left the folder, before it had a description."""
        leftover = f".{self._description.name}."
        return self.folder.is_dir() and all(
            path.name.startswith(leftover) for path in self.folder.iterdir()
        )

    def _differing(self) -> list[str]:
        try:
            old = json.loads(self._description.read_text())
        except ValueError:
            old = {}
        return [key for key in self.identity if old.get(key) != self.identity[key]]


# While one shard computes, the next is read: neither the device nor the disk waits.
_AT_A_TIME = 2

Work = Callable[[int, Callable[[int], None]], None]


def run_here(work: Work, numbers: Iterable[int], report: Callable[[int], None]) -> None:
    """Does shards in order, two at a time; the first failure stops the others.

    Args:
      work: Does one shard: takes its number, and a function to tell how many products
        have been done since the last call.
      numbers: The shards.
      report: Is told of progress, from any thread.
    """
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        running = [pool.submit(work, number, report) for number in numbers]
        try:
            finished, _ = wait(running, return_when=FIRST_EXCEPTION)
            for future in finished:
                future.result()
        finally:
            for future in running:
                future.cancel()
