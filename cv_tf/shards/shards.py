"""The shards of a job: files in a folder, from which an interrupted job resumes."""

from __future__ import annotations

import contextlib
import re
import shutil
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

from absl import logging

from cv_tf.atomic import whole_file, write_json
from cv_tf.errors import UserError
from cv_tf.files import digest_of, read_json
from cv_tf.unfinished import is_unfinished

# While one shard computes, the next is read: neither the device nor the disk waits.
_NUM_THREADS = 2
_CHECKED_AT_ONCE = 8
_DIGITS = 32  # Of the digest in the name of a shard.

# Computes a shard: takes its number, and a function to report progress to.
Work = Callable[[int, Callable[[int], None]], None]


class JobError(UserError):
    """A job that cannot start or go on."""


class Shards:
    """The numbered files of a job; a shard that has a file is done.

    The name of a shard's file ends in the digest of its content, so that both appear at
    once, and damage is noticed: `shard-00012.1f3a....parquet`. Two machines that
    compute the same shard at once may leave two files, of which either will do.

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

    def open(
        self,
        overwrite: bool = False,
        describe: Callable[[str], str] = "another {}".format,
    ) -> None:
        """Makes the folder, or takes over the undamaged shards of the same job in it.

        With `overwrite`, shards of another job are deleted. `describe` takes a name of
        the identity whose value differs, and says in a few words how it does.

        Raises:
          JobError: If the folder holds shards of another job, or something else.
        """
        if self._description.is_file():
            if not (differing := self._differing(overwrite)):
                self.remove_damaged()
                return
            if not overwrite:
                raise JobError(
                    f"'{self.folder}' holds shards of a job that was interrupted, with "
                    f"{', '.join(map(describe, differing))}. Go on with that one by "
                    "the flags and the files it had, or pass --overwrite to throw its "
                    "shards away."
                )
            self.remove()
        elif self.folder.exists() and not self._is_unused():
            raise JobError(
                f"'{self.folder}' is in the way: shards are kept there until all are "
                "done. Move it, or name another --output."
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        write_json(self._description, self.identity)

    @contextlib.contextmanager
    def writing(self, number: int) -> Iterator[Path]:
        """Gives a name to write a shard to, which appears whole or not at all."""
        part = self.folder / f".shard-{number:05d}.{uuid.uuid4().hex}{self._suffix}"
        with whole_file(part) as unfinished:
            yield unfinished
        digest = digest_of(part)[:_DIGITS]
        part.replace(self.folder / f"shard-{number:05d}.{digest}{self._suffix}")

    def find(self, number: int) -> Path | None:
        """The undamaged file of a shard; None if it is to be computed."""
        return next(filter(_is_whole, self._there()[number]), None)

    def paths(self) -> list[Path]:
        """The files of all shards, in order; all are done.

        Raises:
          JobError: If a shard is not there.
        """
        there = self._there()
        if len(there) < self.num_shards:
            raise JobError(
                f"{self.num_shards - len(there)} shards are missing in "
                f"'{self.folder}'. The same command computes them anew."
            )
        return [there[number][0] for number in range(self.num_shards)]

    def missing(self) -> list[int]:
        """The numbers of the shards that are not done."""
        there = self._there()
        return [number for number in range(self.num_shards) if number not in there]

    def remove_damaged(self) -> list[int]:
        """Removes files whose content is not what was written, and warns of them.

        Returns:
          The numbers of the shards that are missing by that.
        """
        there = self._there()
        files = [path for paths in there.values() for path in paths]
        with ThreadPoolExecutor(_CHECKED_AT_ONCE) as pool:
            for path, is_whole in zip(files, pool.map(_is_whole, files), strict=True):
                if not is_whole:
                    _delete(path)
        damaged = sorted(there.keys() - self._there().keys())
        if damaged:
            logging.warning(
                "%d of %d finished shards in '%s' are damaged, and are computed anew.",
                *(len(damaged), len(there), self.folder),
            )
        return damaged

    def discard(self, numbers: Iterable[int]) -> None:
        """Removes some shards, which are then to be computed anew."""
        there = self._there()
        for number in numbers:
            for path in there[number]:
                _delete(path)

    def remove(self) -> None:
        """Removes the folder with all shards."""
        # The description goes last: after a kill, the job can still be resumed.
        for path in self.folder.iterdir():
            if path != self._description:
                _delete(path)
        shutil.rmtree(self.folder)

    def remove_own(self) -> None:
        """Removes the folder with all shards, if there is one of this very job."""
        is_described = self._description.is_file()
        if is_described and not self._differing(overwrite=True):
            self.remove()
        elif not is_described and self._is_unused():
            shutil.rmtree(self.folder)

    def _there(self) -> defaultdict[int, list[Path]]:
        """The files of each shard that has any, by its number."""
        # One listing: shared storage is slow, and may cache that a file was missing.
        name = re.compile(
            rf"shard-(\d{{5,}})\.[0-9a-f]{{{_DIGITS}}}{re.escape(self._suffix)}"
        )
        there: defaultdict[int, list[Path]] = defaultdict(list)
        for path in sorted(self.folder.glob("shard-*")):
            found = name.fullmatch(path.name)
            if found and int(found[1]) < self.num_shards:
                there[int(found[1])].append(path)
        return there

    def _is_unused(self) -> bool:
        """Whether a kill in `open` or `remove` left a folder without description."""
        return self.folder.is_dir() and all(map(is_unfinished, self.folder.iterdir()))

    def _differing(self, overwrite: bool) -> list[str]:
        """The parts of the identity that differ from those of the folder."""
        remedy = "Pass --overwrite to throw the shards beside it away."
        try:
            old = read_json(self._description, "the description of a job", remedy)
        except UserError as error:
            if overwrite:
                return list(self.identity)
            raise JobError(str(error)) from error
        names = dict.fromkeys([*self.identity, *old])
        return [name for name in names if old.get(name) != self.identity.get(name)]


def _is_whole(path: Path) -> bool:
    """Whether the content of a shard's file is what its name says."""
    try:
        digest = path.name.split(".")[1]
        return path.is_file() and digest_of(path).startswith(digest)
    except OSError:  # It is gone, or cannot be read.
        return False


def _delete(path: Path) -> None:
    """Removes what has a name, whatever it is, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


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
