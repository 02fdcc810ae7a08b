"""Files and folders that appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path


def beside(path: Path, suffix: str) -> Path:
    """Names a file that goes with another: `groups.csv` has `groups.summary.json`."""
    return path.with_name(f"{path.stem}.{suffix}")


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Gives a name to write to, which becomes `path` when the block is left.

    A reader sees the old file or the new one. If the block raises, the old file stays
    and nothing else does. The name keeps the suffix, which some writers go by, and is
    this thread's own: two may write the same file at once.

    Args:
      path: Of the file, on a local disk.

    Yields:
      A path in the same folder.
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
    """Gives a new folder to write to, which takes the place of `folder` at the end.

    If the block raises, the old folder stays and nothing else does.

    Args:
      folder: Its path, on a local disk.

    Yields:
      A path in the same folder as it.
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
