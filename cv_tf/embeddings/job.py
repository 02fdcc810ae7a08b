"""The vectors of a whole catalogue, shard by shard, into one file."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from cv_tf import strategy as devices
from cv_tf.catalog import Catalog, CatalogError, read_products
from cv_tf.config import CatalogSettings
from cv_tf.embeddings.compute import compiled, embed_batches, with_color
from cv_tf.embeddings.parquet import fingerprint, merge_tables, read_notes, to_table
from cv_tf.files import beside, whole_file
from cv_tf.models import Embedder
from cv_tf.pipeline import Photos, Reject, default_folder, scan_photos, write_rejects
from cv_tf.shards import EngineSettings, JobError, Shards, run_shards

_LOADING = threading.Lock()
# While one shard computes, the next is looked through. Two that compute at once would
# both be slower: they share the device.
_COMPUTING = threading.Lock()


@dataclasses.dataclass(frozen=True)
class EmbeddingJob:
    """What it takes to embed any shard of a catalogue, on any machine.

    Attributes:
      embedder: The Embedder's file.
      output: The file to write.
      products: Names and values of the `CatalogSettings`.
      split: Embeds only products of this split; "" for all.
      shard_size: Products a shard.
      batch_size: Photos embedded at a time.
      strategy: Where to compute.
    """

    embedder: str
    output: str
    products: tuple[tuple[str, Any], ...]
    split: str = ""
    shard_size: int = 1024
    batch_size: int = 64
    strategy: str = "auto"

    @property
    def settings(self) -> CatalogSettings:
        """Which products."""
        return CatalogSettings(**dict(self.products))

    def rows(self, number: int, num_products: int) -> np.ndarray:
        """The catalogue's rows of a shard."""
        start = number * self.shard_size
        return np.arange(start, min(start + self.shard_size, num_products))


@dataclasses.dataclass(frozen=True)
class Embedded:
    """What a job leaves.

    Attributes:
      num_products: Products whose vectors are in the file.
      rejects: The others, and why.
    """

    num_products: int
    rejects: tuple[Reject, ...]


def embed_catalog(
    job: EmbeddingJob,
    catalog: Catalog,
    engine: EngineSettings | None = None,
    overwrite: bool = False,
) -> Embedded:
    """Embeds a catalogue; what an interrupted run has done is not done again.

    Photos and vectors of a few shards are in memory at a time, whatever the size of the
    catalogue; of the catalogue itself, its table.

    Args:
      job: What to embed, with what, and where to.
      catalog: The products of the job's settings and split.
      engine: Where to compute; None for this machine.
      overwrite: Whether shards of another job may be thrown away.

    Raises:
      JobError: If shards of another job are in the way.
      CatalogError: If no photo can be used.
    """
    output = Path(job.output)
    model = fingerprint(job.embedder)
    num_shards = -(-len(catalog) // job.shard_size)
    sizes = [len(job.rows(number, len(catalog))) for number in range(num_shards)]
    shards = Shards(output, num_shards, _identity(job, catalog, model))
    shards.open(overwrite)
    work = functools.partial(write_shard, job, shards, model)
    run_shards(work, shards, sizes, engine or EngineSettings(), "Embedding")
    rejects = tuple(
        Reject(*reject) for path in shards.paths() for reject in _rejects_of(path)
    )
    if rejects:
        write_rejects(rejects_path(output), rejects)
    else:
        rejects_path(output).unlink(missing_ok=True)
    if len(rejects) == len(catalog):
        shards.remove()
        raise CatalogError(
            f"{catalog.name}: no photo can be used. '{rejects_path(output)}' says why."
        )
    with whole_file(output) as unfinished:
        merge_tables(shards.paths(), unfinished)
    shards.remove()
    return Embedded(len(catalog) - len(rejects), rejects)


def rejects_path(output: Path) -> Path:
    """Where rejects are named: beside the file."""
    return beside(output, "rejects.csv")


def write_shard(
    job: EmbeddingJob,
    shards: Shards,
    model: str,
    number: int,
    report: Callable[[int], None],
) -> None:
    """Embeds one shard, and writes it.

    Args:
      job: Of which it is a shard.
      shards: Where to write it.
      model: The Embedder's fingerprint.
      number: Of the shard.
      report: Is told how many products more are done.
    """
    with _LOADING:
        ready = _get_ready(job, model, shards.identity["catalogue"])
    photos = ready.look_through(job, number)
    report(len(photos.rejects))
    # No row, but its width: a shard may be without any photo that can be read.
    outputs = [ready.empty]
    with _COMPUTING:
        for output in embed_batches(ready.model, photos, job.batch_size):
            outputs.append(output)
            report(len(output[0]))
    vectors, lab = (np.concatenate(rows) for rows in zip(*outputs, strict=True))
    notes = json.dumps([list(reject) for reject in photos.rejects])
    with whole_file(shards.path(number)) as unfinished:
        pq.write_table(to_table(photos.catalog, vectors, lab, model, notes), unfinished)


@dataclasses.dataclass(frozen=True, eq=False)
class _Ready:
    """What a process needs for any shard, loaded once."""

    catalog: Catalog
    folder: Path
    image_size: int
    model: Callable[..., Any]
    empty: tuple[np.ndarray, np.ndarray]

    def look_through(self, job: EmbeddingJob, number: int) -> Photos:
        """The photos of a shard; what is found out about them has a folder a shard."""
        return scan_photos(
            self.catalog.select(job.rows(number, len(self.catalog))),
            self.image_size,
            job.settings.frame,
            self.folder / f"embed-{job.shard_size}" / f"{number:05d}",
        )


@functools.lru_cache(maxsize=1)
def _get_ready(job: EmbeddingJob, made_by: str, catalogue: str) -> _Ready:
    """Loads an Embedder and a catalogue that have these fingerprints, and no others."""
    settings = job.settings
    catalog = read_products(settings, job.split)
    if fingerprint(job.embedder) != made_by or _digest(catalog) != catalogue:
        raise JobError(
            f"'{job.embedder}' or {catalog.name} has changed since the job began, or "
            "is another one on this machine. Run the same command with --overwrite to "
            "start anew."
        )
    devices.make_repeatable(0)
    with devices.one_device(job.strategy).scope():
        embedder = Embedder.load(job.embedder)
    size = embedder.image_size
    model = compiled(with_color(embedder), size)
    outputs = model(np.zeros((1, size, size, 3), np.uint8))
    return _Ready(
        catalog=catalog,
        folder=Path(settings.cache_dir or default_folder(catalog)),
        image_size=size,
        model=model,
        empty=tuple(output.numpy()[:0] for output in outputs),
    )


def _identity(job: EmbeddingJob, catalog: Catalog, model: str) -> dict[str, Any]:
    return {
        "model": model,
        "catalogue": _digest(catalog),
        "--frame": job.settings.frame,
        "--shard_size": job.shard_size,
        "--embed_batch_size": job.batch_size,
    }


def _digest(catalog: Catalog) -> str:
    """Tells one catalogue from another, by all that goes into the file."""
    digest = hashlib.sha256()
    if catalog.records is not None:  # The photos have no names but this.
        digest.update(catalog.name.encode())
    names = np.array(catalog.block_names, object)[catalog.block]
    for column in (catalog.product_id, catalog.image, names, catalog.color):
        cells = None if column is None else column.tolist()
        digest.update(json.dumps(cells).encode())
    if catalog.box is not None:
        digest.update(catalog.box.tobytes())
    return digest.hexdigest()


def _rejects_of(path: Path) -> list[list[str]]:
    return json.loads(read_notes(path))
