"""Files and folders on disk that appear whole or not at all, whatever happens.

What is written is made in a hidden folder beside its place, `.NAME.TOKEN.unfinished`,
and put in place by a rename once it is on the disk. The maker holds a lock in that
folder, which the system releases when the process ends, however it ends: whoever writes
there next, or asks for `settle`, finishes what was decided and removes the rest.
"""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import errno
import fcntl
import json
import os
import re
import secrets
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cv_tf.errors import UserError, WriteError

_LOCK, _JOURNAL, _MADE, _REPLACED = "lock", "journal.json", "made", "replaced"
_REMOVE, _FIRST = "remove", "first"
_NAME = re.compile(r"\..+\.[0-9a-f]{16}\.unfinished")
_MOST_BYTES = 200  # Of a name within the name of its hidden folder; 255 are allowed.
_FOR_LOCKS = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_AT_CWD, _EXCHANGE = -100, 2  # Of Linux' renameat2.
# Why a disk takes nothing; other errors may be of files that are read meanwhile.
_REFUSALS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)
_FULL = "No space left on device"

_settled: set[str] = set()  # Folders in which this process has looked for leftovers.
# Files that this process has put in place for one that was killed: its command line.
_completed: dict[str, list[str]] = {}


@contextlib.contextmanager
def whole_file(path: Path, durable: bool = True) -> Iterator[Path]:
    """Gives a name to write to, which becomes `path`, on a disk, after the block.

    A reader sees the old file or the new one. If the block raises, the old file stays
    and nothing else does. The name is that of `path`, in another folder; two may write
    the same file at once. A file that is not `durable`, such as one of a cache, may be
    damaged after a power failure, and is written faster.

    Raises:
      WriteError: If the disk is full or read-only.
    """
    with _making(path) as making:
        yield making.made
        if durable:
            _flush(making.made)
        making.made.replace(path)
        if durable:
            _flush(path.parent)


@contextlib.contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Gives a new folder beside `folder`, on a disk, whose place it takes at the end.

    If the block raises, the old folder stays and nothing else does. Where the file
    system can exchange two names, there is a folder at each moment; elsewhere it may be
    missing for an instant, and `settle` brings it back after a kill.

    Raises:
      WriteError: If the disk is full or read-only.
    """
    with _making(folder) as making:
        making.made.mkdir()
        yield making.made
        _flush(making.made)
        if folder.is_dir() and not _exchange(making.made, folder):
            _write_journal(making, [folder])
        making.put_in_place()
        _flush(folder.parent)


@contextlib.contextmanager
def whole_files(*paths: Path) -> Iterator[tuple[Path, ...]]:
    """Gives names to write to, which become `paths` together after the block.

    What is not written there is removed: a file of an earlier run is never left beside
    those of this one. A process that is killed leaves all of the old files or, once the
    next one has called `settle` there, all of the new.

    Raises:
      WriteError: If the disk is full or read-only.
    """
    token = secrets.token_hex(8)
    with contextlib.ExitStack() as stack:
        # The first is removed last, with the journal: until then, others can finish.
        makings = [stack.enter_context(_making(path, token)) for path in paths]
        for making in makings[1:]:
            first = os.path.relpath(makings[0].folder, making.folder.parent)
            (making.folder / _FIRST).write_text(first, encoding="utf-8")
        yield tuple(making.made for making in makings)
        for making in makings:
            if making.made.exists():
                _flush(making.made)
            else:
                (making.folder / _REMOVE).touch()
            _flush(making.folder)
        _write_journal(makings[0], paths)
        for making in makings:
            making.put_in_place()
        for folder in {path.parent for path in paths}:
            _flush(folder)


def write_text(path: Path, text: str) -> None:
    """Writes a text file, as UTF-8, that appears whole or not at all."""
    with whole_file(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Writes a JSON file that appears whole or not at all."""
    write_text(path, json.dumps(value, indent=2) + "\n")


def is_unfinished(path: Path) -> bool:
    """Whether a path is the hidden folder of something that was not finished."""
    return _NAME.fullmatch(path.name) is not None


def settle(path: Path) -> None:
    """Finishes or removes what processes that are gone have left beside a path.

    Call it before files are read that were written together. Where this process may not
    write, nothing is done.
    """
    folder = path.absolute().parent
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if _NAME.fullmatch(entry.name)]
    except OSError:
        return
    for name in names:
        _settle(folder / name)


def is_completed(path: Path) -> bool:
    """Whether `settle` has put a file in place that this very command was to write."""
    return _completed.get(str(path.absolute())) == sys.argv


@dataclasses.dataclass(frozen=True)
class _Making:
    """Something that is made for a target: the hidden folder, and the lock on it."""

    target: Path
    folder: Path
    lock: int

    @property
    def made(self) -> Path:
        """What is made, under the name that it is to have."""
        return self.folder / _MADE / self.target.name

    def put_in_place(self) -> None:
        """Moves what was made to the target; does nothing if that is done already."""
        if (self.folder / _REMOVE).exists():
            self.target.unlink(missing_ok=True)
        elif self.made.is_dir():
            if self.target.exists() and not (self.folder / _REPLACED).exists():
                self.target.rename(self.folder / _REPLACED)
            self.made.rename(self.target)
        elif self.made.exists():
            self.made.replace(self.target)


