"""The cache of what a scan found out about each photo, kept between runs."""

from __future__ import annotations

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

_VERSION = 5  # Raise it when the meaning of a column or the frame finder changes.


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


class ScanCache:
    """The cache of a scan: a Parquet file of what was found, and converted photos.

    It is in a folder, by default in `default_folder`.
    """

    def __init__(self, catalog: Catalog, folder: str | Path | None = None):
        self.folder = Path(expanded(folder)) if folder else default_folder(catalog)
        self.folder.mkdir(parents=True, exist_ok=True)
        name = re.sub(r"[^\w.-]", "_", catalog.name)
        self._file = self.folder / f"{name}.scan-v{_VERSION}.parquet"

    def read(self) -> dict[str, Scanned]:
        """Photos of earlier scans, by key; none if the file is missing or damaged."""
        try:
            table = pq.read_table(self._file, columns=list(Scanned._fields))
        except (OSError, pa.ArrowInvalid):
            return {}
        rows = (row for batch in table.to_batches(65536) for row in batch.to_pylist())
        return {row["key"]: Scanned(**row) for row in rows}

    def write(self, scanned: Iterable[Scanned]) -> None:
        """Replaces the file in one step: a reader sees the old file or the new one."""
        rows = [row._asdict() for row in scanned]
        if not rows:
            return
        with whole_file(self._file) as unfinished:
            pq.write_table(pa.Table.from_pylist(rows), unfinished)

    def converted_path(self, scanned: Scanned) -> Path:
        """The path of the converted copy of a photo."""
        identity = f"{_VERSION} {scanned.key} {scanned.size} {scanned.modified}"
        # Two catalogues with other boxes may need copies of other sizes.
        identity += f" {scanned.copy_width}x{scanned.copy_height}"
        name = hashlib.sha256(identity.encode()).hexdigest()[:32]
        return self.folder / "converted" / f"{name}.png"

    def write_converted(self, scanned: Scanned, png: bytes) -> None:
        """Writes the converted copy of a photo."""
        path = self.converted_path(scanned)
        path.parent.mkdir(exist_ok=True)
        # Two products may share a photo, so two threads may write to one path.
        with whole_file(path, durable=False) as unfinished:
            unfinished.write_bytes(png)


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
