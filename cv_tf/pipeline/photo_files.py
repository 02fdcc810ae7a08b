"""Reads the files of photos: regular files alone, and of bounded size."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from typing import BinaryIO

from cv_tf.files import is_remote, open_binary
from cv_tf.pipeline.file_formats import BadImageError
from cv_tf.pipeline.memory_budget import FILES

# Room for 100 million pixels of four bytes without compression.
MOST_MEGABYTES = 420
_MEGABYTE = 10**6
_KINDS = {
    stat.S_IFDIR: "folder",
    stat.S_IFIFO: "named pipe",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "device",
    stat.S_IFBLK: "device",
}


@contextlib.contextmanager
def photo_content(path: str) -> Iterator[bytes]:
    """The bytes of a photo's file, on disk or in object storage.

    Other threads have the memory after the block. Nothing that could block forever,
    such as a named pipe, is opened.

    Raises:
      BadImageError: If it is no regular file, or has more than 420 MB.
      OSError: If it cannot be read; object stores raise errors of their own.
    """
    with _open(path) as (file, size), FILES.hold(size):
        yield file.read(size)  # What grows meanwhile is no whole photo.


def check_regular(mode: int) -> None:
    """Raises `BadImageError` unless a mode, as `os.stat` tells it, is of a file."""
    if not stat.S_ISREG(mode):
        kind = _KINDS.get(stat.S_IFMT(mode), "special file")
        raise BadImageError(f"is a {kind}, not a file")


@contextlib.contextmanager
def _open(path: str) -> Iterator[tuple[BinaryIO, int]]:
    """The opened file and its size in bytes, which has been checked."""
    if is_remote(path):
        with open_binary(path) as file:
            size: int = file.size()  # type: ignore[attr-defined]  # TensorFlow's.
            _check_size(size)
            yield file, size
        return
    check_regular(os.stat(path).st_mode)  # noqa: PTH116 (a path may be any text)
    with open(path, "rb", opener=_open_at_once) as file:
        size = os.fstat(file.fileno()).st_size
        _check_size(size)
        yield file, size


def _open_at_once(path: str, flags: int) -> int:
    """Opens what may have become a pipe meanwhile, without waiting for its writer."""
    descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    try:
        check_regular(os.fstat(descriptor).st_mode)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _check_size(size: int) -> None:
    if size > MOST_MEGABYTES * _MEGABYTE:
        raise BadImageError(
            f"too large: a file of {size / _MEGABYTE:,.0f} MB, at most "
            f"{MOST_MEGABYTES} MB are read"
        )
