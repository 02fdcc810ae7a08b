"""Embeds a whole catalog into one file, shard by shard."""

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
from cv_tf.atomic import whole_file
from cv_tf.catalog import Catalog, CatalogError, quiet_logs, read_products
from cv_tf.config import CatalogSettings
from cv_tf.embeddings.compute import compiled, embed_batches, with_color
from cv_tf.embeddings.parquet import fingerprint, merge_tables, read_notes, to_table
from cv_tf.files import beside, expanded
from cv_tf.models import Embedder
from cv_tf.pipeline import (
    FrameSummary,
    Photos,
    Reject,
    default_folder,
    scan_photos,
    write_rejects,
)
from cv_tf.shards import EngineSettings, JobError, Shards, run_shards

_LOADING = threading.Lock()
# While one shard is computed, the photos of the next are looked through. Two that are
# computed at once would both be slower: they share the device.
_COMPUTING = threading.Lock()


@dataclasses.dataclass(frozen=True)
class EmbeddingJob:
    """All that any machine needs to embed any shard of a catalog.

    Attributes:
      embedder: File of the Embedder.
      output: File to write.
      products: Names and values of the `CatalogSettings`.
      split: Value of the column `split` of the products to embed; "" for all.
      shard_size: Number of products of a shard.
      batch_size: Number of photos embedded at a time.
      strategy: Device to compute on, one of `cv_tf.choices.STRATEGIES`.
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
        """The settings that say which products are embedded."""
        return CatalogSettings(**dict(self.products))

    def rows(self, number: int, num_products: int) -> np.ndarray:
        """The row numbers of a shard in the catalog."""
        start = number * self.shard_size
        return np.arange(start, min(start + self.shard_size, num_products))


@dataclasses.dataclass(frozen=True)
class Embedded:
    """What a job has done.

    Attributes:
      num_products: Number of products in the file.
      rejects: Products whose photos cannot be used.
      frames: Numbers of photos of the others by the outcome of their frames.
    """

    num_products: int
    rejects: tuple[Reject, ...]
    frames: FrameSummary


def embed_catalog(
    job: EmbeddingJob,
    catalog: Catalog,
    engine: EngineSettings | None = None,
    overwrite: bool = False,
) -> Embedded:
    """Embeds a catalog; shards that an interrupted run has finished are kept.

    In memory are photos and vectors of a few shards at a time, and the catalog's table.

    Args:
      job: The products, the Embedder, and the file to write.
      catalog: The products of the job's settings and split.
      engine: Where the shards are computed; None for this machine.
      overwrite: Whether shards of another job may be removed.

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
    notes = [json.loads(read_notes(path)) for path in shards.paths()]
    rejects = tuple(Reject(*reject) for note in notes for reject in note["rejects"])
    frames = FrameSummary.join(FrameSummary(**note["frames"]) for note in notes)
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
    return Embedded(len(catalog) - len(rejects), rejects, frames)


def rejects_path(output: Path) -> Path:
    """The table of rejects, beside the file of vectors."""
    return beside(output, "rejects.csv")


def write_shard(
    job: EmbeddingJob,
    shards: Shards,
    model: str,
    number: int,
    report: Callable[[int], None],
) -> None:
    """Embeds shard `number`, writes it, and reports the number of products done."""
    with _LOADING:
        ready = _get_ready(job, model, shards.identity["catalogue"])
    photos = ready.scan(job, number)
    report(len(photos.rejects))
    # Arrays of no rows, as a shard may be without any photo that can be read.
    outputs = [ready.empty]
    with _COMPUTING:
        for output in embed_batches(ready.model, photos, job.batch_size):
            outputs.append(output)
            report(len(output[0]))
    vectors, lab = (np.concatenate(rows) for rows in zip(*outputs, strict=True))
    frames = FrameSummary.of(photos.catalog.product_id, photos.outcomes)
    about = {"rejects": photos.rejects, "frames": dataclasses.asdict(frames)}
    notes = json.dumps(about)
    with whole_file(shards.path(number)) as unfinished:
        pq.write_table(to_table(photos.catalog, vectors, lab, model, notes), unfinished)


@dataclasses.dataclass(frozen=True, eq=False)
class _Ready:
    """All that a process needs for any shard, loaded once."""

    catalog: Catalog
    folder: Path
    image_size: int
    model: Callable[..., Any]
    empty: tuple[np.ndarray, np.ndarray]

    def scan(self, job: EmbeddingJob, number: int) -> Photos:
        """The photos of a shard; each shard has a cache folder of its own."""
        return scan_photos(
            self.catalog.select(job.rows(number, len(self.catalog))),
            self.image_size,
            job.settings.frame,
            self.folder / f"embed-{job.shard_size}" / f"{number:05d}",
        )


@functools.lru_cache(maxsize=1)
def _get_ready(job: EmbeddingJob, made_by: str, catalogue: str) -> _Ready:
    """Loads the Embedder and the catalog, and checks their fingerprints."""
    settings = job.settings
    with quiet_logs():  # Whoever made the job has read it, and was told of it.
        catalog = read_products(settings, job.split)
    if fingerprint(job.embedder) != made_by or catalog_digest(catalog) != catalogue:
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
        folder=Path(expanded(settings.cache_dir) or default_folder(catalog)),
        image_size=size,
        model=model,
        empty=tuple(output.numpy()[:0] for output in outputs),
    )


def _identity(job: EmbeddingJob, catalog: Catalog, model: str) -> dict[str, Any]:
    return {
        "model": model,
        "catalogue": catalog_digest(catalog),
        "--frame": job.settings.frame,
        "--shard_size": job.shard_size,
        "--embed_batch_size": job.batch_size,
    }


def catalog_digest(catalog: Catalog) -> str:
    """A digest of all columns of a catalog that go into the file."""
    digest = hashlib.sha256()
    if catalog.records is not None:  # Photos of a data set have no other names.
        digest.update(catalog.name.encode())
    names = np.array(catalog.block_names, object)[catalog.block]
    for column in (catalog.product_id, catalog.image, names, catalog.color):
        cells = None if column is None else column.tolist()
        digest.update(json.dumps(cells).encode())
    if catalog.box is not None:
        digest.update(catalog.box.tobytes())
    return digest.hexdigest()
