"""Text of CSV files: how its letters are stored, how its cells are separated, rows."""

from __future__ import annotations

import codecs
import contextlib
import csv
import io
import itertools
import re
import threading
from collections.abc import Iterable, Iterator
from typing import TextIO

from absl import logging

from cv_tf.catalog.raw_table import RawTable, Rows, of_rows
from cv_tf.errors import UserError

SEPARATORS = ",\t;|"
_NAMES = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "bars"}
_MAX_CELL = 2**26  # Characters; Python's own limit is that of a short description.
_BATCH = 2**8  # Rows at a time: fewer than Python creates before it looks for garbage.
_HEAD = 2**16  # Bytes in which the header is looked for.
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # Begins with the next but one.
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# Where most bytes of Latin letters are 0, by their number modulo 4.
_ZEROS: dict[tuple[bool, ...], str] = {
    (False, True, False, True): "utf-16-le",
    (True, False, True, False): "utf-16-be",
    (False, True, True, True): "utf-32-le",
    (True, True, True, False): "utf-32-be",
}
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\1*', re.IGNORECASE)
_limit = threading.Lock()


def read_csv(source: str, content: bytes) -> RawTable:
    """Reads the text of a table: UTF-8, or UTF-16 or UTF-32, which is said.

    Cells are separated by commas, or by what the header has instead.

    Args:
      source: Name of the file, for messages.
      content: What is in the file, after decompression.

    Raises:
      UserError: If it is no such text.
    """
    encoding = _encoding(content)
    known_as = encoding.upper().removesuffix("-SIG")
    if not encoding.startswith("utf-8"):
        logging.warning("%s is not UTF-8 but %s, and read as such.", source, known_as)
    elif b"\0" in content:
        raise UserError(
            "the text has NUL bytes, so that the file is damaged or not text. Export "
            "the table again, as CSV in UTF-8."
        )
    head = content[:_HEAD].decode(encoding, errors="ignore")
    separator, num_skipped = _separator(head)
    if separator != "," and (separator != "\t" or ".tsv" not in source.lower()):
        name = _NAMES.get(separator, repr(separator))
        logging.warning("%s: cells are separated by %s, not commas.", source, name)
    text = io.TextIOWrapper(io.BytesIO(content), encoding, newline="")
    try:
        with text, _long_cells():
            return of_rows(source, _batches(text, separator, num_skipped))
    except UnicodeDecodeError as error:
        raise UserError(
            f"the text is not {known_as}: {error}. Save the table as UTF-8; "
            "spreadsheets call that 'CSV UTF-8'."
        ) from error


def _batches(text: TextIO, separator: str, num_skipped: int) -> Iterator[Rows]:
    """The cells of some rows at a time, and the line where each starts."""
    for _ in range(num_skipped):
        text.readline()
    reader = csv.reader(text, delimiter=separator, skipinitialspace=True, strict=True)
    before = num_skipped
    try:
        while rows := list(itertools.islice(reader, _BATCH)):
            after = reader.line_num + num_skipped
            heights: Iterable[int] = itertools.repeat(1, len(rows))
            if after - before > len(rows):
                heights = [1 + sum(map(_count_breaks, row)) for row in rows]
            starts = itertools.accumulate(heights, initial=before + 1)
            yield rows, list(itertools.islice(starts, len(rows)))
            before = after
    except csv.Error as error:
        raise UserError(
            f"line {reader.line_num + num_skipped} is not valid CSV: {error}. "
            "Look for a quote that is not closed, or not doubled."
        ) from error


def _count_breaks(cell: str) -> int:
    return cell.count("\n") + cell.count("\r") - cell.count("\r\n")


def _encoding(content: bytes) -> str:
    for mark, encoding in _MARKS.items():
        if content.startswith(mark):
            return encoding
    head = content[:256]
    zeros = tuple(head[i::4].count(0) * 8 > len(head) for i in range(4))
    return _ZEROS.get(zeros, "utf-8")


def _separator(head: str) -> tuple[str, int]:
    """What separates cells, and the number of lines to skip."""
    first = head.partition("\n")[0].strip("\r \ufeff")
    if match := _SEPARATOR_LINE.fullmatch(first):
        return match[1], 1
    lines = re.sub('"[^"]*"', "quoted", head).splitlines()
    header = next((line for line in lines if line.strip(SEPARATORS + " ")), "")
    separator = max(SEPARATORS, key=header.count)
    return ("," if "," in header else separator), 0


@contextlib.contextmanager
def _long_cells() -> Iterator[None]:
    """Lets the module `csv`, whose limit is one for all threads, read long cells."""
    with _limit:
        before = csv.field_size_limit(_MAX_CELL)
        try:
            yield
        finally:
            csv.field_size_limit(before)
