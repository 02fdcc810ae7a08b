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

from cv_tf import command, strategy as devices
from cv_tf.atomic import whole_files
from cv_tf.catalog import Catalog, CatalogError, quiet_logs, read_products
from cv_tf.config import CatalogSettings
from cv_tf.embeddings.compute import embed_batches
from cv_tf.embeddings.dimensions import load_embedder
from cv_tf.embeddings.parquet import fingerprint, merge_tables, to_table
from cv_tf.embeddings.resumption import (
    discard_changed,
    frames_of,
    is_made_by,
    notes_of_output,
    open_shards,
    read_shard_notes,
    rejects_of,
    rejects_path,
)
from cv_tf.files import expanded
from cv_tf.locks import only_writer
from cv_tf.models import Inference
from cv_tf.pipeline import (
    FrameSummary,
    Photos,
    Reject,
    default_folder,
    most_frequent,
    photo_digests,
    scan_photos,
    write_rejects,
)
from cv_tf.shards import EngineSettings, JobError, Shards, run_shards
from cv_tf.unfinished import making_parents, settle

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
      dimensions: Number of dimensions of the vectors, the first ones; 0 for all.
      chosen: Row numbers of the products to embed, ascending; empty for all.
    """

    embedder: str
    output: str
    products: tuple[tuple[str, Any], ...]
    split: str = ""
    shard_size: int = 1024
    batch_size: int = 64
    strategy: str = "auto"
    dimensions: int = 0
    chosen: tuple[int, ...] = ()

    @property
    def settings(self) -> CatalogSettings:
        """The settings that say which products are embedded."""
        settings = CatalogSettings(**dict(self.products))
        # Whoever made the job has asked servers again, if they were to be asked.
        return dataclasses.replace(settings, refresh_photos=False)

    def read_catalog(self) -> Catalog:
        """Reads the products to embed."""
        catalog = read_products(self.settings, self.split)
        return catalog.select(np.array(self.chosen)) if self.chosen else catalog

    def rows(self, number: int, num_products: int) -> np.ndarray:
        """The row numbers of a shard in the catalog."""
        start = number * self.shard_size
        return np.arange(start, min(start + self.shard_size, num_products))

    def cache(self, catalog: Catalog, number: int) -> Path:
        """The folder of what is known of a shard's photos; each has one of its own."""
        folder = Path(expanded(self.settings.cache_dir) or default_folder(catalog))
        return folder / f"embed-{self.shard_size}" / f"{number:05d}"

    def photo_digests(self, catalog: Catalog, number: int) -> list[str]:
        """The digests of a shard's photos as they are by now."""
        some = catalog.select(self.rows(number, len(catalog)))
        return photo_digests(some, self.cache(catalog, number))


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
    replace: bool = True,
    may_be_empty: bool = False,
) -> Embedded:
    """Embeds a catalog; shards that an interrupted run has finished are kept.

    In memory are photos and vectors of a few shards at a time, and the catalog's table.
    A file that this very job has made of the same photos stays as it is: a process that
    is killed at its end has finished the job.

    Args:
      job: The products, the Embedder, and the file to write.
      catalog: The products of the job's settings and split.
      engine: Where the shards are computed; None for this machine.
      overwrite: Whether shards of another job may be removed.
      replace: Whether a file of another job, or of other photos, may be replaced.
      may_be_empty: Whether a file without any product is made if no photo can be used.

    Raises:
      JobError: If shards of another job are in the way.
      ConfigError: If there is another file that may not be replaced.
      CatalogError: If no photo can be used, unless the file may be empty.
      BusyError: If another process writes the same file.
    """
    output = Path(job.output)
    lock = output.with_name(f".{output.name}.lock")
    with making_parents(output), only_writer(lock, output):
        num_shards = -(-len(catalog) // job.shard_size)
        identity = _identity(job, catalog, fingerprint(job.embedder))
        shards = Shards(output, num_shards, identity)
        settle(output)
        if output.exists() and not overwrite:

            def digests() -> list[str]:
                numbers = range(num_shards)
                return [d for n in numbers for d in job.photo_digests(catalog, n)]

            if is_made_by(identity, output, digests):
                shards.remove_own()  # A kill came before they were removed.
                rejects = rejects_of(output)
                number = len(catalog) - len(rejects)
                return Embedded(number, rejects, frames_of(output))
            command.check_free(output, replace)
        engine = engine or EngineSettings()
        return _embed(job, catalog, shards, engine, overwrite, may_be_empty)


def _embed(
    job: EmbeddingJob,
    catalog: Catalog,
    shards: Shards,
    engine: EngineSettings,
    overwrite: bool,
    may_be_empty: bool,
) -> Embedded:
    """Computes the shards that are missing, and puts all of them together."""
    output = Path(job.output)
    open_shards(shards, catalog, overwrite)
    missing = set(shards.missing())
    photos = [
        [] if number in missing else job.photo_digests(catalog, number)
        for number in range(shards.num_shards)
    ]
    discard_changed(shards, photos, catalog, job.shard_size)
    sizes = [len(job.rows(n, len(catalog))) for n in range(shards.num_shards)]
    work = functools.partial(write_shard, job, shards, shards.identity["model"])
    run_shards(work, shards, sizes, engine, "Embedding")
    notes = [read_shard_notes(path) for path in shards.paths()]
    rejects = tuple(Reject(*reject) for note in notes for reject in note["rejects"])
    frames = FrameSummary.join(FrameSummary(**note["frames"]) for note in notes)
    if len(rejects) == len(catalog) and not may_be_empty:
        write_rejects(rejects_path(output), rejects)
        shards.remove()
        raise CatalogError(
            f"{catalog.name}: no photo can be used. {most_frequent(rejects)} "
            f"'{rejects_path(output)}' has all reasons."
        )
    with whole_files(output, rejects_path(output)) as (merged, left_out):
        if rejects:
            write_rejects(left_out, rejects)
        about = notes_of_output(shards.identity, notes, frames, left_out)
        merge_tables(shards.paths(), merged, about)
    shards.remove()
    return Embedded(len(catalog) - len(rejects), rejects, frames)


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
    # Before the photos are read: one that is replaced meanwhile is noticed later.
    digests = job.photo_digests(ready.catalog, number)
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
    notes = json.dumps(about | {"photos": digests})
    with shards.writing(number) as unfinished:
        pq.write_table(to_table(photos.catalog, vectors, lab, model, notes), unfinished)


@dataclasses.dataclass(frozen=True, eq=False)
class _Ready:
    """All that a process needs for any shard, loaded once."""

    catalog: Catalog
    image_size: int
    model: Inference
    empty: tuple[np.ndarray, np.ndarray]

    def scan(self, job: EmbeddingJob, number: int) -> Photos:
        """The photos of a shard."""
        return scan_photos(
            self.catalog.select(job.rows(number, len(self.catalog))),
            self.image_size,
            job.settings.frame,
            job.cache(self.catalog, number),
        )


@functools.lru_cache(maxsize=1)
def _get_ready(job: EmbeddingJob, made_by: str, catalogue: str) -> _Ready:
    """Loads the Embedder and the catalog, and checks their fingerprints."""
    with quiet_logs():  # Whoever made the job has read it, and was told of it.
        catalog = job.read_catalog()
    if fingerprint(job.embedder) != made_by or catalog_digest(catalog) != catalogue:
        raise JobError(
            f"'{job.embedder}' or {catalog.name} has changed since the job began, or "
            "is another one on this machine. Run the same command with --overwrite to "
            "start anew."
        )
    devices.make_repeatable(0)
    with devices.one_device(job.strategy).scope():
        embedder = load_embedder(job.embedder, job.dimensions)
        model = Inference(embedder, with_color=True)
    size = embedder.image_size
    outputs = model(np.zeros((1, size, size, 3), np.uint8))
    return _Ready(
        catalog=catalog,
        image_size=size,
        model=model,
        empty=tuple(output[:0] for output in outputs),
    )


def _identity(job: EmbeddingJob, catalog: Catalog, model: str) -> dict[str, Any]:
    identity = {
        "model": model,
        "catalogue": catalog_digest(catalog),
        "--frame": job.settings.frame,
        "--shard_size": job.shard_size,
        "--embed_batch_size": job.batch_size,
    }
    return identity | ({"--dimensions": job.dimensions} if job.dimensions else {})


def catalog_digest(catalog: Catalog) -> str:
    """A digest of all columns of a catalog that go into the file."""
    digest = hashlib.sha256()
    if catalog.records is not None:  # Photos of a data set have no other names.
        digest.update(catalog.name.encode())
    names = np.array(catalog.block_names, object)[catalog.block]
    image = catalog.image
    if catalog.address is not None:  # Photos that change there have other digests.
        image = np.where(catalog.address == "", image, catalog.address)
    extras = [
        it for name in sorted(catalog.extras) for it in (name, catalog.extras[name])
    ]
    extras += [] if catalog.more_images is None else [catalog.more_images]
    for column in (catalog.product_id, image, names, catalog.color, *extras):
        cells = column.tolist() if isinstance(column, np.ndarray) else column
        digest.update(json.dumps(cells).encode())
    if catalog.box is not None:
        digest.update(catalog.box.tobytes())
    return digest.hexdigest()
