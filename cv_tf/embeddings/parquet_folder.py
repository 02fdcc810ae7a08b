"""Tables that are folders of Parquet files, as Spark and other tools write them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from cv_tf.catalog import ParquetTable, opened_parquet
from cv_tf.embeddings.embeddings import EmbeddingsError
from cv_tf.files import is_remote, reaching

_SUFFIXES = (".parquet", ".pq")
# Columns that a table has or has not; a part without any color may lack "lab".
_COLUMNS = ("product_id", "embedding", "block", "image", "color")


class Part(NamedTuple):
    """A file of a table, which may be its only one.

    Attributes:
      path: Its path or URI.
      name: Its name for messages.
      schema: Its columns.
      num_rows: Number of its rows.
    """

    path: str
    name: str
    schema: pa.Schema
    num_rows: int


@contextlib.contextmanager
def opened(path: str) -> Iterator[ParquetTable]:
    """Opens a Parquet file; what is wrong with it within the block is an error.

    Raises:
      EmbeddingsError: If there is no such file, or it is not Parquet.
    """
    remedy = "Copy it again, or make it again with python -m cv_tf.embed."
    try:
        with opened_parquet(path, remedy, EmbeddingsError) as table:
            yield table
    except FileNotFoundError as error:
        raise EmbeddingsError(
            f"{path} does not exist. Make it with python -m cv_tf.embed."
        ) from error


def find_parts(path: str) -> list[Part]:
    """The parts of a table with any rows, in the order of their names.

    A file is its only part. Of a folder, files whose names begin with `.` or `_` are
    left out, as everywhere. A table without any row has its first part alone.

    Raises:
      EmbeddingsError: If a folder has no Parquet file or is of an unfinished job, a
        file cannot be read, or the parts differ in their columns.
    """
    names = _names_in(path)
    paths = [path] if names is None else [f"{path.rstrip('/')}/{n}" for n in names]
    parts = []
    for file_path in paths:
        name = Path(path).name
        if names is not None:
            name += f"/{Path(file_path).name}"
        with opened(file_path) as table:
            rows = table.file.metadata.num_rows
            parts.append(Part(file_path, name, table.schema, rows))
    parts = [part for part in parts if part.num_rows] or parts[:1]
    _check_columns(parts)
    return parts


def _names_in(path: str) -> list[str] | None:
    """The names of the Parquet files of a folder; None for a file."""
    if is_remote(path):
        import tensorflow as tf  # noqa: PLC0415 (for remote files only)

        with reaching(path):
            if not tf.io.gfile.isdir(path):
                return None
            there = tf.io.gfile.listdir(path)
    else:
        if not Path(path).is_dir():
            return None
        there = [child.name for child in Path(path).iterdir()]
    if "job.json" in there:
        raise EmbeddingsError(
            f"{path} holds shards of an embedding that has not finished. Give the same "
            "command of python -m cv_tf.embed again, and name its --output."
        )
    names = [name for name in there if not name.startswith((".", "_"))]
    names = sorted(name for name in names if name.lower().endswith(_SUFFIXES))
    if not names:
        raise EmbeddingsError(
            f"{path} is a folder without Parquet files. Name a file that python -m "
            "cv_tf.embed wrote, or a folder with the parts of such a table side by "
            "side (part-00000.parquet, ...)."
        )
    if not is_remote(path):
        _refuse_folders(Path(path))
    return names


def _refuse_folders(path: Path) -> None:
    """Raises if parts are in folders of a folder, which would be left out."""
    for child in sorted(path.iterdir()):
        is_hidden = child.name.startswith((".", "_"))
        if not is_hidden and child.is_dir() and any(child.glob("*.parquet")):
            raise EmbeddingsError(
                f"{path} holds parts in the folder {child.name!r}. Only parts that are "
                "side by side are read: move all of them into one folder."
            )


def _check_columns(parts: Sequence[Part]) -> None:
    first = parts[0]
    for part in parts[1:]:
        for column in _COLUMNS:
            if (column in part.schema.names) != (column in first.schema.names):
                has, lacks = first.name, part.name
                if column in part.schema.names:
                    has, lacks = lacks, has
                raise EmbeddingsError(
                    f"{has} has a column {column}, and {lacks} has none. All parts of "
                    "a table need the same columns."
                )
