"""Hidden folders of what is being written, and what killed processes left in them.

What is written is made in a hidden folder beside its place, `.NAME.TOKEN.unfinished`,
and put in place by a rename once it is on the disk. The maker holds a lock in that
folder, which the system releases when the process ends, however it ends: whoever writes
there next, or asks for `settle`, finishes what was decided and removes the rest.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import fcntl
import json
import os
import re
import secrets
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from cv_tf.errors import UserError, WriteError
from cv_tf.locks import lock_file

_LOCK, _JOURNAL, _MADE, _REPLACED = "lock", "journal.json", "made", "replaced"
_REMOVE, _FIRST = "remove", "first"
_NAME = re.compile(r"\..+\.[0-9a-f]{16}\.unfinished")
_MOST_BYTES = 200  # Of a name within the name of its hidden folder; 255 are allowed.
_PATIENCE, _PAUSE = 10.0, 0.01  # Seconds.
# Why a disk takes nothing; other errors may be of files that are read meanwhile.
_REFUSALS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)
_FULL = "No space left on device"

_settled: set[str] = set()  # Folders in which this process has looked for leftovers.
# Files that this process has put in place for one that was killed: its command line.
_completed: dict[str, list[str]] = {}


def is_unfinished(path: Path) -> bool:
    """Whether a path is the hidden folder of something that was not finished."""
    return _NAME.fullmatch(path.name) is not None


def settle(path: Path) -> None:
    """Finishes or removes what processes that are gone have left beside a path.

    Call it before files are read that were written together. Where this process may not
    write, nothing is done.
    """
    folder = path.absolute().parent
    if leftovers := _leftovers(folder):
        with _alone(folder):
            for leftover in leftovers:
                _settle(leftover)


def is_completed(path: Path) -> bool:
    """Whether `settle` has put a file in place that this very command was to write."""
    return _completed.get(str(path.absolute())) == sys.argv


@dataclasses.dataclass(frozen=True)
class Making:
    """Something that is made for a target: the hidden folder, and the lock on it."""

    target: Path
    folder: Path
    lock: int

    @property
    def made(self) -> Path:
        """What is made, under the name that it is to have."""
        return self.folder / _MADE / self.target.name

    def seal(self, first: Making) -> None:
        """Has all on the disk: what was made, that nothing was, and where the first is.

        Of several that are put in place together, the first has the journal.
        """
        if self.made.exists():
            flush(self.made)
        else:
            (self.folder / _REMOVE).touch()
        where = os.path.relpath(first.folder, self.folder.parent)
        (self.folder / _FIRST).write_text(where, encoding="utf-8")
        for path in (self.folder / _FIRST, self.folder / _MADE, self.folder):
            flush_one(path)

    def move(self) -> None:
        """Moves what was made to the target; does nothing if that is done already."""
        if (self.folder / _REMOVE).exists():
            self.target.unlink(missing_ok=True)
        elif self.made.is_dir():
            if self.target.exists() and not (self.folder / _REPLACED).exists():
                self.target.rename(self.folder / _REPLACED)
            self.made.rename(self.target)
        elif self.made.exists():
            self.made.replace(self.target)
        flush_one(self.target.parent)


@contextlib.contextmanager
def making_parents(path: Path) -> Iterator[None]:
    """Makes the folders that a path is to be in; those that stay empty go on an error.

    Raises:
      OSError: If they cannot be made.
    """
    missing = [it for it in path.absolute().parents if not it.exists()]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for folder in missing:
            flush_one(folder.parent)
        yield
    except BaseException:
        for folder in missing:
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise


@contextlib.contextmanager
def making(target: Path, token: str = "") -> Iterator[Making]:
    """Makes the hidden folder for a target, and removes it after the block.

    Folders that the target is to be in are made, too.
    """
    target = target.absolute()
    if str(target.parent) not in _settled:
        settle(target)
        _settled.add(str(target.parent))
    folder = target.parent
    try:
        with making_parents(target):
            folder, lock = _new_folder(target, token)
            try:
                yield Making(target, folder, lock)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
                os.close(lock)
    except UserError:
        raise
    except Exception as error:
        if not (why := _why_refused(error, folder)):
            raise
        raise WriteError(
            f"'{_shown(target)}' cannot be written: {why}. What was there before is "
            "unchanged. Make room or name another place, and run the same command "
            "again."
        ) from error


def _shown(target: Path) -> Path:
    """The place that a target is to have in the end, if it is in a hidden folder."""
    for folder in target.parents:
        if is_unfinished(folder):
            return _shown(folder.parent / target.relative_to(folder / _MADE))
    return target


def _new_folder(target: Path, token: str) -> tuple[Path, int]:
    while True:
        folder = _folder_of(target, token or secrets.token_hex(8))
        folder.mkdir()
        # Another process may have taken it for a leftover before it was locked.
        with contextlib.suppress(FileNotFoundError, BlockingIOError):
            if (lock := lock_file(folder / _LOCK)) is not None:
                (folder / _MADE).mkdir()
                return folder, lock


def _folder_of(target: Path, token: str) -> Path:
    name = target.name
    while len(os.fsencode(name)) > _MOST_BYTES:
        name = name[:-1]
    return target.parent / f".{name}.{token}.unfinished"


def put_in_place(makings: Sequence[Making]) -> None:
    """Puts all that was made in place; what was not made is removed there.

    All is on the disk before the journal is renamed, which is the one commit point.
    """
    first = makings[0]
    for each in makings:
        each.seal(first)
    with _alone(first.folder.parent):
        # Else what a killed process had decided would be finished after this.
        for leftover in _leftovers(first.folder.parent):
            _settle(leftover)
        _write_journal(first, makings)
        for each in makings:
            each.move()


def _write_journal(first: Making, makings: Sequence[Making]) -> None:
    base = first.folder.parent
    journal = {
        "targets": [os.path.relpath(each.target, base) for each in makings],
        "command": sys.argv,
    }
    unfinished = first.folder / f"{_JOURNAL}.new"
    unfinished.write_text(json.dumps(journal), encoding="utf-8")
    flush_one(unfinished)
    unfinished.rename(first.folder / _JOURNAL)
    flush_one(first.folder)


def _complete(first: Path) -> None:
    """Puts all targets of a journal in place; does nothing if there is no journal.

    A journal can name nothing but targets with a hidden folder of the same token beside
    them: whoever wrote it could write there anyway.
    """
    targets, command = _read_journal(first / _JOURNAL)
    for relative in targets:
        target = Path(os.path.normpath(first.parent / relative))
        making = Making(target, _folder_of(target, _token(first)), lock=-1)
        making.move()
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


def _leftovers(folder: Path) -> list[Path]:
    """The hidden folders in a folder, whether their makers are alive or not."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if _NAME.fullmatch(entry.name)]
    except OSError:
        return []
    return [folder / name for name in names]


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keeps others from putting files in place in a folder; no longer than seconds.

    Two processes that put the same files in place at once would mix them.
    """
    try:
        lock = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        lock = -1
    deadline = time.monotonic() + _PATIENCE
    while lock >= 0:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() < deadline:
                time.sleep(_PAUSE)
                continue
        except OSError:
            pass  # The file system has no locks.
        break
    try:
        yield
    finally:
        if lock >= 0:
            os.close(lock)


def _settle(folder: Path) -> None:
    """Finishes or removes a hidden folder, unless its maker is alive."""
    try:
        if (lock := lock_file(folder / _LOCK, is_needed=True)) is None:
            return
    except OSError:
        return  # Its maker is alive, or it is not ours to remove.
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


def _token(folder: Path) -> str:
    return folder.name.split(".")[-2]


def flush(path: Path) -> None:
    """Waits until a file, or a folder with all that is in it, is on the disk."""
    for folder, _, names in os.walk(path, topdown=False):
        for name in names:
            flush_one(Path(folder, name))
        flush_one(Path(folder))
    if not path.is_dir():
        flush_one(path)


def flush_one(path: Path) -> None:
    """Waits until a file, or the names in a folder, are on the disk."""
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
