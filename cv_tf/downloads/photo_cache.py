"""The cache of downloaded photos: their contents by digest, and an index by address."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import sqlite3
import stat
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from cv_tf.downloads.limits import DownloadError
from cv_tf.downloads.photo_kinds import SUFFIXES
from cv_tf.unfinished import making, settle

_OBJECTS, _INDEX, _CLAIMS = "objects", "index.sqlite", "claims"
_APPLICATION = 0x63767470  # "cvtp", for programs that tell what a file is.
_VERSION = 1
_WAIT = 60.0  # Seconds to wait while another process writes.
_AT_ONCE = 500  # Addresses in one question to the index.
_OPENING = 2**60  # The byte of the file of claims for who opens the index.
_DIGEST = re.compile(r"[0-9a-f]{64}")
_SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS photos (
  address TEXT PRIMARY KEY,
  digest TEXT NOT NULL,
  suffix TEXT NOT NULL,
  size INTEGER NOT NULL,
  etag TEXT NOT NULL,
  modified TEXT NOT NULL,
  asked REAL NOT NULL
) WITHOUT ROWID;
PRAGMA application_id = {_APPLICATION};
PRAGMA user_version = {_VERSION};
COMMIT;
"""


class StoredPhoto(NamedTuple):
    """A photo of the cache.

    Attributes:
      digest: SHA-256 of its content, in hexadecimal digits.
      suffix: By its content, such as "jpg".
      size: In bytes.
      etag: What its server calls this content; "" if it does not say.
      modified: When its server says that it changed, in the server's words.
      asked: When its server was asked last, in seconds since 1970.
    """

    digest: str
    suffix: str
    size: int
    etag: str
    modified: str
    asked: float


