"""Local and remote files: reading, and suggestions for wrong names."""

from __future__ import annotations

import bisect
import contextlib
import difflib
import hashlib
import io
import json
import os
import re
import stat
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar
from urllib.parse import unquote

from cv_tf.errors import UserError, reading
from cv_tf.spelling import bare, folded
from cv_tf.stores import exists_in_store, open_in_store, open_with_arrow, reaching_store

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.fs import FileSystem

Name = TypeVar("Name", bound=Hashable)

# The address of a file on this machine, up to its path: file:///a, file:/a.
FILE_ADDRESS = re.compile(r"file:(?://(?:localhost)?)?/(?!/)", re.IGNORECASE)
_WEB_ADDRESS = re.compile("https?://", re.IGNORECASE)
READS_AT_ONCE = 64  # Parallel reads from a bucket, where most of the time is waiting.
_READ_AT_ONCE = 2**20  # Bytes.
# Bytes of a JSON file, from which Python makes 25 times as many in memory at most.
_MOST_JSON = 2**25
_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
_RETRY_TIME_LIMIT = timedelta(seconds=30)
_clients: dict[str, FileSystem] = {}  # By bucket.

_MOST_LETTERS = 80  # Of a name in a message.
_MAX_NAMES = 5  # Unknown names that are spelled out.
_MAX_SUGGESTIONS = 3
# Names that are compared with an unknown one, on each side of where it would stand.
_NUM_COMPARED = 1000
_MIN_SIMILARITY = 0.7  # Of difflib, 0 to 1. Below, all ids made of digits look alike.


class FileError(UserError, OSError):
    """A path that names no file that can be read whole: a folder, a pipe, too much.

    Attributes:
      reason: The end of a sentence that begins with the path, such as "is a folder,
        not a file".
    """

    def __init__(self, path: str | os.PathLike[str], reason: str):
        super().__init__(f"'{path}' {reason}.")
        self.path = path
        self.reason = reason

    def __reduce__(self) -> tuple[Any, ...]:
        return FileError, (self.path, self.reason)


def is_there(path: str) -> bool:
    """Whether a path on disk exists."""
    return os.path.exists(path)  # noqa: PTH110 (Path fails on names that are too long)


def is_remote(path: str) -> bool:
    """Whether a path is a URI of a store or server, such as `gs://bucket/a.jpg`.

    The address of a local file, `file:///a.jpg`, is none; `expanded` makes it a path.
    """
    return "://" in path and not FILE_ADDRESS.match(path)


def is_web_address(path: str) -> bool:
    """Whether a path is an address that begins with `http://` or `https://`.

    Photos there are downloaded, within bounds, by `cv_tf.downloads` alone.

    Example:
      >>> is_web_address("https://shop.example/a.jpg"), is_web_address("photos/a.jpg")
      (True, False)
    """
    return _WEB_ADDRESS.match(path) is not None


