"""The neighbors of a catalog as a job of shards, for one machine or many."""

from __future__ import annotations

import functools
import hashlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from absl import logging

from cv_tf.config import GroupingSettings
from cv_tf.embeddings import Embeddings, in_pieces
from cv_tf.errors import UserError
from cv_tf.files import digest_of
from cv_tf.grouping.neighbor_files import write_rows
from cv_tf.locks import only_writer
from cv_tf.retrieval import (
    ABOUT,
    CHUNK,
    MAX_QUERIES,
    Index,
    Neighbors,
    build_index,
    check_vectors,
    is_undamaged,
    load_index,
    nearest,
)
from cv_tf.shards import EngineSettings, JobError, Shards, engine_running, run_shards

# A block of more products is indexed once, and searched for shards of its products.
SPLIT_ABOVE = 200_000
SHARD = 2**14
# Smaller blocks share a shard, up to this number of pairs (half a minute of exact
# search for 1,024 dimensions on one core) and of products.
MAX_PAIRS, MAX_PRODUCTS = 2**30, 2**16


@dataclass(frozen=True)
class Search:
    """One shard: the products `asked`, and those `among` which they are looked for.

    Both are rows, ordered by block. `index` is the number of the index of `among`, -1
    where none was built before; exact search compares `num_pairs` pairs of products.
    """

    asked: slice
    among: slice
    index: int
    num_pairs: int


@dataclass(frozen=True)
class SearchPlan:
    """The shards of a catalog, slowest first, and rows of the blocks to index first."""

    searches: tuple[Search, ...]
    indexes: tuple[slice, ...]


def make_plan(blocks: np.ndarray) -> SearchPlan:
    """Divides products into shards of similar work; `blocks` is [n] int, ascending."""
    searches: list[Search] = []
    indexes: list[slice] = []
    starts = np.unique(blocks, return_index=True)[1].tolist()
    first = num_pairs = 0
    for start, stop in zip(starts, [*starts[1:], len(blocks)], strict=True):
        size = stop - start
        is_large = size > SPLIT_ABOVE
        is_full = num_pairs + size**2 > MAX_PAIRS or stop - first > MAX_PRODUCTS
        if start > first and (is_large or is_full):
            rows = slice(first, start)
            searches.append(Search(rows, rows, -1, num_pairs))
            first, num_pairs = start, 0
        if is_large:
            rows = slice(start, stop)
            for asked in _shards(rows):
                pairs = (asked.stop - asked.start) * size
                searches.append(Search(asked, rows, len(indexes), pairs))
            indexes.append(rows)
            first = stop
        else:
            num_pairs += size**2
    if first < len(blocks):
        rows = slice(first, len(blocks))
        searches.append(Search(rows, rows, -1, num_pairs))
    # A cluster that ends with short shards ends at about the same time everywhere.
    searches.sort(key=lambda search: search.num_pairs, reverse=True)
    return SearchPlan(tuple(searches), tuple(indexes))


def _shards(rows: slice) -> list[slice]:
    """Ranges of rows, cut where `nearest` and exact search cut them, too."""
    # The rounding of a similarity depends on which products are multiplied at once.
    shards: list[slice] = []
    for chunk in range(rows.start, rows.stop, CHUNK):
        end = min(chunk + CHUNK, rows.stop)
        edges = list(range(chunk, end, SHARD))
        if len(edges) > 1 and end - edges[-1] < MAX_QUERIES:
            edges.pop()
        shards += map(slice, edges, [*edges[1:], end])
    return shards


@dataclass(frozen=True)
class NeighborJob:
    """All that any machine needs to do any shard.

    Attributes:
      plan: Division of the products into shards.
      shards: Files of the neighbors that were found.
      indexes: Files with the names of indexes, in a folder within that of `shards`.
      k: Number of neighbors of a product.
      retrieval: Kind of search, as in `cv_tf.retrieval.nearest`.
      recall: Share of the true neighbors to find, above 0 and at most 1.
      floor: Similarity below which they need not be found.
    """

    plan: SearchPlan
    shards: Shards
    indexes: Shards
    k: int
    retrieval: str
    recall: float
    floor: float

    def column(self, name: str, rows: slice) -> np.ndarray:
        """The `vectors` or `blocks` of some rows, ordered by block."""
        return np.array(np.load(self.shards.folder / f"{name}.npy", "r")[rows])

    def index(self, number: int) -> tuple[Path, str] | None:
        """The folder of an index, and the digest of its `index.json`.

        None if it was not built.
        """
        path = self.indexes.find(number)
        if path is None:
            return None
        name, digest = path.read_text().split()
        return self.indexes.folder / name, digest


def find_neighbors_in_shards(
    embeddings: Embeddings,
    settings: GroupingSettings,
    engine: EngineSettings,
    output: Path,
    overwrite: bool = False,
    floor: float = -1.0,
) -> Neighbors:
    """Finds the neighbors that `find_neighbors` finds, shard by shard.

    The vectors are written once, ordered by block, into the folder of the shards. A
    shard is a block, or several small ones, and leaves a file of neighbors. A block of
    more than 200,000 products is indexed once, in a first wave of shards, and searched
    for ranges of its rows in a second wave. An interrupted job goes on where it was;
    the folder is removed at the end.

    The result is that of `find_neighbors` row for row, with two exceptions: processors
    of another make, and blocks that are split, round similarities otherwise in the last
    digit, and ScaNN 1.4.2 never partitions products in the same way twice, so that two
    indexes of a large block differ in some neighbors, at the same recall.

    Args:
      embeddings: Embeddings of all products.
      settings: Number of neighbors and kind of search.
      engine: Where the shards are computed.
      output: Name and place of the job, ending in `.npz`: the folder of the shards
        stands beside it, on storage that all machines share.
      overwrite: Whether shards of another job may be removed.
      floor: Similarity below which neighbors need not be found; -1 for none.

    Raises:
      ValueError: As `find_neighbors`.
      JobError: If shards of another job are in the way; as `run_on_spark`.
      BusyError: If another process does the same job.
    """
    with only_writer(output.with_name(f".{output.name}.lock"), output):
        distinct = embeddings.distinct
        return _find_alone(distinct, settings, engine, output, overwrite, floor)


