"""Files on disk and in object storage, behind two functions."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO


def is_remote(path: str) -> bool:
    """Says whether a path is a URI of object storage, such as `gs://bucket/a.jpg`."""
    return "://" in path


def open_binary(path: str) -> BinaryIO:
    """Opens a local or remote file for reading bytes.

    TensorFlow is loaded only for remote files, so that tables on disk are
    checked without waiting for it.

    Raises:
      OSError: If a local file cannot be opened; remote files raise what
        `tf.io.gfile` raises.
    """
    if is_remote(path):
        import tensorflow as tf  # noqa: PLC0415

        return tf.io.gfile.GFile(path, "rb")
    return Path(path).open("rb")
