"""The cache of what a scan found out about each photo, kept between runs."""

from __future__ import annotations

import glob
import hashlib
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from cv_tf.atomic import whole_file
from cv_tf.catalog import Catalog
from cv_tf.files import expanded, is_remote

_VERSION = 7  # Raise it when the meaning of a column or the frame finder changes.
_DIGEST_BYTES = 16
_DIGEST = re.compile(rf"[0-9a-f]{{{2 * _DIGEST_BYTES}}}")


class Scanned(NamedTuple):
    """What a scan found out about one photo."""

    key: str  # Path relative to the catalogue's folder, URI, or number of a record.
    size: int  # Bytes of the file; with `modified`, it tells whether it has changed.
    modified: int  # Time of the last change in nanoseconds.
    reason: str  # Why the photo cannot be used, in plain words; "" if it can be.
    kind: str = ""  # As in `Examined`; "" if the photo has not been examined.
    height: int = 0  # Pixels of the photo as it is displayed.
    width: int = 0
    frame: Sequence[float] = (0.0, 0.0, 1.0, 1.0)  # Top, left, height, width.
    found: bool = False  # Whether the frame was found; if not, it is the whole photo.
    sides: int = 0  # Number of the photo's edges that cut what was found.
    background: Sequence[int] = (255, 255, 255)  # Color around the frame.
    copy_height: int = 0  # Pixels of the converted copy; 0 if there is none.
    copy_width: int = 0
    copy: str = ""  # Digest of the converted copy; "" if there is none.
    digest: str = ""  # Of the photo's bytes; "" if they could not be read.
    # When its status changed, in nanoseconds; a photo that is replaced by another with
    # the former `modified` has another one. 0 where it is unknown.
    changed: int = 0

    def is_stamped_as(self, other: Scanned) -> bool:
        """Whether size and times are those of another scan of the photo."""
        return (self.size, self.modified, self.changed) == (
            *(other.size, other.modified, other.changed),
        )


_SCHEMA = pa.schema(
    [
        *[(name, pa.string()) for name in ("key", "reason", "kind", "copy", "digest")],
        *[(name, pa.int64()) for name in ("size", "modified", "changed", "sides")],
        *[(name, pa.int64()) for name in ("height", "width")],
        *[(name, pa.int64()) for name in ("copy_height", "copy_width")],
        ("frame", pa.list_(pa.float64())),
        ("found", pa.bool_()),
        ("background", pa.list_(pa.int64())),
    ]
)


def digest_of_bytes(content: bytes) -> str:
    """The digest of a photo, in hexadecimal digits."""
    return hashlib.blake2b(content, digest_size=_DIGEST_BYTES).hexdigest()


def is_digest(text: str) -> bool:
    """Whether a text is the digest of a photo, and not why the photo cannot be read."""
    return _DIGEST.fullmatch(text) is not None


class ScanCache:
    """The cache of a scan: a Parquet file of what was found, and converted photos.

    It is in a folder, by default in `default_folder`. The names of its files have the
    digests of their contents: what is damaged is not used, and made anew.
    """

    def __init__(self, catalog: Catalog, folder: str | Path | None = None):
        self.folder = Path(expanded(folder)) if folder else default_folder(catalog)
        self.folder.mkdir(parents=True, exist_ok=True)
        name = re.sub(r"[^\w.-]", "_", catalog.name)
        self._name = f"{name}.scan-v{_VERSION}"

    def read(self) -> dict[str, Scanned]:
        """Photos of earlier scans, by key; none if the file is missing or damaged."""
        known: dict[str, Scanned] = {}
        # Two processes that wrote at once may have left two files.
        for path in self._files():
            if (table := self._read(path)) is not None:
                for batch in table.select(Scanned._fields).to_batches(65536):
                    columns = (column.to_pylist() for column in batch.columns)
                    rows = (Scanned(*row) for row in zip(*columns, strict=True))
                    known |= {row.key: row for row in rows}
        return known

    def _files(self) -> list[Path]:
        pattern = rf"{re.escape(self._name)}\.[0-9a-f]{{{2 * _DIGEST_BYTES}}}\.parquet"
        paths = self.folder.glob(f"{glob.escape(self._name)}.*.parquet")
        return sorted(path for path in paths if re.fullmatch(pattern, path.name))

    def _read(self, path: Path) -> pa.Table | None:
        try:
            content = path.read_bytes() if path.is_file() else b""
            if path.name.split(".")[-2] != digest_of_bytes(content):
                return None
            table = pq.read_table(pa.BufferReader(content))
        except (OSError, pa.ArrowException):
            return None
        return table if table.schema.equals(_SCHEMA) else None

    def write(self, scanned: Iterable[Scanned]) -> None:
        """Replaces the file in one step: a reader sees the old file or the new one."""
        rows = list(scanned)
        if not rows:
            return
        columns = dict(zip(Scanned._fields, zip(*rows, strict=True), strict=True))
        former = self._files()
        content = pa.BufferOutputStream()
        pq.write_table(pa.Table.from_pydict(columns, _SCHEMA), content)
        buffer = content.getvalue()
        path = self.folder / f"{self._name}.{digest_of_bytes(buffer)}.parquet"
        with (
            whole_file(path, durable=False) as unfinished,
            unfinished.open("wb") as file,
        ):
            file.write(buffer)
        for other in former:
            if other != path and other.is_file():
                other.unlink(missing_ok=True)

    def converted_path(self, scanned: Scanned) -> Path:
        """The path of the converted copy of a photo."""
        return self.folder / "converted" / f"{scanned.copy}.png"

    def has_converted(self, scanned: Scanned) -> bool:
        """Whether the converted copy of a photo is there, as it was written."""
        path = self.converted_path(scanned)
        try:
            return path.is_file() and digest_of_bytes(path.read_bytes()) == scanned.copy
        except OSError:
            return False

    def write_converted(self, scanned: Scanned, png: bytes) -> Scanned:
        """Writes the converted copy of a photo, and adds its digest."""
        scanned = scanned._replace(copy=digest_of_bytes(png))
        path = self.converted_path(scanned)
        path.parent.mkdir(exist_ok=True)
        # Two products may share a photo, so two threads may write to one path.
        with whole_file(path, durable=False) as unfinished:
            unfinished.write_bytes(png)
        return scanned


def default_folder(catalog: Catalog) -> Path:
    """The folder of a cache: `.cv_tf` beside the data, else under `~/.cache/cv_tf`."""
    if catalog.folder and not is_remote(catalog.folder):
        beside = Path(catalog.folder) / ".cv_tf"
        if _can_write(beside):
            return beside
    identity = f"{catalog.folder}/{catalog.name}".encode()
    name = hashlib.sha256(identity).hexdigest()[:16]
    return Path.home() / ".cache" / "cv_tf" / name


def _can_write(folder: Path) -> bool:
    try:
        folder.mkdir(exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)