def is_text(path: str) -> bool:
    """Whether a path is text, and not bytes of a disk that are no UTF-8."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def expanded(path: str | os.PathLike[str]) -> str:
    """A path with `~` replaced by the home folder, as a shell does it.

    A shell leaves it alone in `--flag=~/a`. Where no such user is known, and in object
    storage, the path stays as it is. The address of a local file becomes its path.
    """
    if address := FILE_ADDRESS.match(path := os.fspath(path)):
        return unquote(path[address.end() - 1 :])
    return os.path.expanduser(path)  # noqa: PTH111 (Path fails on unknown users)


def is_file(path: str) -> bool:
    """Whether a local or remote file exists."""
    if is_remote(path):
        return exists_in_store(path)
    return os.path.isfile(path)  # noqa: PTH113 (Path fails on names that are too long)


def kind_of_file(path: str | os.PathLike[str]) -> str:
    """What is at a path of this machine that is no file; "" for a file.

    It is "a folder", "a named pipe", "a socket" or "a device". Raises OSError if there
    is nothing, or it cannot be reached.
    """
    mode = os.stat(path).st_mode  # noqa: PTH116 (Path spoils bytes of names)
    return kind_of_mode(mode)


def kind_of_mode(mode: int) -> str:
    """As `kind_of_file`, of a mode that `os.stat` has told."""
    return next((what for is_kind, what in _KINDS if is_kind(mode)), "")


def open_binary(path: str) -> BinaryIO:
    """Opens a local or remote file for reading bytes; raises OSError if it cannot.

    What is no file is not waited for: a pipe, a socket and a device are refused with
    `FileError`, and what the system makes up as it is read, such as a file of /proc,
    has the size that it says: none. TensorFlow is loaded for remote files only: tables
    on disk do not wait for it.
    """
    return open_in_store(path) if is_remote(path) else _open_regular(path)


def reaching(path: str) -> contextlib.AbstractContextManager[None]:
    """Turns what is raised for a file in object storage into OSErrors.

    Nothing is changed for files of this machine.
    """
    return reaching_store(path) if is_remote(path) else contextlib.nullcontext()


def _open_regular(path: str | os.PathLike[str]) -> BinaryIO:
    if kind := kind_of_file(path):  # To open a device may do something.
        raise FileError(path, f"is {kind}, not a file")
    # By now it may be another: to open a pipe waits for its writer, unless told not to.
    number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(number)
        if kind := kind_of_mode(status.st_mode):
            raise FileError(path, f"is {kind}, not a file")
        if not status.st_size:
            os.close(number)
            return io.BytesIO()
        os.set_blocking(number, True)
        return os.fdopen(number, "rb")
    except FileError:
        os.close(number)
        raise


def read_bounded(path: str, most_bytes: int) -> bytes:
    """Reads a local or remote file whole, if it is not too large.

    What is added while it is read is left out.

    Args:
      path: The file.
      most_bytes: Size above which it is not read.

    Raises:
      FileError: If it is larger, or no file.
      OSError: If it cannot be opened.
    """
    with open_binary(path) as file, reaching(path):
        size = size_of(file)
        if size > most_bytes:
            reason = f"has {size:,} bytes; at most {most_bytes:,} are read"
            raise FileError(path, reason)
        return file.read(size)


def size_of(file: BinaryIO) -> int:
    """The size of an open file, in bytes; one of TensorFlow tells it by itself."""
    if callable(size := getattr(file, "size", None)):
        return size()
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    return size


def open_random(path: str) -> pa.NativeFile:
    """Opens a local file, or one of Google Cloud Storage, for random access.

    To read the file in order, call `read` first: a bucket sends the whole file upon
    opening. After that, threads may call `read_at(num_bytes, start)`: one request for
    these bytes alone, where TensorFlow's files read 64 MB ahead and connect anew.
    Raises OSError if it cannot be opened, such as without credentials.
    """
    import pyarrow as pa  # noqa: PLC0415 (the command line does without it)

    if not is_remote(path):
        if kind := kind_of_file(path):
            raise FileError(path, f"is {kind}, not a file")
        return pa.OSFile(path)
    if not path.startswith("gs://"):
        return open_with_arrow(path)
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


def beside(path: Path, suffix: str) -> Path:
    """Names a file that goes with another: `groups.csv` has `groups.summary.json`."""
    return path.with_name(f"{path.stem}.{suffix}")


def read_json(
    path: str | os.PathLike[str],
    what: str,
    remedy: str,
    error_class: type[UserError] = UserError,
) -> dict[str, Any]:
    """Reads a JSON file on disk that holds an object, of 32 MB at most.

    Args:
      path: The file.
      what: What the file should hold, such as "the figures of a run".
      remedy: How a user can mend a damaged file, as a sentence with a full stop.
      error_class: The error to raise.

    Raises:
      UserError: If the file is no such JSON, or names a value of an object twice.
      OSError: If it cannot be opened.
    """
    with reading(path, what, remedy, error_class):
        return parse_json(read_bounded(os.fspath(path), _MOST_JSON))


def parse_json(text: str | bytes) -> dict[str, Any]:
    """The object that a text in JSON holds; for use within `cv_tf.errors.reading`.

    Raises:
      ValueError: If it is no JSON, or names a value of an object twice.
      TypeError: If it holds something else.
      RecursionError: If it is nested too deeply.
    """
    text = text if isinstance(text, str) else text.decode("utf-8")
    value = json.loads(text, object_pairs_hook=_distinct)
    if not isinstance(value, dict):
        raise TypeError(f"it holds a {type(value).__name__}, not an object")
    return value


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        twice = repeated(name for name, _ in pairs)[0]
        raise ValueError(f"it names {twice[:_MOST_LETTERS]!r} twice")
    return values


def number_in(
    values: Mapping[str, Any], name: str, lowest: float, highest: float
) -> float:
    """A number of an object that was read from JSON, within bounds.

    For use within `cv_tf.errors.reading`.

    Raises:
      KeyError: If it is not there.
      TypeError: If it is no number.
      ValueError: If it is NaN or out of bounds.
    """
    value = values[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name} is a {type(value).__name__}, not a number")
    if not lowest <= value <= highest:
        raise ValueError(f"{name} is {value:.6g}; expected {lowest:g} to {highest:g}")
    return float(value)


def digest_of(path: str | os.PathLike[str]) -> str:
    """The SHA-256 of the content of a file on disk, in hexadecimal digits."""
    digest = hashlib.sha256()
    with _open_regular(path) as file:
        while chunk := file.read(_READ_AT_ONCE):
            digest.update(chunk)
    return digest.hexdigest()


def repeated(names: Iterable[Name]) -> list[Name]:
    """The names that occur more than once, in the order in which they repeat."""
    seen: set[Name] = set()
    again: dict[Name, None] = {}
    for name in names:
        if name in seen:
            again[name] = None
        seen.add(name)
    return list(again)


def say_unknown(
    where: str, what: str, unknown: Sequence[str], known: Collection[str]
) -> str:
    """Says which names do not exist, a line each, and which are spelled like them.

    `where` is the file that was searched, `what` the kind of names; five are spelled
    out.
    """
    lines = []
    for name, similar in similar_names(unknown[:_MAX_NAMES], known).items():
        hint = _question(similar) or f"Names there look like {next(iter(known))!r}."
        lines.append(f"{where} has no {what} {name!r}. {hint}")
    if len(unknown) > _MAX_NAMES:
        lines.append(f"{len(unknown) - _MAX_NAMES} more are not there.")
    return "\n".join(lines)


def did_you_mean(unknown: str, known: Collection[str]) -> str:
    """A question that suggests the similar names; "" if there is none."""
    return _question(similar_names([unknown], known)[unknown])


def similar_names(
    unknown: Sequence[str], known: Collection[str]
) -> dict[str, list[str]]:
    """Up to three names that are spelled like each unknown one, most similar first.

    Comparing with a million names would take minutes, so an unknown name is compared
    only with those that share the longest beginning or the longest end with it. Case is
    ignored, and so are leading zeros, which spreadsheets remove.
    """
    spelled = {folded(name): name for name in known}
    forwards = sorted(spelled)
    same: dict[str, list[str]] = {}
    for name in forwards:
        same.setdefault(bare(name), []).append(name)
    backwards = sorted(name[::-1] for name in spelled)
    similar = {}
    for name in unknown:
        wanted = folded(name)
        compared = {*_around(wanted, forwards)}
        compared |= {other[::-1] for other in _around(wanted[::-1], backwards)}
        # Sorted, so that equally similar names always come in the same order.
        ordered = sorted(compared)
        near = same.get(bare(name), [])
        near = near + difflib.get_close_matches(
            wanted, ordered, _MAX_SUGGESTIONS, _MIN_SIMILARITY
        )
        near = list(dict.fromkeys(near))[:_MAX_SUGGESTIONS]
        similar[name] = [spelled[other] for other in near]
    return similar


def _question(similar: Sequence[str]) -> str:
    return f"Did you mean {' or '.join(map(repr, similar))}?" if similar else ""


def _google_cloud(name: str) -> FileSystem:
    """The client for a file's bucket, with credentials unless the file is public.

    A client without credentials would search for them for minutes even then.
    """
    import pyarrow as pa  # noqa: PLC0415
    from pyarrow.fs import GcsFileSystem  # noqa: PLC0415

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


def _around(wanted: str, ordered: Sequence[str]) -> Sequence[str]:
    """The names next to where `wanted` would stand in `ordered`."""
    place = bisect.bisect_left(ordered, wanted)
    return ordered[max(place - _NUM_COMPARED, 0) : place + _NUM_COMPARED]
