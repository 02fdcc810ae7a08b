"""Files on web servers and in object stores: opened, looked up, and their errors.

Web servers, Amazon S3, Azure and the like are read by fsspec, with the credentials that
its users know. Google Cloud Storage (`gs://`), which needs no further package there,
and what else TensorFlow has plugins for, are read by TensorFlow.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from cv_tf.errors import UserError, cause_of

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

# Stores that are read by fsspec, and the package that each needs.
_PACKAGES = {
    **dict.fromkeys(("https", "http"), "aiohttp"),
    **dict.fromkeys(("s3", "s3a"), "s3fs"),
    **dict.fromkeys(("az", "abfs", "abfss", "adl"), "adlfs"),
    "oss": "ossfs",
    "hdfs": "pyarrow",
}
# What a store may call the state of a file, and one of them changes with it.
_STATES = ("ETag", "etag", "LastModified", "last_modified", "mtime", "modified")
_NOT_FOUND = (404, 410)  # Of HTTP.


class UnreachableError(UserError, OSError):
    """A file in object storage or on a server cannot be reached."""


class Stat(NamedTuple):
    """The size of a file in bytes, and a number that changes with its content."""

    size: int
    modified: int


def is_by_tensorflow(path: str) -> bool:
    """Whether a file in a store is read by TensorFlow, and not by fsspec."""
    return _protocol(path) not in _PACKAGES


def _protocol(path: str) -> str:
    return path.partition("://")[0].lower()


@contextlib.contextmanager
def reaching_store(path: str) -> Iterator[None]:
    """Turns what TensorFlow or fsspec raises for a file in a store into OSErrors."""
    if not is_by_tensorflow(path):
        try:
            yield
        except FileNotFoundError as error:
            if cause := _refusal(path, error):
                raise _unreachable(path, cause) from error
            raise FileNotFoundError(f"there is no {path}") from error
        except UserError:
            raise
        except Exception as error:  # Each store raises its own.
            raise _unreachable(path, error) from error
        return
    import tensorflow as tf  # noqa: PLC0415

    try:
        yield
    except tf.errors.NotFoundError as error:
        raise FileNotFoundError(f"there is no {path}") from error
    except tf.errors.OpError as error:
        raise _unreachable(path, error) from error


def _refusal(path: str, error: FileNotFoundError) -> BaseException | None:
    """Why a web server gives no file, other than that there is none.

    For fsspec, a file is also not found where the server forbids it, or is not there.
    """
    cause = error.__cause__
    is_missing = getattr(cause, "status", 0) in _NOT_FOUND
    is_web = _protocol(path) in ("http", "https")
    if not is_web or is_missing or isinstance(cause, FileNotFoundError):
        return None
    return cause


def _unreachable(path: str, error: BaseException) -> UnreachableError:
    return UnreachableError(
        f"{path} cannot be reached: {cause_of(error)}. Check its name, the network, "
        "and that you are logged in."
    )


def exists_in_store(path: str) -> bool:
    """Whether there is such a file."""
    with reaching_store(path):
        if is_by_tensorflow(path):
            import tensorflow as tf  # noqa: PLC0415

            return tf.io.gfile.exists(path)
        return _store_of(path).exists(path)


def open_in_store(path: str) -> BinaryIO:
    """Opens a file for reading bytes.

    Raises:
      FileNotFoundError: If there is none.
      UnreachableError: If it cannot be reached, or the package for its store is not
        installed.
    """
    with reaching_store(path):
        if not is_by_tensorflow(path):
            return _store_of(path).open(path, "rb")
        import tensorflow as tf  # noqa: PLC0415

        file = tf.io.gfile.GFile(path, "rb")
        file.seek(0)  # GFile opens the file only now.
        return file


def stat_in_store(path: str) -> Stat:
    """The state of a file; raises as `open_in_store`."""
    with reaching_store(path):
        if is_by_tensorflow(path):
            import tensorflow as tf  # noqa: PLC0415

            stat = tf.io.gfile.stat(path)
            return Stat(stat.length, stat.mtime_nsec)
        about = _store_of(path).info(path)
        states = [str(about[name]) for name in _STATES if about.get(name)]
        digest = hashlib.blake2b(repr(states).encode(), digest_size=7).digest()
        return Stat(int(about.get("size") or 0), int.from_bytes(digest, "big"))


def _store_of(path: str) -> AbstractFileSystem:
    """The file system of fsspec for a path, with the credentials of the environment."""
    import fsspec  # noqa: PLC0415

    package = _PACKAGES[_protocol(path)]
    try:
        importlib.import_module(package)
        return fsspec.filesystem(_protocol(path))
    except ImportError as error:
        raise UnreachableError(
            f"{path} cannot be reached without the package {package}. Install it: "
            f"pip install {package}."
        ) from error


def open_with_arrow(path: str) -> Any:
    """A file of Arrow for random access, by fsspec; raises as `open_in_store`."""
    from fsspec.core import url_to_fs  # noqa: PLC0415
    from pyarrow.fs import FSSpecHandler, PyFileSystem  # noqa: PLC0415

    with reaching_store(path):
        _store_of(path)  # Raises without its package.
        store, name = url_to_fs(path)
        return PyFileSystem(FSSpecHandler(store)).open_input_file(name)
