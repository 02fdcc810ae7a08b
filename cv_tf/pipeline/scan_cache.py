"""What was found out about each photo, kept beside the data between runs."""

from __future__ import annotations

import csv
import hashlib
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from cv_tf.catalog import Catalog
from cv_tf.files import is_remote, whole_file

_VERSION = 3  # Raise it when the meaning of a column or the frame finder changes.


class Scanned(NamedTuple):
    """One photo as it was found. Frames are shares of the photo.

    `key`, `size` (bytes) and `modified` (nanoseconds) tell whether it changed.
    `reason` is "" for a photo that can be used.
    """

    key: str
    size: int
    modified: int
    reason: str
    kind: str = ""
    height: int = 0
    width: int = 0
    frame: tuple[float, ...] = (0.0, 0.0, 1.0, 1.0)
    found: bool = False
    background: tuple[int, ...] = (255, 255, 255)


class ScanCache:
    """A folder with one Parquet file of findings, and the converted photos.

    Args:
      catalog: Whose photos are scanned.
      folder: Where to keep it. None: `.cv_tf` beside the data, or under
        `~/.cache/cv_tf` where that cannot be written.
    """

    def __init__(self, catalog: Catalog, folder: str | Path | None = None):
        self.folder = Path(folder) if folder else default_folder(catalog)
        self.folder.mkdir(parents=True, exist_ok=True)
        name = re.sub(r"[^\w.-]", "_", catalog.name)
        self._file = self.folder / f"{name}.scan-v{_VERSION}.parquet"

    def read(self) -> dict[str, Scanned]:
        """What is known, by key. A missing or damaged file is as good as none."""
        try:
            table = pq.read_table(self._file, columns=list(Scanned._fields))
        except (OSError, pa.ArrowInvalid):
            return {}
        rows = (row for batch in table.to_batches(65536) for row in batch.to_pylist())
        return {row["key"]: Scanned(**row) for row in rows}

    def write(self, scanned: Iterable[Scanned]) -> None:
        """Replaces what is known; a reader sees the old file or the new one."""
        rows = [row._asdict() for row in scanned]
        if not rows:
            return
        with whole_file(self._file) as unfinished:
            pq.write_table(pa.Table.from_pylist(rows), unfinished)

    def converted_path(self, scanned: Scanned) -> Path:
        """Where the converted copy of a photo lies."""
        identity = f"{scanned.key} {scanned.size} {scanned.modified}"
        name = hashlib.sha256(identity.encode()).hexdigest()[:32]
        return self.folder / "converted" / f"{name}.png"

    def write_converted(self, scanned: Scanned, png: bytes) -> None:
        """Keeps the converted copy of a photo."""
        path = self.converted_path(scanned)
        path.parent.mkdir(exist_ok=True)
        # Two products may share a photo, and so two threads a path.
        with whole_file(path) as unfinished:
            unfinished.write_bytes(png)


def default_folder(catalog: Catalog) -> Path:
    """Where findings are kept unless the user says otherwise."""
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


class Reject(NamedTuple):
    """A product whose photo cannot be used, with the reason in plain words."""

    product_id: str
    image: str
    reason: str


def write_rejects(path: str | Path, rejects: Sequence[Reject]) -> None:
    """Writes rejects as CSV: product_id, image, reason. The file appears whole."""
    with (
        whole_file(Path(path)) as unfinished,
        unfinished.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(Reject._fields)
        writer.writerows(rejects)
