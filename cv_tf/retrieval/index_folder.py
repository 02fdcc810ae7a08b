"""The folders that indexes are saved in: written whole, and read with distrust."""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from cv_tf.atomic import whole_folder
from cv_tf.errors import UserError, cause_of
from cv_tf.files import digest_of

# Name of the file that makes a folder an index; it is written last.
ABOUT = "index.json"

_MOST_ABOUT = 2**20  # Bytes of it.
_HEADER = re.compile(
    rb"\{\s*'descr'\s*:\s*'([<>|=]?\w+)'\s*,\s*'fortran_order'\s*:\s*(False|True)\s*,"
    rb"\s*'shape'\s*:\s*\(([\d\s,]*)\)\s*,?\s*\}\s*\n?"
)


def write_index(
    folder: Path,
    about: dict[str, Any],
    write_files: Callable[[Path], None],
    overwrite: bool,
) -> None:
    """Writes an index, its files by `write_files`; a reader sees all of it or nothing.

    Raises:
      ValueError: If `folder` may not be replaced, or its parent is missing.
      WriteError: If the disk does not take all of it.
    """
    folder = folder.absolute()
    if not folder.parent.is_dir():
        raise UserError(
            f"There is no folder '{folder.parent}' to save an index in. Make it first."
        )
    if folder.exists():
        if not (folder / ABOUT).is_file():
            raise UserError(
                f"'{folder}' exists and is not an index. Choose another folder."
            )
        if not overwrite:
            raise UserError(
                f"'{folder}' holds an index. Choose another folder, or pass "
                "overwrite=True to replace it."
            )
    with whole_folder(folder) as unfinished:
        with _naming(unfinished):
            write_files(unfinished)
        written = sorted(unfinished.iterdir())
        sizes = {path.name: path.stat().st_size for path in written}
        digests = {path.name: digest_of(path) for path in written}
        text = json.dumps(about | {"files": sizes, "digests": digests}, indent=1)
        (unfinished / ABOUT).write_text(text + "\n", encoding="utf-8")


