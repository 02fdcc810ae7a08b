"""Parquet files as anybody may have made them: opened, bounded, and read in batches."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cv_tf.catalog.parquet_pages import Chunk, Pages, read_footer, read_pages
from cv_tf.catalog.raw_table import MOST_COLUMNS
from cv_tf.errors import UserError, reading
from cv_tf.files import is_remote, open_binary, reaching, repeated

MOST_LETTERS = 2**26  # Of a cell.
# Encodings of text that Arrow can read as a dictionary.
_AS_DICTIONARY = frozenset((0, 2, 3, 4, 8))
# Bytes of values that any file may hold, and how many times its own size it may, if
# that is more: numbers of one byte take four in memory, and compression halves them.
_MOST_BYTES, _MOST_TIMES = 2**28, 16
# Rows that any file may have; of more, each takes four bytes of the file or more.
_MOST_ROWS, _BYTES_OF_A_ROW = 2**20, 4
_IN_MEMORY = 2**26  # Bytes of values in memory at a time.
_BUFFER = 2**22  # Bytes that are read at a time.


class ParquetTable(NamedTuple):
    """A Parquet file that is open.

    Attributes:
      file: The file.
      stream: Its bytes.
      size: Number of its bytes.
      schema: Its columns, of the types that it tells.
      chunks: The chunks of each column that holds values, in their order.
      texts: Columns of text of which each is read once, however often it is there.
    """

    file: pq.ParquetFile
    stream: BinaryIO
    size: int
    schema: pa.Schema
    chunks: tuple[tuple[Chunk, ...], ...]
    texts: frozenset[str]


@contextlib.contextmanager
def opened_parquet(
    path: str, remedy: str, error_class: type[UserError] = UserError
) -> Iterator[ParquetTable]:
    """Opens a Parquet file; whatever is wrong with it within the block is an error.

    Checksums of pages are verified where the file has them.

    Args:
      path: The file, on disk or in object storage.
      remedy: How a user can mend a damaged file, as a sentence with a full stop.
      error_class: The error to raise.

    Raises:
      UserError: If it is no Parquet file, is encrypted, damaged, or has more than
        16,384 columns.
      OSError: If it cannot be opened.
    """
    with (
        reading(path, "Parquet", remedy, error_class),
        reaching(path),
        open_binary(path) as stream,
    ):
        # Parquet is read from its end, which files of TensorFlow do not let it do.
        source: BinaryIO = io.BytesIO(stream.read()) if is_remote(path) else stream
        size = source.seek(0, io.SEEK_END)
        groups = read_footer(source, size)
        with pq.ParquetFile(source, pre_buffer=False) as file:
            schema = file.schema_arrow
            chunks = _chunks_of(file, groups)
            texts = _texts_of(file.schema, chunks)
        _check_names(schema.names)
        with pq.ParquetFile(
            source,
            read_dictionary=texts,
            buffer_size=_BUFFER,
            pre_buffer=False,
            page_checksum_verification=True,
        ) as file:
            yield ParquetTable(file, source, size, schema, chunks, frozenset(texts))


def _chunks_of(
    file: pq.ParquetFile, groups: Sequence[Sequence[Chunk]]
) -> tuple[tuple[Chunk, ...], ...]:
    """The chunks of each column; those of the file's groups of rows are side by side.

    Arrow's own description of a chunk ends the process if it is damaged.
    """
    num_columns = len(file.schema.names)
    if len(groups) != file.metadata.num_row_groups or any(
        len(group) != num_columns for group in groups
    ):
        raise ValueError("its footer tells of other columns than it has")
    return tuple(zip(*groups, strict=True)) if groups else ((),) * num_columns


def _texts_of(schema: pq.ParquetSchema, chunks: Sequence[Sequence[Chunk]]) -> list[str]:
    """The columns of text, but those that Arrow cannot read as a dictionary."""
    columns = map(schema.column, range(len(schema.names)))
    return [
        column.path
        for column, its_chunks in zip(columns, chunks, strict=True)
        if column.physical_type == "BYTE_ARRAY"
        and not column.max_repetition_level
        and all(_AS_DICTIONARY.issuperset(it.encodings) for it in its_chunks)
    ]


def _check_names(names: Sequence[str]) -> None:
    if len(names) > MOST_COLUMNS:
        what = f"it has {len(names):,} columns"
        raise ValueError(f"{what}; expected {MOST_COLUMNS:,} at most")
    if twice := repeated(names):
        raise ValueError(f"it has two columns {twice[0]!r:.80}")


def read_batches(
    table: ParquetTable, columns: Sequence[str], most_rows: int
) -> Iterator[pa.RecordBatch]:
    """Reads some columns, a number of rows at a time; text is dictionary-encoded.

    Only what is in memory anyway is held: a file cannot ask for more by what it tells.
    For use within `opened_parquet`.

    Args:
      table: The file.
      columns: Names of columns of text, numbers, or lists of numbers.
      most_rows: Most rows at a time.

    Raises:
      ValueError: If the file expands to far more than its size, has a cell of more
        than 2**26 letters, or not as many rows as it tells.
    """
    num_rows = table.file.metadata.num_rows
    most_rows = _check_sizes(table, _pages_of(table, columns), most_rows)
    done = num_bytes = 0
    for batch in table.file.iter_batches(most_rows, columns=list(columns)):
        arrays = [_compact(batch[column]) for column in columns]
        for array in arrays:
            array.validate(full=True)
            if pa.types.is_dictionary(array.type):
                num_bytes += array.dictionary.nbytes
            elif not (pa.types.is_nested(array.type) or _is_number(array.type)):
                num_bytes += array.nbytes
        if num_bytes > max(_MOST_BYTES, _MOST_TIMES * table.size):
            raise ValueError(_say_large(num_bytes, "texts"))
        done += len(batch)
        if done > num_rows:
            break
        yield pa.RecordBatch.from_arrays(arrays, list(columns))
    if done != num_rows:
        raise ValueError(f"it tells of {num_rows:,} rows and has others")


class _Column(NamedTuple):
    """The pages of a column, the bytes of a value, and whether it is read as it is."""

    pages: Pages
    width: int  # 0 for text.
    is_plain: bool


def _pages_of(table: ParquetTable, columns: Sequence[str]) -> list[_Column]:
    """The columns that are read, by the columns of a table.

    A column of lists is one of the values in them, whose name goes on after a dot.
    """
    schema, wanted = table.file.schema, set(columns)
    found = []
    for number in range(len(schema.names)):
        column = schema.column(number)
        if wanted.isdisjoint((column.path, column.path.partition(".")[0])):
            continue
        pages = read_pages(table.stream, table.chunks[number])
        width = 8
        if column.physical_type == "BYTE_ARRAY":
            width = 0
        elif column.physical_type == "FIXED_LEN_BYTE_ARRAY":
            width = max(column.length, 1)
        is_plain = column.path not in table.texts
        found.append(_Column(pages, width, is_plain))
    table.stream.seek(0)
    return found


def _check_sizes(
    table: ParquetTable, columns: Sequence[_Column], most_rows: int
) -> int:
    """Bounds what a file expands to; returns the number of rows to read at a time."""
    num_rows = table.file.metadata.num_rows
    if num_rows > max(_MOST_ROWS, table.size // _BYTES_OF_A_ROW):
        raise ValueError(f"it tells of {num_rows:,} rows, more than it can have")
    most_bytes = max(_MOST_BYTES, _MOST_TIMES * table.size)
    num_bytes = sum(of.pages.num_bytes for of in columns)
    if num_bytes > most_bytes:
        raise ValueError(_say_large(num_bytes, "values"))
    for of, width, is_plain in columns:
        # Numbers become four bytes each; eight would refuse no others.
        if of.num_values * max(width // 2, 4) > most_bytes:
            raise ValueError(_say_large(of.num_values * width, "values"))
        if is_plain and of.expands and not width:  # Each text may fill a page.
            most_rows = min(most_rows, _IN_MEMORY // max(of.largest, 1))
        values_of_a_row = of.num_values / max(num_rows, 1)
        if values_of_a_row * width > 0:
            most_rows = min(most_rows, int(_IN_MEMORY / values_of_a_row / width))
    return max(most_rows, 1)


def _say_large(num_bytes: int, what: str) -> str:
    return (
        f"its {what} take {num_bytes:,} bytes, many times the size of the file: it may "
        "be made to fill the memory"
    )


def _compact(array: pa.Array) -> pa.Array:
    """An array whose dictionary, if it has one, has only what occurs in it."""
    if not pa.types.is_dictionary(array.type):
        _check_lengths(array)
        return array
    array.validate(full=False)
    indices = pc.fill_null(array.indices.cast(pa.int64()), -1)
    indices = indices.to_numpy(zero_copy_only=False)
    used, places = np.unique(indices, return_inverse=True)
    if len(used) and (used[-1] >= len(array.dictionary) or used[0] < -1):
        raise ValueError("a text is missing in its dictionary")
    has_null = int(len(used) > 0 and used[0] == -1)
    texts = array.dictionary.take(pa.array(used[has_null:]))
    _check_lengths(texts)
    places = pa.array(places.reshape(-1) - has_null, pa.int32(), mask=indices == -1)
    return pa.DictionaryArray.from_arrays(places, texts)


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_primitive(kind) or pa.types.is_null(kind)


def _check_lengths(texts: pa.Array) -> None:
    kind = texts.type
    is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    if is_text or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        longest = pc.max(pc.binary_length(texts)).as_py() or 0
        if longest > MOST_LETTERS:
            what = f"a cell has {longest:,} letters"
            raise ValueError(f"{what}; expected {MOST_LETTERS:,} at most")


def read_parquet_schema(path: str | Path, remedy: str) -> pa.Schema:
    """The columns of a Parquet file and what is told with them.

    Raises:
      UserError: If it is no Parquet file, or damaged.
      OSError: If it cannot be opened.
    """
    with opened_parquet(str(path), remedy) as table:
        return table.schema


def write_parquet(path: Path, table: pa.Table) -> None:
    """Writes a Parquet file whose pages have checksums."""
    pq.write_table(table, path, write_page_checksum=True)
