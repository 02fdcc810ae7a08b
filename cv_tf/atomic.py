"""Files and folders on disk that appear whole or not at all, whatever happens."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cv_tf.unfinished import flush, flush_one, making, put_in_place

_AT_CWD, _EXCHANGE = -100, 2  # Of Linux' renameat2.


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
    with making(path) as it:
        yield it.made
        if durable:
            flush(it.made)
        it.made.replace(path)
        if durable:
            flush_one(path.parent)


@contextlib.contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Gives a new folder beside `folder`, on a disk, whose place it takes at the end.

    If the block raises, the old folder stays and nothing else does. Where the file
    system can exchange two names, there is a folder at each moment; elsewhere it may be
    missing for an instant, and `settle` brings it back after a kill.

    Raises:
      WriteError: If the disk is full or read-only.
    """
    with making(folder) as it:
        it.made.mkdir()
        yield it.made
        if not (folder.is_dir() and _exchange(it.made, folder)):
            put_in_place([it])


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
        # The first is removed last, with what was decided: until then, others finish.
        makings = [stack.enter_context(making(path, token)) for path in paths]
        yield tuple(it.made for it in makings)
        put_in_place(makings)


def write_text(path: Path, text: str) -> None:
    """Writes a text file, as UTF-8, that appears whole or not at all."""
    with whole_file(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Writes a JSON file that appears whole or not at all."""
    write_text(path, json.dumps(value, indent=2) + "\n")


def _exchange(one: Path, other: Path) -> bool:
    """Exchanges the names of two folders in one step; False if that is impossible."""
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    flush(one)
    names = os.fsencode(one), os.fsencode(other)
    if renameat2(_AT_CWD, names[0], _AT_CWD, names[1], _EXCHANGE):
        return False
    flush_one(other.parent)  # What was there before goes with the hidden folder.
    return True