class PhotoCache:
    """Photos by address; several processes, and threads, may use one at once.

    The content of a photo is in `objects/ab/abcd....jpg`, by its digest, and appears
    there whole. Which address has which content is in `index.sqlite`. What is in the
    index is in the folder, too, unless somebody removes or damages it: that is noticed
    by its size, and as good as not there.

    Args:
      folder: The folder of the cache, on a disk of this machine; it is made if it is
        not there.

    Raises:
      DownloadError: If the index is damaged, of a later version or of something else.
      OSError: If the folder cannot be made.
    """

    def __init__(self, folder: Path):
        self.folder = folder.absolute()
        self._objects = str(self.folder / _OBJECTS)
        Path(self._objects).mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        self._claims = os.open(self.folder / _CLAIMS, flags, 0o666)
        try:
            # Two processes that make an index at once would hinder each other.
            with contextlib.suppress(OSError):
                fcntl.lockf(self._claims, fcntl.LOCK_EX, 1, _OPENING)
            with self._errors():
                self._index = self._open_index()
            with contextlib.suppress(OSError):
                fcntl.lockf(self._claims, fcntl.LOCK_UN, 1, _OPENING)
        except BaseException:
            os.close(self._claims)
            raise

    def find_all(self, addresses: Sequence[str]) -> dict[str, StoredPhoto]:
        """The photos of those addresses whose photos are there."""
        found: dict[str, StoredPhoto] = {}
        for start in range(0, len(addresses), _AT_ONCE):
            some = addresses[start : start + _AT_ONCE]
            marks = ",".join("?" * len(some))
            query = f"SELECT * FROM photos WHERE address IN ({marks})"  # noqa: S608
            with self._lock, self._errors():
                rows = self._index.execute(query, some).fetchall()
            for address, *cells in rows:
                photo = StoredPhoto(*cells)
                if self._is_whole(photo):
                    found[address] = photo
        return found

    def path(self, photo: StoredPhoto) -> str:
        """The absolute path of the content of a photo."""
        return f"{self._objects}/{photo.digest[:2]}/{photo.digest}.{photo.suffix}"

    @contextlib.contextmanager
    def receiving(self) -> Iterator[Path]:
        """A folder for photos that are not whole yet; what is left there is removed.

        What processes have left that were killed is removed, too.

        Raises:
          WriteError: If the disk is full or read-only.
        """
        target = Path(self._objects)
        settle(target)
        with making(target) as it:
            yield it.folder

    def keep(self, address: str, received: Path, photo: StoredPhoto) -> None:
        """Moves a photo that was received whole to its place, and notes its address."""
        place = Path(self.path(photo))
        place.parent.mkdir(exist_ok=True)
        received.replace(place)
        self.note(address, photo)

    def note(self, address: str, photo: StoredPhoto) -> None:
        """Notes which photo an address has."""
        with self._lock, self._errors():
            query = "INSERT OR REPLACE INTO photos VALUES (?, ?, ?, ?, ?, ?, ?)"
            self._index.execute(query, (address, *photo))

    def claim(self, address: str) -> bool:
        """Keeps other processes from fetching a photo; False if one does it already.

        The kernel releases what a process has claimed when it ends, however it ends.
        On storage that knows no locks, two processes may fetch the same photo, and so
        may two caches of one process: the kernel tells only processes apart.
        """
        try:
            kind = fcntl.LOCK_EX | fcntl.LOCK_NB
            fcntl.lockf(self._claims, kind, 1, _offset(address))
        except OSError as error:
            return not isinstance(error, BlockingIOError | PermissionError)
        return True

    def release(self, address: str) -> None:
        """Lets other processes fetch a photo."""
        with contextlib.suppress(OSError):
            fcntl.lockf(self._claims, fcntl.LOCK_UN, 1, _offset(address))

    def close(self) -> None:
        """Closes the files; the cache cannot be used any more."""
        with self._lock:
            self._index.close()
            os.close(self._claims)

    def _is_whole(self, photo: StoredPhoto) -> bool:
        """Whether a photo is there with its size; no row leads out of the folder."""
        is_digest = _DIGEST.fullmatch(str(photo.digest)) is not None
        if not is_digest or photo.suffix not in SUFFIXES:
            return False
        try:
            found = os.lstat(self.path(photo))
        except OSError:
            return False
        return stat.S_ISREG(found.st_mode) and 0 < found.st_size == photo.size

    def _open_index(self) -> sqlite3.Connection:
        index = sqlite3.connect(
            self.folder / _INDEX,
            timeout=_WAIT,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            index.execute("PRAGMA trusted_schema = OFF")
            # First: who makes the index writes all of this at once, maybe right now.
            tables = index.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            owner = index.execute("PRAGMA application_id").fetchone()[0]
            version = index.execute("PRAGMA user_version").fetchone()[0]
            if tables and (owner != _APPLICATION or version > _VERSION):
                raise DownloadError(
                    f"'{self.folder / _INDEX}' is no index of photos that this version "
                    "of cv_tf can read. Name another folder for the cache."
                )
            index.execute("PRAGMA journal_mode = WAL")
            # A power failure may lose the last photos, which are then fetched again.
            index.execute("PRAGMA synchronous = NORMAL")
            if not tables:
                index.executescript(_SCHEMA)
        except BaseException:
            index.close()
            raise
        return index

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        """Turns errors of SQLite into those of users."""
        try:
            yield
        except sqlite3.ProgrammingError:  # A bug, such as a cache that is closed.
            raise
        except sqlite3.Error as error:
            text = " ".join(str(error).split())
            raise DownloadError(
                f"The index of downloaded photos cannot be used: {_remedy(text)}\n"
                f"It is '{self.folder / _INDEX}'."
            ) from error


def _offset(address: str) -> int:
    """The byte of the file of claims that stands for an address."""
    return int.from_bytes(hashlib.sha256(address.encode()).digest()[:7], "big")


def _remedy(text: str) -> str:
    """What happened to the index, and what to do."""
    if "is full" in text:
        return "the disk is full. Free some space, then run the same command again."
    if "locking protocol" in text:
        return (
            "its file system knows no locks. Name a folder on a disk of this machine "
            "for the cache."
        )
    if "locked" in text:
        return "another process writes it for long. Wait for its end."
    if "readonly" in text or "unable to open" in text:
        return f"it cannot be written to ({text}). Name another folder for the cache."
    return (
        f"it is damaged ({text}). Delete it, and what begins with its name; photos are "
        "then fetched again."
    )