@contextlib.contextmanager
def _naming(folder: Path) -> Iterator[None]:
    """Names the folder where libraries do not say which file the disk does not take.

    NumPy counts what was written, in an OSError without a number, and ScaNN raises a
    RuntimeError.
    """
    try:
        yield
    except (OSError, RuntimeError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        why = f"the disk does not take all of it ({cause_of(error)})"
        raise OSError(errno.EIO, why, str(folder)) from error


def damaged(folder: str | Path, what: str) -> UserError:
    """The error for an index that cannot be read."""
    return UserError(
        f"The index '{folder}' is damaged ({what}). Copy it again, or build it again "
        "from the embeddings."
    )


class IndexFolder:
    """The opened folder of an index, whose index.json has been read and checked.

    All files are those of one index, even if another one takes its place meanwhile.

    Attributes:
      path: Path by which libraries read the files.
      about: The content of index.json: `engine`, `dim`, `num_products`, `model`,
        `measured_recall`, `settings`, `files` and, in all but old ones, `digests`.
    """

    def __init__(self, folder: Path, path: Path) -> None:
        self._folder, self.path = folder, path
        try:
            text = self.content(ABOUT, _MOST_ABOUT)
        except FileNotFoundError:
            raise UserError(
                f"'{folder}' is no index: it has no {ABOUT}. Name a folder that an "
                "index was saved in."
            ) from None
        try:
            self.about = _checked_about(json.loads(text))
        except Exception as error:  # Such as that it is too deep.
            what = f"{ABOUT} cannot be read: {cause_of(error)}"
            raise damaged(folder, what) from error

    @classmethod
    @contextlib.contextmanager
    def open(cls, folder: Path) -> Iterator[IndexFolder]:
        """Opens the folder of an index until the end of the block.

        Raises:
          UserError: If it is no index, or its index.json is damaged.
        """
        there = Path("/proc/self/fd")
        if not (folder.is_dir() and there.is_dir()):  # Linux has it.
            yield cls(folder, folder)
            return
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            yield cls(folder, there / str(descriptor))
        finally:
            os.close(descriptor)

    def damaged(self, what: str) -> UserError:
        """The error for an index that cannot be read."""
        return damaged(self._folder, what)

    def content(self, name: str, most_bytes: int) -> bytes:
        """The content of a file, which is no link, of at most some bytes."""
        size = self._size(name)
        if size > most_bytes:
            raise self.damaged(f"{name} has {size} bytes, at most {most_bytes} fit")
        return (self.path / name).read_bytes()[: most_bytes + 1]

    def check_files(self, names: tuple[str, ...]) -> None:
        """Compares the files with index.json: names, sizes and checksums.

        Args:
          names: The files that such an index has.

        Raises:
          UserError: If one is missing, or is another than was written.
        """
        sizes: dict[str, int] = self.about["files"]
        digests: dict[str, str] = self.about.get("digests", {})
        for listed in (sizes, digests or sizes):
            if sorted(listed) != sorted(names):
                said = ", ".join(map(repr, sorted(listed)))[:200]
                raise self.damaged(f"{ABOUT} lists {said}, not {', '.join(names)}")
        for name in names:
            try:
                found: int | str = self._size(name)
            except FileNotFoundError:
                found = "no such file"
            if found != sizes[name]:
                what = f"{name} should have {sizes[name]} bytes, has {found}"
                raise self.damaged(what)
        for name in names if digests else ():
            if digest_of(self.path / name) != digests[name]:
                raise self.damaged(f"the checksum of {name} is wrong")

    def array(
        self, name: str, dtype: str, shape: tuple[int, ...], mapped: bool = True
    ) -> np.ndarray:
        """A file of NumPy, which has to be of a type and a shape.

        It is read into memory, or mapped, to be read once.

        The header is read strictly: what the file holds is known before any memory is
        taken, and other readers cannot understand it in another way.
        """
        path, size = self.path / name, self._size(name)
        with path.open("rb") as file:
            start = file.read(10)
            header = file.read(int.from_bytes(start[8:], "little"))
        found = _HEADER.fullmatch(header)
        if not start.startswith(b"\x93NUMPY\x01\x00") or found is None:
            raise self.damaged(f"{name} is no plain array of NumPy")
        descr, fortran, sides = found.groups()
        lengths = tuple(int(side) for side in sides.split(b",") if side.strip())
        said = np.dtype(descr.decode()).newbyteorder("=")
        if said != np.dtype(dtype) or fortran == b"True" or lengths != shape:
            raise self.damaged(f"{name} is {said} {lengths}, not {dtype} {shape}")
        if descr.startswith(b">"):
            raise self.damaged(f"{name} has its bytes in another order")
        offset = len(start) + len(header)
        if size != offset + math.prod(shape) * np.dtype(dtype).itemsize:
            raise self.damaged(f"{name} has {size} bytes, which do not fit {shape}")
        if mapped:
            return np.memmap(path, dtype, "r", offset, shape)
        return np.fromfile(path, dtype, offset=offset).reshape(shape)

    def _size(self, name: str) -> int:
        """The bytes of a file; links and special files may lead anywhere, or block."""
        found = (self.path / name).lstat()
        if not stat.S_ISREG(found.st_mode):
            raise self.damaged(f"{name} is not a regular file")
        return found.st_size


def _checked_about(about: Any) -> dict[str, Any]:
    """The content of index.json; ValueError if a value is of no use."""
    if not isinstance(about, dict):
        raise ValueError(f"it holds a {type(about).__name__}, not an object")
    fits: dict[str, Callable[[Any], bool]] = {
        "engine": lambda it: isinstance(it, str),
        "dim": _is_count,
        "num_products": _is_count,
        "model": lambda it: isinstance(it, str),
        "measured_recall": lambda it: type(it) in (int, float) and 0 <= it <= 1,
        "settings": lambda it: _is_table(it, _is_count),
        "files": lambda it: _is_table(it, lambda size: type(size) is int and size >= 0),
    }
    if "digests" in about:
        fits["digests"] = lambda it: _is_table(it, lambda each: isinstance(each, str))
    for name, is_right in fits.items():
        if name not in about:
            raise ValueError(f"'{name}' is missing")
        if not is_right(about[name]):
            raise ValueError(f"'{name}' is {about[name]!r:.100}, which it cannot be")
    return about


def _is_count(value: Any) -> bool:
    return type(value) is int and 1 <= value < 2**40


def _is_table(value: Any, is_right: Callable[[Any], bool]) -> bool:
    return isinstance(value, dict) and all(map(is_right, value.values()))
