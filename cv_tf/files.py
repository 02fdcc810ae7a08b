"""Files on disk and in object storage, behind a few functions."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import pyarrow as pa

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

READS_AT_ONCE = 64  # From a bucket, where a read is waiting for the most part.
_RETRY_TIME_LIMIT = timedelta(seconds=30)
_clients: dict[str, FileSystem] = {}  # By bucket.


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

    First, `read` may go through the file, all of which a bucket sends upon opening.
    Then, `read_at(num_bytes, start)` may be called from several threads. In a bucket it
    is one request for these bytes alone, over connections that stay open: TensorFlow's
    files read 64 MB ahead and connect anew for each request.

    Raises:
      FileNotFoundError: If there is no such file.
      OSError: If it cannot be opened, such as for want of credentials.
    """
    if not is_remote(path):
        return pa.OSFile(path)
    name = path.removeprefix("gs://")
    try:
        return _google_cloud(name).open_input_file(name)
    except FileNotFoundError:
        raise
    except (OSError, pa.ArrowException) as error:
        raise OSError(
            f"{path} cannot be opened. Log in with 'gcloud auth application-default "
            f"login', or let GOOGLE_APPLICATION_CREDENTIALS name a key. ({error})"
        ) from error


def _google_cloud(name: str) -> FileSystem:
    """The client for a file's bucket, with credentials unless the file is public.

    Who has none would else wait until they are looked for in vain.
    """
    from pyarrow.fs import GcsFileSystem  # noqa: PLC0415 (has no part in local work)

    bucket = name.partition("/")[0]
    if bucket not in _clients:
        limit = {"retry_time_limit": _RETRY_TIME_LIMIT}
        client = GcsFileSystem(anonymous=True, **limit)
        try:
            client.get_file_info(name)
        except (OSError, pa.ArrowException):
            client = GcsFileSystem(**limit)
        _clients[bucket] = client
    return _clients[bucket]
