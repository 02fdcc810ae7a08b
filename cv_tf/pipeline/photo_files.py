"""Reads the files of photos: regular files alone, and of bounded size."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from cv_tf.files import FileError, is_web_address, open_binary, size_of
from cv_tf.pipeline.file_formats import BadImageError
from cv_tf.pipeline.memory_budget import FILES

# Room for 100 million pixels of four bytes without compression.
MOST_MEGABYTES = 420
_MEGABYTE = 10**6
NOT_DOWNLOADED = "it is on a web server, and was not downloaded"


@contextlib.contextmanager
def photo_content(path: str) -> Iterator[bytes]:
    """The bytes of a photo's file, on disk or in object storage.

    Other threads have the memory after the block. Nothing that could block forever,
    such as a named pipe, is opened.

    Raises:
      BadImageError: If it is no regular file, has more than 420 MB, or is on a web
        server: `cv_tf.downloads` guards what is asked there.
      OSError: If it cannot be read; object stores raise errors of their own.
    """
    if is_web_address(path):
        raise BadImageError(NOT_DOWNLOADED)
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(open_binary(path))
        except FileError as error:
            raise BadImageError(error.reason) from error
        size = size_of(file)
        if size > MOST_MEGABYTES * _MEGABYTE:
            raise BadImageError(
                f"too large: a file of {size / _MEGABYTE:,.0f} MB, at most "
                f"{MOST_MEGABYTES} MB are read"
            )
        with FILES.hold(size):
            yield file.read(size)  # What grows meanwhile is no whole photo.
