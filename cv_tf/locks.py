"""Locks between processes: what one of them writes, no other one writes at once."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from cv_tf.errors import UserError


class BusyError(UserError):
    """Another process writes the same file or folder."""


@contextlib.contextmanager
def only_writer(lock: Path, of: Path) -> Iterator[None]:
    """Makes this process the only one that writes `of` within the block.

    The kernel releases the lock when the process ends, in whatever way; the file that a
    killed process leaves is in nobody's way. On storage that knows no locks there is
    none. Threads of one process exclude each other as well.

    Args:
      lock: File of the lock, on a disk; it is removed at the end.
      of: The file or folder that is written, for the message.

    Raises:
      BusyError: If another process, or thread, is within such a block.
      OSError: If the file of the lock cannot be made.
    """
    file = _lock(lock)
    if file is None:
        raise BusyError(
            f"'{of}' is being written by another process. Wait for its end, or name "
            "another place."
        )
    try:
        yield
    finally:
        try:
            # Removed while it is held: who waits for it notices, and makes another.
            lock.unlink(missing_ok=True)
        finally:
            os.close(file)


def _lock(path: Path) -> int | None:
    """The locked file; None if another process has locked it."""
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return None
        except OSError:  # This storage has no locks.
            return file
        if _is_still(path, file):
            return file
        os.close(file)


def _is_still(path: Path, file: int) -> bool:
    """Whether an open file still has its name: the last holder removes it."""
    try:
        return os.path.samestat(path.lstat(), os.fstat(file))
    except FileNotFoundError:
        return False
