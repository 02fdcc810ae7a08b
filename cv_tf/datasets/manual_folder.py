"""Reads the files of a data set from the folder that a user unpacked them into."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from etils import epath

from cv_tf.catalog import CatalogError, Columns, read_columns
from cv_tf.errors import UserError
from cv_tf.files import expanded

NO_PHOTO = "no photo"
EMPTY_PHOTO = "photo is an empty file"
BAD_PHOTO = "photo cannot be read"

_NUM_THREADS = 32
_CHUNK_SIZE = 256  # Photos that are in memory at a time.
_MAX_NAMES = 10  # Files that a message lists.


class ManualFolder:
    """Finds the owner's files in a folder, or in a known folder inside it.

    Args:
      folder: Folder that the user named, on a disk or in a bucket.
      subfolders: Names that a folder around the files may have.
      instructions: Text for messages: what to download and where to put it.
    """

    def __init__(
        self, folder: epath.PathLike, subfolders: Sequence[str], instructions: str
    ):
        self._folder = epath.Path(expanded(folder))
        self._roots = [self._folder, *(self._folder / name for name in subfolders)]
        self._instructions = instructions

    def find(self, *names: str) -> epath.Path | None:
        """The first of some relative paths that exists; None if there is none."""
        places = (root / name for name in names for root in self._roots)
        return next((place for place in places if place.exists()), None)

    def require(self, *names: str) -> epath.Path:
        """Like `find`, but a missing file is an error.

        Raises:
          CatalogError: If none exists; the message lists what the folder holds.
        """
        found = self.find(*names)
        if found:
            return found
        what = f"There is no folder '{self._folder}' to find '{names[0]}' in."
        if self._folder.is_dir():
            there = [root for root in self._roots if root.is_dir()]
            holds = "; ".join(f"'{root}' holds {_listing(root)}" for root in there)
            what = f"'{names[0]}' is not there: {holds}."
        raise CatalogError(f"{what}\n\n{self._instructions}")


def _listing(folder: epath.Path) -> str:
    names = sorted(path.name for path in folder.iterdir())
    shown = ", ".join(names[:_MAX_NAMES]) or "nothing"
    more = len(names) - _MAX_NAMES
    return f"{shown} and {more} more" if more > 0 else shown


def read_lines(path: epath.Path) -> list[str]:
    """Reads the lines of a text file; bytes that are not UTF-8 become `�`.

    Raises:
      CatalogError: If it cannot be read.
    """
    text = _read_bytes(path).decode("utf-8-sig", errors="replace")
    return [line.rstrip("\n") for line in io.StringIO(text, newline=None)]


def read_table(path: epath.Path, wanted: Sequence[str]) -> Columns:
    """Reads a CSV table that must have the wanted columns.

    Raises:
      CatalogError: If it cannot be read, or lacks a column.
    """
    try:
        columns = read_columns(str(path))
    except (OSError, UserError) as error:
        raise CatalogError(f"'{path}' cannot be read: {error}") from error
    check_header(path, list(columns.cells), wanted)
    return columns


def check_header(
    path: epath.Path, header: Sequence[str], wanted: Sequence[str]
) -> None:
    """Raises `CatalogError` if a table lacks a wanted column."""
    missing = [name for name in wanted if name not in header]
    if missing:
        raise CatalogError(
            f"'{path}' has no column {', '.join(map(repr, missing))}; it has "
            f"{', '.join(header) or 'none'}. Is it the owner's file, unchanged?"
        )


def photo_problems(photos: epath.Path, images: Sequence[str]) -> list[str]:
    """Says for each photo of a folder why it cannot be stored; "" if it can."""
    with ThreadPoolExecutor(_NUM_THREADS) as pool:
        return list(pool.map(lambda image: _photo_problem(photos / image), images))


def _photo_problem(path: epath.Path) -> str:
    try:
        if not path.is_file():
            return NO_PHOTO
        return "" if path.stat().length else EMPTY_PHOTO
    except OSError as error:
        raise CatalogError(f"'{path}' cannot be accessed: {error}.") from error


def read_photos(photos: epath.Path, images: Sequence[str]) -> Iterator[bytes]:
    """Reads the bytes of the photos of a folder in order, a few at a time.

    Raises:
      CatalogError: If one cannot be read.
    """
    with ThreadPoolExecutor(_NUM_THREADS) as pool:
        for start in range(0, len(images), _CHUNK_SIZE):
            paths = [photos / image for image in images[start : start + _CHUNK_SIZE]]
            yield from pool.map(_read_bytes, paths)


def _read_bytes(path: epath.Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CatalogError(f"'{path}' cannot be read: {error}.") from error
