"""Which Embedder made some vectors."""

from __future__ import annotations

import hashlib
from pathlib import Path

_CHUNK = 2**20


def fingerprint(path: str | Path) -> str:
    """Tells one saved Embedder from another: the SHA-256 of its file.

    Vectors can only be compared with those of the same Embedder, so every file of
    vectors, and every index of them, carries it.
    """
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
