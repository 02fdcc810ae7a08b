"""A new file of embeddings, from rows of earlier ones."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cv_tf.catalog import Catalog, read_batches
from cv_tf.embeddings.embeddings import EmbeddingsError
from cv_tf.embeddings.parquet import CHUNK, LISTS, fingerprint_of, to_table
from cv_tf.embeddings.parquet_folder import opened

_COLOR = 3  # Values of a color in CIELAB.


class RowsOf(NamedTuple):
    """Rows of a file of embeddings, for some of n products.

    Attributes:
      path: The file, with colors (`lab`).
      row: [n] int64, row of each product there; -1 for products of other files.
    """

    path: Path
    row: np.ndarray


def gather_vectors(output: Path, catalog: Catalog, sources: Sequence[RowsOf]) -> None:
    """Writes the products of a catalog with vectors and colors of other files.

    These are taken over bit for bit, in whatever order they are there; all other
    columns are the catalog's. Each file is read once, from top to bottom, and some
    ten thousand vectors are in memory; all are in a nameless file beside the output
    meanwhile, which takes as much of the disk as they do.

    Args:
      output: File to write.
      catalog: Catalog of n products.
      sources: Files that together have each product once, of one Embedder.

    Raises:
      EmbeddingsError: If a file is damaged or has no colors, a product has no row in
        any, or the files are of two Embedders, or of vectors of two widths.
    """
    _check(catalog, sources)
    width = _width(sources)
    catalog = _with_packshots(catalog, sources)
    with tempfile.TemporaryFile(dir=output.parent) as file:
        shape = (len(catalog), _COLOR + width)
        values = np.memmap(file, np.float32, "w+", shape=shape)
        for source in sources:
            for products, rows in _rows_of(source):
                values[products] = rows
        model = fingerprint_of(sources[0].path)
        writer = None
        for start in range(0, len(catalog), CHUNK):
            some = np.arange(start, min(start + CHUNK, len(catalog)))
            lab, vectors = np.split(np.asarray(values[some]), [_COLOR], axis=1)
            table = to_table(catalog.select(some), vectors, lab, model)
            if writer is None:
                writer = pq.ParquetWriter(
                    output, table.schema, write_page_checksum=True
                )
            writer.write_table(table.cast(writer.schema))
        if writer is not None:
            writer.close()


def _check(catalog: Catalog, sources: Sequence[RowsOf]) -> None:
    count = sum((source.row >= 0).astype(np.int64) for source in sources)
    wrong = np.flatnonzero(np.broadcast_to(count, len(catalog)) != 1)
    if len(wrong):
        raise EmbeddingsError(
            f"The product {catalog.product_id[wrong[0]]!r} has a row in "
            f"{np.broadcast_to(count, len(catalog))[wrong[0]]} files of vectors; "
            "expected one. Embed it, or leave it out."
        )
    models = {fingerprint_of(source.path): source.path for source in sources}
    if len(models) > 1:
        raise EmbeddingsError(
            f"{' and '.join(map(str, models.values()))} hold vectors of different "
            "Embedders, which cannot be compared. Embed all products with one."
        )


def _with_packshots(catalog: Catalog, sources: Sequence[RowsOf]) -> Catalog:
    """The catalog, with the photo that was shown of each product that has several."""
    if catalog.more_images is None:
        return catalog
    image = catalog.image.copy()
    for source in sources:
        with opened(str(source.path)) as table:
            batches = list(read_batches(table, ["image"], CHUNK))
        shown = [name for batch in batches for name in batch["image"].to_pylist()]
        for product in np.flatnonzero(source.row >= 0):
            before = shown[source.row[product]]
            if before in catalog.more_images[product]:
                image[product] = before
    return replace(catalog, image=image)


def _width(sources: Sequence[RowsOf]) -> int:
    """The dimensions of the vectors, of which all files have equally many."""
    widths: dict[int, Path] = {}
    for source in sources:
        with opened(str(source.path)) as table:
            kinds = [
                table.schema.field(name).type if name in table.schema.names else None
                for name in LISTS
            ]
        sizes = [getattr(kind, "list_size", 0) for kind in kinds]
        if sizes[0] != _COLOR or sizes[1] < 1:
            raise EmbeddingsError(
                f"'{source.path}' has no columns 'lab' and 'embedding' as python -m "
                "cv_tf.embed writes them. Make it anew with that."
            )
        widths[sizes[1]] = source.path
    if len(widths) > 1:
        raise EmbeddingsError(
            f"{' and '.join(map(str, widths.values()))} have vectors of "
            f"{' and '.join(map(str, widths))} dimensions, which cannot be compared. "
            "Embed all products with the same --dimensions."
        )
    return next(iter(widths))


def _rows_of(source: RowsOf) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields numbers of products, [m] int64, with their values, [m, 3 + dimensions]."""
    order = np.flatnonzero(source.row >= 0)
    order = order[np.argsort(source.row[order], kind="stable")]
    wanted = source.row[order]
    done = 0
    with opened(str(source.path)) as table:
        for batch in read_batches(table, LISTS, CHUNK):
            first, last = np.searchsorted(wanted, [done, done + len(batch)])
            if first < last:
                here = wanted[first:last] - done
                values = [_values(batch[name])[here] for name in LISTS]
                yield order[first:last], np.concatenate(values, axis=1)
            done += len(batch)
    if len(wanted) and wanted[-1] >= done:
        raise EmbeddingsError(
            f"'{source.path}' has {done:,} products, and the row {wanted[-1] + 1:,} is "
            "asked for. Make it anew with python -m cv_tf.embed."
        )


def _values(lists: pa.Array) -> np.ndarray:
    flat = lists.flatten().cast(pa.float32())
    return flat.to_numpy(zero_copy_only=False).reshape(len(lists), -1)