@contextlib.contextmanager
def _making(target: Path, token: str = "") -> Iterator[_Making]:
    """Makes the hidden folder for a target, and removes it after the block."""
    target = target.absolute()
    if str(target.parent) not in _settled:
        settle(target)
        _settled.add(str(target.parent))
    folder = target.parent
    try:
        folder, lock = _new_folder(target, token)
        try:
            yield _Making(target, folder, lock)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)
    except UserError:
        raise
    except Exception as error:
        if not (why := _why_refused(error, folder)):
            raise
        raise WriteError(
            f"'{target}' cannot be written: {why}. What was there before is unchanged. "
            "Make room or name another place, and run the same command again."
        ) from error


def _new_folder(target: Path, token: str) -> tuple[Path, int]:
    while True:
        folder = _folder_of(target, token or secrets.token_hex(8))
        folder.mkdir()
        # Another process may have taken it for a leftover before it was locked.
        if (lock := _lock(folder, is_needed=False)) is not None:
            (folder / _MADE).mkdir()
            return folder, lock


def _folder_of(target: Path, token: str) -> Path:
    name = target.name
    while len(os.fsencode(name)) > _MOST_BYTES:
        name = name[:-1]
    return target.parent / f".{name}.{token}.unfinished"


def _token(folder: Path) -> str:
    return folder.name.split(".")[-2]


def _lock(folder: Path, is_needed: bool) -> int | None:
    """Locks a hidden folder; None if another process has it, or has removed it.

    Where a file system has no locks, it is None only if the lock `is_needed`.
    """
    try:
        lock = os.open(folder / _LOCK, _FOR_LOCKS, 0o666)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        is_ours = os.fstat(lock).st_nlink > 0
    except OSError as error:
        is_ours = not is_needed and not isinstance(error, BlockingIOError)
    if not is_ours:
        os.close(lock)
    return lock if is_ours else None


def _settle(folder: Path) -> None:
    """Finishes or removes a hidden folder, unless its maker is alive."""
    try:
        if (lock := _lock(folder, is_needed=True)) is None:
            return
    except OSError:
        return  # It is not ours to remove.
    try:
        first = folder
        if (folder / _FIRST).is_file():
            named = (folder / _FIRST).read_text(encoding="utf-8")
            first = Path(os.path.normpath(folder.parent / named))
        if is_unfinished(first) and _token(first) == _token(folder):
            _complete(first)
        shutil.rmtree(folder, ignore_errors=True)
    except (OSError, ValueError):
        return  # What cannot be finished stays, for whoever may.
    finally:
        os.close(lock)


def _write_journal(making: _Making, targets: list[Path] | tuple[Path, ...]) -> None:
    """Decides that targets are to be put in place; this is the one commit point."""
    base = making.folder.parent
    journal = {
        "targets": [os.path.relpath(path.absolute(), base) for path in targets],
        "command": sys.argv,
    }
    unfinished = making.folder / f"{_JOURNAL}.new"
    unfinished.write_text(json.dumps(journal), encoding="utf-8")
    _flush(unfinished)
    unfinished.rename(making.folder / _JOURNAL)
    _flush(making.folder)


def _complete(first: Path) -> None:
    """Puts all targets of a journal in place; does nothing if there is no journal.

    A journal can name nothing but targets with a hidden folder of the same token beside
    them: whoever wrote it could write there anyway.
    """
    targets, command = _read_journal(first / _JOURNAL)
    for relative in targets:
        target = Path(os.path.normpath(first.parent / relative))
        making = _Making(target, _folder_of(target, _token(first)), lock=-1)
        making.put_in_place()
        _flush(target.parent)
        _completed[str(target)] = command
        if making.folder != first:
            shutil.rmtree(making.folder, ignore_errors=True)


def _read_journal(path: Path) -> tuple[list[str], list[str]]:
    """Targets and command of a journal; none if it is missing or damaged."""
    try:
        journal = json.loads(path.read_text(encoding="utf-8"))
        return list(map(str, journal["targets"])), list(map(str, journal["command"]))
    except (FileNotFoundError, ValueError, TypeError, KeyError, RecursionError):
        return [], []


def _exchange(one: Path, other: Path) -> bool:
    """Exchanges the names of two folders in one step; False if that is impossible."""
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    names = os.fsencode(one), os.fsencode(other)
    if renameat2(_AT_CWD, names[0], _AT_CWD, names[1], _EXCHANGE):
        return False
    # What was there before has the place of what was made, and goes with it.
    one.rename(one.parent.parent / _REPLACED)
    return True


def _flush(path: Path) -> None:
    """Waits until a file, or a folder with all that is in it, is on the disk."""
    for folder, _, names in os.walk(path):
        for name in names:
            _flush(Path(folder, name))
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some file systems cannot do it for folders.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def _why_refused(error: Exception, folder: Path) -> str:
    """Why the disk does not take what is written; "" for errors of another kind."""
    if isinstance(error, OSError) and error.strerror:
        if error.filename is None:
            return error.strerror if error.errno in _REFUSALS else ""
        is_ours = os.fsdecode(error.filename).startswith(str(folder))
        return error.strerror if is_ours else ""
    # Libraries in C++ raise errors of their own, with the words of the system.
    return _FULL if _FULL.lower() in str(error).lower() else ""
