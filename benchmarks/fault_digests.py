"""What files hold, in digests that do not see what each run has of its own."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import sqlite3
import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


def digests(folder: Path, outputs: Iterable[str]) -> dict[str, str]:
    """What each output holds; "" where there is none.

    Left out is what two runs with the same inputs may differ in: the folder's name,
    dates, times, costs.
    """
    return {name: _digest(folder / name, str(folder)) for name in outputs}


def _digest(path: Path, folder: str) -> str:
    if not os.path.lexists(path):
        return ""
    if path.is_dir():
        files = sorted(it for it in path.rglob("*") if it.is_file())
        parts = [(str(it.relative_to(path)), _digest(it, folder)) for it in files]
        return _sha(json.dumps(parts))
    if not path.is_file():
        return "no file"
    content = path.read_bytes()
    with_care = _CONTENTS.get(path.suffix, _CONTENTS.get(path.name))
    if with_care:
        try:
            return _sha(with_care(content).replace(folder.encode(), b"FOLDER"))
        except Exception:  # It is damaged, whatever it says.
            return _sha(content)
    return _sha(content.replace(folder.encode(), b"FOLDER"))


def _sha(content: bytes | str) -> str:
    content = content.encode() if isinstance(content, str) else content
    return hashlib.sha256(content).hexdigest()[:16]


def _weights(content: bytes) -> bytes:
    """The weights of a Keras archive."""
    import h5py  # noqa: PLC0415 (starts a process when it is imported)

    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if archive.testzip():
            raise ValueError("damaged")
        weights = io.BytesIO(archive.read("model.weights.h5"))
    found: list[np.ndarray] = []
    with h5py.File(weights, "r") as file:
        file.visititems(
            lambda _, it: found.append(it[()]) if isinstance(it, h5py.Dataset) else None
        )
    return b"".join(np.ascontiguousarray(array).tobytes() for array in found)


def _figures(content: bytes) -> bytes:
    """Figures without what they have cost."""
    figures = {k: v for k, v in json.loads(content).items() if k != "training"}
    return json.dumps(figures, sort_keys=True).encode()


def _rows(content: bytes) -> bytes:
    """The answers in a store."""
    database = sqlite3.connect(":memory:")
    database.deserialize(content)
    return json.dumps(database.execute("SELECT * FROM answers").fetchall()).encode()


def _table(content: bytes) -> bytes:
    """The cells of a Parquet table, and what is noted with it."""
    table = pq.read_table(pa.BufferReader(content), page_checksum_verification=True)
    # These digests are of paths, too.
    about = repr(table.schema.metadata).encode()
    columns = [re.sub(rb'"(job|rejects)\W+[0-9a-f]{64}', b"", about)]
    for name in table.column_names:
        cells = table[name].to_pylist()
        columns += [name.encode(), json.dumps(cells, default=str).encode()]
    return b"".join(columns)


_CONTENTS = {
    ".keras": _weights,
    "metrics.json": _figures,
    "fingerprint.pb": lambda _: b"unique to each",
    ".sqlite": _rows,
    ".parquet": _table,
}


def listing(folder: Path) -> list[str]:
    """All files and folders, without what is named after a time or read only by us."""
    names = (str(path.relative_to(folder)) for path in folder.rglob("*"))
    # What is known of photos has their times, and a name after all that it has.
    names = (re.sub(r"(\.scan-v\d+)\.[0-9a-f]{32}\.", r"\1.", name) for name in names)
    own = ("read.", "run/tensorboard/")
    return sorted(name for name in names if not name.startswith(own))
