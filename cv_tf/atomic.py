"""Files and folders on disk that appear whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Gives a name to write to, which becomes `path`, on a disk, after the block.

    A reader sees the old file or the new one. If the block raises, the old file stays
    and nothing else does. The name keeps the suffix, from which some writers choose the
    format, and belongs to this thread: two may write the same file at once.
    """
    writer = f"{os.getpid()}.{threading.get_ident()}"
    unfinished = path.with_name(f".{path.name}.{writer}{path.suffix}")
    try:
        yield unfinished
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


@contextlib.contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Gives a new folder beside `folder`, on a disk, whose place it takes at the end.

    If the block raises, the old folder stays and nothing else does.
    """
    unfinished = folder.with_name(f".{folder.name}.{os.getpid()}.new")
    replaced = folder.with_name(f".{folder.name}.{os.getpid()}.old")
    unfinished.mkdir()
    try:
        yield unfinished
        if folder.exists():
            folder.rename(replaced)
        unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.rmtree(replaced, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Writes a text file that appears whole or not at all."""
    with whole_file(path) as unfinished:
        unfinished.write_text(text)


def write_json(path: Path, value: Any) -> None:
    """Writes a JSON file that appears whole or not at all."""
    write_text(path, json.dumps(value, indent=2) + "\n")
