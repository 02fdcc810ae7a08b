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
from cv_tf.spelling import EDGES

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
_WIDE = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")  # Also without a mark.
_LATIN = re.compile("[A-Za-z]{3}")
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\1*', re.IGNORECASE)
# What other tools leave before a quote, besides tabs, and spaces, which are skipped.
_BEFORE_QUOTES = "\ufeff\xa0\u200b"
_limit = threading.Lock()


def read_csv(source: str, content: bytes) -> RawTable:
    """Reads the text of a table: UTF-8, or UTF-16 or UTF-32, which is said.

    Cells are separated by commas, or by what the header has instead.

    Args:
      source: Name of the file, for messages.
      content: The bytes of the file, after decompression.

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
    blanks = "" if content.isascii() else _BEFORE_QUOTES
    blanks += "\t" if separator != "\t" else ""
    quotes = (f'{blank}"'.encode() for blank in blanks)
    is_neat = known_as == "UTF-8" and all(content.find(it, 1) < 0 for it in quotes)
    try:
        with _long_cells():
            if is_neat:
                text = io.TextIOWrapper(io.BytesIO(content), encoding, newline="")
                with text, contextlib.suppress(csv.Error):
                    return of_rows(source, _batches(text, separator, num_skipped))
            neat = _without_blanks(content.decode(encoding), separator)
            return _read_neat(source, neat, separator, num_skipped)
    except UnicodeDecodeError as error:
        raise UserError(
            f"the text is not {known_as}: {error}. Save the table as UTF-8; "
            "spreadsheets call that 'CSV UTF-8'."
        ) from error


def _without_blanks(text: str, separator: str) -> str:
    """A text without blanks around the quotes of its cells."""
    blanks = re.escape("".join(set(EDGES) - set("\r\n" + separator)))
    ends = re.escape(f"{separator}\r\n")
    cell = r'"[^"]*(?:""[^"]*)*"'
    quoted = rf"(^|(?<=[{ends}]))[{blanks}]*({cell})[{blanks}]*(?=[{ends}]|\Z)"
    return re.sub(quoted, r"\2", text)


def _read_neat(source: str, text: str, separator: str, num_skipped: int) -> RawTable:
    lines = io.StringIO(text, newline="")
    batches = _batches(lines, separator, num_skipped)
    try:
        return of_rows(source, batches)
    except csv.Error as error:
        raise UserError(
            f"{error}. Look for a quote that is not closed, or not doubled."
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
        line = reader.line_num + num_skipped
        raise csv.Error(f"line {line} is not valid CSV: {error}") from error


def _count_breaks(cell: str) -> int:
    return cell.count("\n") + cell.count("\r") - cell.count("\r\n")


def _encoding(content: bytes) -> str:
    for mark, encoding in _MARKS.items():
        if content.startswith(mark):
            return encoding
    head = content[:_HEAD]
    if b"\0" not in head:
        return "utf-8"
    # Whatever its cells hold, a table has columns with Latin names.
    texts = ((name, head.decode(name, errors="ignore")) for name in _WIDE)
    return next((name for name, text in texts if _LATIN.search(text)), "utf-8")


def _separator(head: str) -> tuple[str, int]:
    """What separates cells, and the number of lines to skip."""
    first = next(iter(head.splitlines()), "").strip(" \ufeff")
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
