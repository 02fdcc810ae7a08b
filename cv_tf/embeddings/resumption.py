"""What earlier processes have left of a job of embedding, and whether it holds."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from absl import logging

from cv_tf.atomic import whole_file
from cv_tf.catalog import Catalog, read_needed
from cv_tf.embeddings.parquet import CHUNK, read_notes
from cv_tf.errors import UserError
from cv_tf.files import beside, digest_of
from cv_tf.inputs import Inputs
from cv_tf.pipeline import FrameSummary, Reject
from cv_tf.shards import Shards


def rejects_path(output: Path) -> Path:
    """The table of rejects, beside the file of vectors."""
    return beside(output, "rejects.csv")


def read_shard_notes(path: Path) -> dict[str, Any]:
    """What a shard says of its products: `rejects`, `frames` and digests of `photos`.

    It is empty for a shard that is of no use.
    """
    try:
        notes = json.loads(read_notes(path))
        return notes if {"rejects", "frames", "photos"} <= notes.keys() else {}
    except Exception:  # Each kind of damage raises its own.
        return {}


def open_shards(shards: Shards, catalog: Catalog, overwrite: bool) -> None:
    """Opens the shards of a job, and says what differs if they are of other products.

    Raises:
      JobError: As `Shards.open`.
    """
    table = shards.folder / "products.parquet"
    now = Inputs.of_catalog(catalog, "image", "block", "color", "box")

    def describe(name: str) -> str:
        if name != "catalogue" or not table.is_file():
            return f"another {name}"
        try:
            changes = list(now.changes_since(Inputs.read(table, "")))
        except UserError:
            return "another catalogue"
        return f"another catalogue ({'; '.join(changes) or 'of another name'})"

    shards.open(overwrite, describe)
    if not table.is_file():
        with whole_file(table) as unfinished:
            now.write(unfinished)


def discard_changed(
    shards: Shards, photos: Sequence[Sequence[str]], catalog: Catalog, size: int
) -> None:
    """Removes finished shards whose photos are others by now, and warns of them.

    Args:
      shards: Shards of the job, which are not damaged.
      photos: Digests of the photos of each shard that is done; empty of the others.
      catalog: All products.
      size: Number of products of a shard.
    """
    changed: dict[int, str] = {}
    done = [number for number, digests in enumerate(photos) if digests]
    for number in done:
        path = shards.find(number)
        before = read_shard_notes(path).get("photos", []) if path else []
        if before != list(photos[number]):
            row = next(_differing(before, photos[number]), 0)
            changed[number] = catalog.product_id[number * size + row]
    if changed:
        shards.discard(changed)
        logging.warning(
            "%d of %d finished shards are computed anew: photos have changed, such as "
            "that of the product '%s'.",
            *(len(changed), len(done), next(iter(changed.values()))),
        )


def _differing(before: Sequence[str], now: Sequence[str]) -> Iterator[int]:
    yield from (i for i, (a, b) in enumerate(zip(before, now, strict=False)) if a != b)


def notes_of_output(
    identity: dict[str, Any],
    notes: Sequence[dict[str, Any]],
    frames: FrameSummary,
    rejects: Path,
) -> str:
    """The notes of a finished output: by which job it was made, and of which photos.

    Args:
      identity: Embedder, catalogue and settings, as the shards of the job have them.
      notes: Those of the shards.
      frames: Numbers of photos by the outcome of their frames.
      rejects: The table of rejects, if there are any, as it was written.
    """
    return json.dumps(
        {
            "job": _digest(identity),
            "photos": _digest([digest for note in notes for digest in note["photos"]]),
            "rejects": digest_of(rejects) if rejects.exists() else "",
            "frames": dataclasses.asdict(frames),
        }
    )


def is_made_by(
    identity: dict[str, Any], output: Path, digests: Callable[[], Sequence[str]]
) -> bool:
    """Whether an output is there that this job has made of these photos, undamaged.

    Args:
      identity: Embedder, catalogue and settings, as the shards of the job have them.
      output: The file of vectors.
      digests: Returns the digest of the photo of each product.
    """
    try:
        notes = json.loads(read_notes(output))
        if notes["job"] != _digest(identity):
            return False
        with pq.ParquetFile(output, page_checksum_verification=True) as file:
            for _ in file.iter_batches(CHUNK):
                pass
        rejects = rejects_path(output)
        there = digest_of(rejects) if rejects.is_file() else ""
        return notes["rejects"] == there and notes["photos"] == _digest(digests())
    except Exception:  # Each kind of damage raises its own.
        return False


def rejects_of(output: Path) -> tuple[Reject, ...]:
    """The products that were left out of an output, as the table beside it says."""
    path = rejects_path(output)
    if not path.is_file():
        return ()
    needed = dict.fromkeys(Reject._fields, "the same command writes it anew")
    cells = read_needed(str(path), needed, ids=("product_id",)).cells
    columns = (cells[name] for name in Reject._fields)
    return tuple(Reject(*row) for row in zip(*columns, strict=True))


def frames_of(output: Path) -> FrameSummary:
    """What became of the frames of an output's photos."""
    return FrameSummary(**json.loads(read_notes(output))["frames"])


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
