"""Files of tables: CSV, JSON lines, Parquet, spreadsheets, and what is none."""

from __future__ import annotations

import csv
import io
import itertools
import posixpath
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv

from cv_tf.atomic import whole_file
from cv_tf.catalog.cells import Values
from cv_tf.catalog.csv_text import read_csv
from cv_tf.catalog.formulas import marked, marked_table
from cv_tf.catalog.json_tables import SUFFIXES as JSON_LINES, read_json_lines
from cv_tf.catalog.parquet_files import opened_parquet, read_batches, write_parquet
from cv_tf.catalog.raw_table import RawTable, check_cells, to_names
from cv_tf.catalog.spreadsheets import SUFFIXES as SPREADSHEETS, read_spreadsheet
from cv_tf.catalog.xml_feeds import SUFFIXES as FEEDS, is_feed, read_feed
from cv_tf.errors import UserError, reading
from cv_tf.files import read_bounded

_PARQUET = (".parquet", ".pq")
_MAX_BYTES = 2**29  # Of a file, and after decompression: it could fill the memory.
_CHUNK = 2**16  # Bytes that are decompressed at a time.
_GZIP_FORMAT = 31  # For zlib.
_MOST_PARTS = 2**16  # Of a compressed file; some tools make one of each 64 KB.
_ROWS = 2**14  # That are read at a time.
_FORMATS = (
    "Tables are read from CSV, TSV, JSON lines and feeds in XML (also compressed: "
    ".csv.gz), Parquet, .xlsx, .xls and .ods"
)
_TEXTS = (".csv", ".tsv", ".txt", ".tab", ".jsonl", ".ndjson")
SUFFIXES = (*_TEXTS, *FEEDS, ".json", ".gz", *_PARQUET, *SPREADSHEETS)
_GZIP = b"\x1f\x8b"
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"
# How files begin that are no CSV, in small letters, and what they are.
_OTHERS = {
    b"pk\x03\x04": "a ZIP file, such as a spreadsheet (.xlsx, .ods)",
    _OLD_EXCEL: "an old spreadsheet (.xls)",
    b"par1": "a Parquet file",
    _GZIP: "compressed with gzip twice",
    b"%pdf": "a PDF",
    b"<": "a web page or XML, which some shops export as .xls",
    b"sqlite format 3": "an SQLite database",
    b"arrow1": "an Arrow file",
    b"bzh": "compressed with bzip2",
    b"\xfd7zxz": "compressed with xz",
    b"\x28\xb5\x2f\xfd": "compressed with Zstandard",
}


def unit_of(name: str) -> str:
    """What a table's rows are counted in, by its name: lines of text, or rows."""
    is_text = name.lower().removesuffix(".gz").endswith(_TEXTS)
    return "line" if is_text else "row"


def read_file(path: str) -> RawTable:
    """Reads a local or remote file, by its suffix; what is not known is read as CSV.

    Raises:
      UserError: If the file is not a table that can be read at all, or too large.
      OSError: If it cannot be opened.
    """
    name = posixpath.basename(path.rstrip("/"))
    if name.lower().endswith(_PARQUET):
        return _read_parquet(path)
    content = read_bounded(path, _MAX_BYTES)
    with reading(path, "a table", "Export it again, as CSV in UTF-8."):
        if content.startswith(_GZIP):
            content = _decompress(content)
            name = name.removesuffix(".gz")
        return _read_content(name, content)


def _read_content(name: str, content: bytes) -> RawTable:
    is_spreadsheet = content.startswith((b"PK\x03\x04", _OLD_EXCEL))
    if name.lower().endswith(SPREADSHEETS) and is_spreadsheet:
        return read_spreadsheet(name, content)
    begin = content[:64].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if name.lower().endswith(JSON_LINES) or begin.startswith((b"{", b"[")):
        return read_json_lines(name, content)
    if begin.startswith(b"<") and is_feed(content):
        return read_feed(name, content)
    what = next((what for mark, what in _OTHERS.items() if begin.startswith(mark)), "")
    if what or name.lower().endswith(SPREADSHEETS):
        raise UserError(
            f"the file is {what or 'text, not a spreadsheet: name it .csv'}. "
            f"{_FORMATS}, by these suffixes: save it as one of them."
        )
    return read_csv(name, content)


