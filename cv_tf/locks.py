"""Locks between processes: what one of them writes, no other one writes at once."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from cv_tf.errors import UserError

# Not blocking: somebody may have put a pipe there.
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


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
    try:
        while (file := lock_file(lock)) is None:
            pass  # The last holder has just removed it.
    except BlockingIOError:
        raise BusyError(
            f"'{of}' is being written by another process. Wait for its end, or name "
            "another place."
        ) from None
    try:
        yield
    finally:
        try:
            # Removed while it is held: who waits for it notices, and makes another.
            lock.unlink(missing_ok=True)
        finally:
            os.close(file)


def lock_file(path: Path, is_needed: bool = False) -> int | None:
    """Opens and locks a file, which is made if it is not there.

    Returns:
      Its descriptor, which holds the lock until it is closed; None if whoever held it
      has removed the file meanwhile.

    Raises:
      BlockingIOError: If another process, or thread, has locked it.
      OSError: If it cannot be made, or `is_needed` and the storage knows no locks.
    """
    file = os.open(path, _FLAGS, 0o666)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if isinstance(error, BlockingIOError) or is_needed:
            os.close(file)
            raise
        return file
    if os.fstat(file).st_nlink:
        return file
    os.close(file)
    return None
