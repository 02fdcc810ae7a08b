"""Files on disk and in object storage, behind a few functions."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO


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
