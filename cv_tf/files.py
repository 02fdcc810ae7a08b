"""Files on disk and in object storage, behind a few functions."""

from __future__ import annotations

import bisect
import contextlib
import difflib
import os
import shutil
import threading
from collections.abc import Collection, Iterator, Sequence
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


_SHOWN = 5
_MOST = 3  # Suggestions for a name.
# Names that are compared with a wanted one, on each side of where it would stand.
_COMPARED = 1000
_SIMILAR = 0.7  # Of 1, as difflib counts; below, ids of digits are like any others.


def say_unknown(
    where: str, what: str, unknown: Sequence[str], known: Collection[str]
) -> str:
    """Says which names are not there, and what there is that is spelled like them.

    Args:
      where: Name of the file that was looked in.
      what: What the names are of, such as "product".
      unknown: At least one; the first five are spelled out.
      known: What there is, at least one.
    """
    lines = []
    for name, similar in similar_names(unknown[:_SHOWN], known).items():
        hint = f"Did you mean {' or '.join(map(repr, similar))}?"
        if not similar:
            hint = f"Names there look like {next(iter(known))!r}."
        lines.append(f"{where} has no {what} {name!r}. {hint}")
    if len(unknown) > _SHOWN:
        lines.append(f"{len(unknown) - _SHOWN} more are not there.")
    return "\n".join(lines)


def similar_names(
    unknown: Sequence[str], known: Collection[str]
) -> dict[str, list[str]]:
    """Finds up to three names that are spelled like each of others.

    Comparing with a million would take minutes, so only those are compared that agree
    with a name the longest, from the first letter on or from the last letter back.

    Args:
      unknown: What was asked for.
      known: What there is. Small and capital letters count as the same, and leading
        zeros for nothing.

    Returns:
      For each of `unknown` the known names, the most similar first.
    """
    folded = {name.casefold(): name for name in known}
    forwards = sorted(folded)
    backwards = sorted(name[::-1] for name in folded)
    similar = {}
    for name in unknown:
        wanted = name.casefold()
        compared = {*_around(wanted, forwards)}
        compared |= {other[::-1] for other in _around(wanted[::-1], backwards)}
        # In order, so that those that are equally similar always come out the same.
        ordered = sorted(compared)
        # Spreadsheets take leading zeros away.
        bare = wanted.lstrip("0")
        near = [other for other in ordered if other.lstrip("0") == bare]
        near += difflib.get_close_matches(wanted, ordered, _MOST, _SIMILAR)
        similar[name] = [folded[other] for other in dict.fromkeys(near)][:_MOST]
    return similar


def _around(wanted: str, ordered: Sequence[str]) -> Sequence[str]:
    place = bisect.bisect_left(ordered, wanted)
    return ordered[max(place - _COMPARED, 0) : place + _COMPARED]
