"""The shards of a job: files in a folder, from which an interrupted job resumes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

from cv_tf.atomic import write_json
from cv_tf.errors import UserError
from cv_tf.unfinished import is_unfinished

# While one shard computes, the next is read: neither the device nor the disk waits.
_NUM_THREADS = 2

# Computes a shard: takes its number, and a function to report progress to.
Work = Callable[[int, Callable[[int], None]], None]


class JobError(UserError):
    """A job that cannot start or go on."""


class Shards:
    """The numbered files of a job; a shard whose file exists is done.

    Args:
      output: Output file of the job; its shards are in the folder `OUTPUT.shards`.
      num_shards: Number of shards; they are numbered from 0.
      identity: Everything that the shards depend on, equal after a round trip through
        JSON. Shards of another identity are never reused.

    Attributes:
      folder: Folder of the shards.
    """

    def __init__(self, output: Path, num_shards: int, identity: dict[str, Any]):
        self.folder = output.with_name(f"{output.name}.shards")
        self.num_shards = num_shards
        self._suffix = output.suffix
        self.identity = identity
        self._description = self.folder / "job.json"

    def open(self, overwrite: bool = False) -> None:
        """Makes the folder, or takes over the shards of the same job in it.

        With `overwrite`, shards of another job are deleted.

        Raises:
          JobError: If the folder holds shards of another job, or something else.
        """
        if self._description.is_file():
            if not (differing := self._differing()):
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
        """The path of a shard."""
        return self.folder / f"shard-{number:05d}{self._suffix}"

    def paths(self) -> list[Path]:
        """The paths of all shards, in order."""
        return [self.path(number) for number in range(self.num_shards)]

    def missing(self) -> list[int]:
        """The numbers of the shards that are not done."""
        # One listing: shared storage is slow, and may cache that a file was missing.
        there = {path.name for path in self.folder.glob("shard-*")}
        return [i for i, path in enumerate(self.paths()) if path.name not in there]

    def remove(self) -> None:
        """Removes the folder with all shards."""
        # The description goes last: after a kill, the job can still be resumed.
        for path in self.folder.iterdir():
            if path.is_file() and path != self._description:
                path.unlink()
        shutil.rmtree(self.folder)

    def _is_unused(self) -> bool:
        """Whether a kill in `open` left a folder without description or shards."""
        return self.folder.is_dir() and all(map(is_unfinished, self.folder.iterdir()))

    def _differing(self) -> list[str]:
        """The parts of the identity that differ from those of the folder."""
        try:
            old = json.loads(self._description.read_text())
        except ValueError:
            old = {}
        return [key for key in self.identity if old.get(key) != self.identity[key]]


def run_here(work: Work, numbers: Iterable[int], report: Callable[[int], None]) -> None:
    """Runs shards on this machine in order, two at a time; a failure stops the others.

    `work` computes one shard: it takes its number, and the function `report` to call,
    from several threads, with the number of products done since the last call.
    """
    with ThreadPoolExecutor(_NUM_THREADS) as pool:
        running = [pool.submit(work, number, report) for number in numbers]
        try:
            finished, _ = wait(running, return_when=FIRST_EXCEPTION)
            for future in finished:
                future.result()
        finally:
            for future in running:
                future.cancel()
