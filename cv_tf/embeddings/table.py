"""The Parquet file of embeddings: how it is written, and what is laid beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cv_tf.catalog import Catalog

# Rows read or written at a time: 64 MB of vectors with 1,024 dimensions.
CHUNK = 16_384
_HEADER = b"cv_tf"


def to_table(
    catalog: Catalog,
    vectors: np.ndarray,
    lab: np.ndarray | None = None,
    model: str = "",
    notes: str = "",
) -> pa.Table:
    """Lays products and their vectors out as they are written to Parquet.

    Args:
      catalog: n products.
      vectors: [n, dimensions] float32, of length 1.
      lab: [n, 3] float32, the products' colors in CIELAB; None to leave them out.
      model: Fingerprint of the Embedder; "" if unknown.
      notes: Any text that should travel with the table.
    """
    names = np.array(catalog.block_names, object)
    columns = {
        "product_id": pa.array(catalog.product_id, pa.string()),
        "block": pa.array(names[catalog.block], pa.string()),
        "image": pa.array(catalog.image, pa.string()),
    }
    if catalog.color is not None:
        columns["color"] = pa.array(catalog.color, pa.string())
    if lab is not None:
        columns["lab"] = _lists(lab)
    columns["embedding"] = _lists(vectors)
    header = json.dumps({"model": model, "notes": notes})
    return pa.table(columns).replace_schema_metadata({_HEADER: header.encode()})


def _lists(rows: np.ndarray) -> pa.Array:
    flat = pa.array(np.ascontiguousarray(rows, np.float32).reshape(-1))
    return pa.FixedSizeListArray.from_arrays(flat, rows.shape[1])


def read_notes(path: str | Path) -> str:
    """The text that `to_table` laid beside a table."""
    return read_header(pq.read_schema(path)).get("notes", "")


def merge_tables(paths: Sequence[Path], output: Path) -> None:
    """Joins tables into one file, a chunk at a time.

    Args:
      paths: Files of `to_table`, in the order of their rows; at least one.
      output: The file to write; it must not be there.
    """
    schema = pq.read_schema(paths[0])
    header = read_header(schema) | {"notes": ""}
    schema = schema.with_metadata({_HEADER: json.dumps(header).encode()})
    with pq.ParquetWriter(output, schema) as writer:
        for batch in _batches(paths):
            writer.write_batch(batch.replace_schema_metadata(schema.metadata))


def _batches(paths: Sequence[Path]) -> Iterator[pa.RecordBatch]:
    for path in paths:
        with pq.ParquetFile(path) as file:
            yield from file.iter_batches(CHUNK)


def read_header(schema: pa.Schema) -> dict[str, str]:
    """What is laid beside a table: the Embedder's fingerprint, and notes."""
    return json.loads((schema.metadata or {}).get(_HEADER, b"{}"))