def _decompress(content: bytes) -> bytes:
    """The content of a file of gzip, which may have several parts."""
    text, place, num_parts = bytearray(), 0, 0
    part = zlib.decompressobj(wbits=_GZIP_FORMAT)
    try:
        while place < len(content):
            if part.eof:
                if not content[place] and not content[place:].strip(b"\0"):
                    break  # Zeros fill up a tape.
                part = zlib.decompressobj(wbits=_GZIP_FORMAT)
                num_parts += 1
            piece = content[place : place + _CHUNK]
            text += part.decompress(piece, _CHUNK)
            left = part.unused_data if part.eof else part.unconsumed_tail
            place += len(piece) - len(left)
            if num_parts > _MOST_PARTS:
                raise UserError(
                    f"the file has more than {_MOST_PARTS:,} compressed parts. "
                    "Compress the table as a whole."
                )
            if len(text) > _MAX_BYTES:
                raise UserError(
                    f"the file has more than {_MAX_BYTES:,} bytes, decompressed. "
                    "Save the table as Parquet, or in several files."
                )
        while not part.eof and (rest := part.decompress(part.unconsumed_tail, _CHUNK)):
            text += rest
    except zlib.error as error:
        raise UserError(
            f"the compressed file is damaged: {error}. Copy or write it again."
        ) from error
    if not part.eof:
        raise UserError(
            "the compressed file is damaged: its end is missing. Copy or write it "
            "again."
        )
    return bytes(text)


def _read_parquet(path: str) -> RawTable:
    with opened_parquet(path, "Copy it again, or save the table as CSV.") as table:
        schema = table.schema
        kinds = dict(zip(schema.names, schema.types, strict=True))
        names = [name for name, kind in kinds.items() if not pa.types.is_nested(kind)]
        chunks: dict[str, list[pa.Array]] = {name: [] for name in schema.names}
        num_rows = 0
        for batch in read_batches(table, names, _ROWS):
            num_rows += len(batch)
            check_cells(num_rows, len(names), 0)
            for name in names:
                chunks[name].append(batch[name])
    named = zip(to_names(list(chunks)), chunks, strict=True)
    columns: dict[str, Values] = {}
    for name, as_written in named:
        some = chunks[as_written]
        kind = some[0].type if some else kinds[as_written]
        if name:
            columns[name] = pa.chunked_array(some, kind)
    return RawTable(columns, list(range(1, num_rows + 1)), is_marked=False)


def write_table(path: Path, table: pa.Table, mark_formulas: bool = True) -> None:
    """Writes a .csv or .parquet file, by the suffix of the path; it appears whole.

    In CSV, cells that a spreadsheet would run are marked by an apostrophe, which is
    taken away again where the file is read. Without `mark_formulas`, they are written
    as they are.
    """
    with whole_file(path) as unfinished:
        if path.suffix.lower() == ".csv":
            shown = marked_table(table) if mark_formulas else table
            pyarrow.csv.write_csv(shown, unfinished)
        else:
            write_parquet(unfinished, table)


def write_rows(
    path: Path,
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    line_end: str = "\n",
) -> None:
    """Writes a CSV file a row at a time; it appears whole.

    Text is marked as `write_table` does it, quoted where it has to be, and has question
    marks for what is no text, such as bytes of a file's name.

    Args:
      path: File to write.
      columns: Names of the columns.
      rows: The cells of each row: text, numbers, or None.
      line_end: Characters between two rows.
    """
    with (
        whole_file(path) as unfinished,
        unfinished.open("w", newline="", encoding="utf-8", errors="replace") as file,
    ):
        # With line ends of two characters, either is quoted where it is in a cell.
        line = io.StringIO(newline="")
        writer = csv.writer(line, lineterminator="\r\n")
        for row in itertools.chain([columns], rows):
            writer.writerow([marked(it) if isinstance(it, str) else it for it in row])
            file.write(line.getvalue().removesuffix("\r\n") + line_end)
            line.seek(line.truncate(0))
