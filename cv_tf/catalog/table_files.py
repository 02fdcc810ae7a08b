"""Files of tables: CSV, also compressed, Parquet and spreadsheets, and what is none."""

from __future__ import annotations

import gzip
import io
import posixpath
import zlib
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from cv_tf.atomic import whole_file
from cv_tf.catalog.csv_text import read_csv
from cv_tf.catalog.raw_table import RawTable, to_names
from cv_tf.catalog.spreadsheets import SUFFIXES as SPREADSHEETS, read_spreadsheet
from cv_tf.errors import UserError
from cv_tf.files import is_remote, open_binary

_PARQUET = (".parquet", ".pq")
_MAX_BYTES = 2**32  # Of a file after decompression: a small one could fill the memory.
_CHUNK = 2**24
_FORMATS = "Tables are read from CSV (also .csv.gz), Parquet, .xlsx, .xls and .ods"
_GZIP = b"\x1f\x8b"
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"
# How files begin that are no CSV, in small letters, and what they are.
_OTHERS = {
    b"pk\x03\x04": "a ZIP file, such as a spreadsheet (.xlsx, .ods)",
    _OLD_EXCEL: "an old spreadsheet (.xls)",
    b"par1": "a Parquet file",
    b"%pdf": "a PDF",
    b"<": "a web page or XML, which some shops export as .xls",
    b"{": "JSON",
    b"[": "JSON",
    b"sqlite format 3": "an SQLite database",
    b"arrow1": "an Arrow file",
    b"bzh": "compressed with bzip2",
    b"\xfd7zxz": "compressed with xz",
    b"\x28\xb5\x2f\xfd": "compressed with Zstandard",
}


def unit_of(name: str) -> str:
    """What a table's rows are counted in, by its name: lines of text, or rows."""
    text = (".csv", ".tsv", ".txt", ".tab")
    return "line" if name.lower().removesuffix(".gz").endswith(text) else "row"


def read_file(path: str) -> RawTable:
    """Reads a local or remote file, by its suffix; what is not known is read as CSV.

    Raises:
      UserError: If the file is not a table that can be read at all.
      OSError: If it cannot be opened.
    """
    name = posixpath.basename(path.rstrip("/"))
    if name.lower().endswith(_PARQUET):
        return _read_parquet(path)
    with open_binary(path) as file:
        content = file.read()
    if content.startswith(_GZIP):
        content = _decompress(content)
        name = name.removesuffix(".gz")
    is_spreadsheet = content.startswith((b"PK\x03\x04", _OLD_EXCEL))
    if name.lower().endswith(SPREADSHEETS) and is_spreadsheet:
        return read_spreadsheet(name, content, _MAX_BYTES)
    begin = content[:64].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    what = next((what for mark, what in _OTHERS.items() if begin.startswith(mark)), "")
    if what or name.lower().endswith(SPREADSHEETS):
        raise UserError(
            f"the file is {what or 'text, not a spreadsheet: name it .csv'}. "
            f"{_FORMATS}, by these suffixes: save it as one of them."
        )
    return read_csv(name, content)


def _decompress(content: bytes) -> bytes:
    parts, size = [], 0
    try:
        with gzip.open(io.BytesIO(content)) as file:
            while part := file.read(_CHUNK):
                parts.append(part)
                size += len(part)
                if size > _MAX_BYTES:
                    raise UserError(
                        f"the file has more than {_MAX_BYTES:,} bytes, decompressed. "
                        "Save the table as Parquet, or in several files."
                    )
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(
            f"the compressed file is damaged: {error}. Copy or write it again."
        ) from error
    return b"".join(parts)


def _read_parquet(path: str) -> RawTable:
    try:
        table = _parquet_table(path)
    except pa.ArrowInvalid as error:
        raise UserError(f"not a Parquet file that can be read: {error}") from error
    named = zip(to_names(table.column_names), table.columns, strict=True)
    columns = {name: column for name, column in named if name}
    return RawTable(columns, list(range(1, table.num_rows + 1)))


def _parquet_table(path: str) -> pa.Table:
    if not is_remote(path):
        return pq.read_table(path)
    with open_binary(path) as file:
        return pq.read_table(pa.BufferReader(file.read()))


def write_table(path: Path, table: pa.Table) -> None:
    """Writes a .csv or .parquet file, by the suffix of the path; it appears whole."""
    with whole_file(path) as unfinished:
        if path.suffix.lower() == ".csv":
            pyarrow.csv.write_csv(table, unfinished)
        else:
            pq.write_table(table, unfinished)
