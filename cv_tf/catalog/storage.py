"""Files on disk and in object storage, behind a few functions."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import pyarrow as pa

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

READS_AT_ONCE = 64  # From a bucket, where a read is waiting for the most part.
_RETRY_TIME_LIMIT = timedelta(seconds=30)


def is_remote(path: str) -> bool:
    """Says whether a path is a URI of object storage, such as `gs://bucket/a.jpg`."""
    return "://" in path


def is_file(path: str) -> bool:
    """Says whether a local or remote file is there."""
    if is_remote(path):
        import tensorflow as tf  # noqa: PLC0415

        return tf.io.gfile.exists(path)
    return Path(path).is_file()


def open_binary(path: str) -> BinaryIO:
    """Opens a local or remote file for reading bytes.

    TensorFlow is loaded only for remote files, so that tables on disk are
    checked without waiting for it.

    Raises:
      FileNotFoundError: If there is no such file.
      OSError: If it cannot be opened.
    """
    if not is_remote(path):
        return Path(path).open("rb")
    import tensorflow as tf  # noqa: PLC0415

    file = tf.io.gfile.GFile(path, "rb")
    try:
        file.seek(0)  # Only now is it opened.
    except tf.errors.NotFoundError as error:
        raise FileNotFoundError(f"there is no {path}") from error
    except tf.errors.OpError as error:
        raise OSError(f"{path} cannot be opened: {error.message}") from error
    return file


def open_random(path: str) -> pa.NativeFile:
    """Opens a local file, or one of Google Cloud Storage, for reading in any order.

    `read_at(num_bytes, start)` may be called from several threads. In a bucket it is
    one request for these bytes alone, over connections that stay open: TensorFlow's
    files read 64 MB ahead and connect anew for each request. `read` goes on through
    the file; from a bucket all of it comes with one request.

    Raises:
      FileNotFoundError: If there is no such file.
      OSError: If it cannot be opened, such as for want of credentials.
    """
    if not is_remote(path):
        return pa.OSFile(path)
    try:
        return _google_cloud().open_input_file(path.removeprefix("gs://"))
    except pa.ArrowException as error:  # Some are no OSError.
        raise OSError(f"{path} cannot be opened: {error}") from error


@cache
def _google_cloud() -> FileSystem:
    from pyarrow.fs import GcsFileSystem  # noqa: PLC0415 (has no part in local work)

    return GcsFileSystem(retry_time_limit=_RETRY_TIME_LIMIT)