def _find_alone(
    embeddings: Embeddings,
    settings: GroupingSettings,
    engine: EngineSettings,
    output: Path,
    overwrite: bool,
    floor: float,
) -> Neighbors:
    vectors, blocks = check_vectors(embeddings.vectors), embeddings.block
    order = np.argsort(blocks, kind="stable")
    plan = make_plan(blocks[order])
    shards = Shards(output, len(plan.searches), _identity(embeddings, settings, floor))
    indexes = Shards(shards.folder / "index.txt", len(plan.indexes), {})
    shards.open(overwrite)
    indexes.open()
    write_rows(shards.folder, vectors, blocks, order)
    job = NeighborJob(
        plan,
        shards,
        indexes,
        settings.neighbors,
        settings.retrieval,
        settings.recall,
        floor,
    )
    _discard_damaged(job)
    _run(job, engine)
    found = _put_together(job, order)
    indexes.remove()
    shards.remove()
    return found


def _identity(
    embeddings: Embeddings, settings: GroupingSettings, floor: float
) -> dict[str, Any]:
    """What the result depends on: shards of an equal job are taken over."""
    digest = hashlib.sha256()
    for _, some in in_pieces(embeddings.vectors):
        digest.update(np.ascontiguousarray(some).data)
    digest.update(np.ascontiguousarray(embeddings.block).data)
    return {
        "model": embeddings.model,
        "embeddings": digest.hexdigest(),
        "--neighbors": settings.neighbors,
        "--retrieval": settings.retrieval,
        "--recall": settings.recall,
        "floor of similarity": round(floor, 4),
        "division into shards": [SPLIT_ABOVE, SHARD, MAX_PAIRS, MAX_PRODUCTS],
    }


def _discard_damaged(job: NeighborJob) -> None:
    """Has indexes built anew that are not as they were written."""
    for number in range(len(job.plan.indexes)):
        index = job.index(number)
        if index is not None and not is_undamaged(*index):
            logging.warning("'%s' is damaged, and is built anew.", index[0])
            job.indexes.discard([number])


@functools.lru_cache(maxsize=1)
def _index_of_shards(index: tuple[Path, str] | None) -> Index:
    """An index, which a process loads once, and searches for many shards."""
    cause: Exception | None = None
    try:
        if index is not None and digest_of(index[0] / ABOUT) == index[1]:
            return load_index(index[0])
    except (OSError, UserError) as error:
        cause = error
    raise JobError(
        "The index of a large block is damaged. The same command builds it anew."
    ) from cause


def _run(job: NeighborJob, engine: EngineSettings) -> None:
    """Indexes the large blocks, then finds the neighbors of all products."""
    indexed = [rows.stop - rows.start for rows in job.plan.indexes]
    asked = [shard.asked.stop - shard.asked.start for shard in job.plan.searches]
    with engine_running(engine):
        if indexed:
            work = functools.partial(write_index, job)
            run_shards(work, job.indexes, indexed, engine, "Indexing large blocks")
        work = functools.partial(write_neighbors, job)
        run_shards(work, job.shards, asked, engine, "Finding neighbors")


def write_index(job: NeighborJob, number: int, report: Callable[[int], None]) -> None:
    """Builds the index of a large block, and writes the name of its folder."""
    vectors = job.column("vectors", job.plan.indexes[number])
    # A new folder each time: two machines may do the same shard at once.
    name = f"index-{uuid.uuid4().hex}"
    index = build_index(vectors, job.retrieval, job.recall, job.k, floor=job.floor)
    index.save(job.indexes.folder / name)
    with job.indexes.writing(number) as unfinished:
        digest = digest_of(job.indexes.folder / name / ABOUT)
        unfinished.write_text(f"{name} {digest}")
    report(len(vectors))


def write_neighbors(
    job: NeighborJob, number: int, report: Callable[[int], None]
) -> None:
    """Finds the neighbors of one shard's products, and writes them."""
    search = job.plan.searches[number]
    vectors = job.column("vectors", search.asked)
    if search.index < 0:
        blocks = job.column("blocks", search.asked)
        found = nearest(
            vectors, job.k, blocks, job.retrieval, recall=job.recall, floor=job.floor
        )
    else:
        index = _index_of_shards(job.index(search.index))
        asked, first = search.asked, search.among.start
        own = np.arange(asked.start - first, asked.stop - first)
        found = index.search(vectors, job.k + 1).without(own)
    with job.shards.writing(number) as unfinished:
        np.savez(unfinished, indices=found.indices, similarities=found.similarities)
    report(len(vectors))


def _put_together(job: NeighborJob, order: np.ndarray) -> Neighbors:
    """The neighbors of all shards, in the order of the catalog's rows."""
    found = Neighbors.none(len(order), job.k)
    for path, search in zip(job.shards.paths(), job.plan.searches, strict=True):
        with np.load(path, allow_pickle=False) as shard:
            inside, similarities = shard["indices"], shard["similarities"]
        rows = order[search.asked]
        found.indices[rows] = np.where(inside < 0, -1, order[search.among][inside])
        found.similarities[rows] = similarities
    return found
