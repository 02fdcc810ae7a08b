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
from charset_normalizer import from_bytes

from cv_tf.catalog.raw_table import RawTable, Rows, of_rows
from cv_tf.errors import UserError
from cv_tf.spelling import EDGES

SEPARATORS = ",\t;|"
_NAMES = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "bars"}
_MAX_CELL = 2**26  # Characters; Python's own limit is that of a short description.
# Rows at a time: fewer than Python creates before it looks for garbage. And cells.
_BATCH, _MOST_CELLS = 2**8, 2**20
_FEW_CELLS = 2**24  # Of a file, below which those of a row are not counted.
_HEAD = 2**16  # Bytes in which the header is looked for.
_PIECE = 2**20  # Bytes that are decoded at a time.
# Bytes of a text in which blanks around quotes are looked for, and most of them.
_MOST_UNTIDY, _MOST_BLANKS = 2**28, 1000
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # Begins with the next but one.
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_WIDE = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")  # Also without a mark.
_LATIN = re.compile("[A-Za-z]{3}")
# Letters outside of ASCII by which an encoding is guessed, bytes around each, and what
# is level among guesses, of which the one that spreadsheets write comes first.
_GUESSED_BY, _AROUND, _LEVEL, _EXCELS_OWN = 2000, 200, 0.02, "cp1252"
_ODD = re.compile(
    r"(?<=[^\W\d_])[^\w\s\x00-\x7f\u2019](?=[^\W\d_])|[\xb2\xb3\xb9](?=[^\W\d_])|\ufffd"
)
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]+")
_SAMPLED = 50  # Rows by which it is told what separates cells.
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\1*', re.IGNORECASE)
# What other tools leave before a quote, besides tabs, and spaces, which are skipped.
_BEFORE_QUOTES = "\ufeff\xa0\u200b"
_limit = threading.Lock()


def read_csv(source: str, content: bytes) -> RawTable:
    """Reads the text of a table: UTF-8, or another encoding, which is said.

    UTF-16 and UTF-32 are told by their marks or zeros. A text that is not UTF-8, and of
    which few letters would be, is in the encoding in which it makes the most sense,
    such as Windows-1252. Cells are separated by what splits the first rows into most
    cells, equally many in each.

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
    head = content[:_HEAD].decode(encoding, errors="ignore")
    separator, num_skipped = _separator(head)
    if separator != "," and (separator != "\t" or ".tsv" not in source.lower()):
        name = _NAMES.get(separator, repr(separator))
        logging.warning("%s: cells are separated by %s, not commas.", source, name)
    try:
        if known_as != "UTF-8":
            content, encoding = _transcoded(content, encoding), "utf-8"
        _check_text(content)
        how = (encoding, separator, num_skipped)
        with _long_cells():
            if known_as == "UTF-8" and _is_neat(content, separator):
                with contextlib.suppress(csv.Error):
                    return _parse(source, content, *how)
            return _read_neat(source, _without_blanks(content, separator), *how)
    except UnicodeDecodeError as error:
        raise UserError(
            f"the text is not {known_as}: {error}. Save the table as UTF-8; "
            "spreadsheets call that 'CSV UTF-8'."
        ) from error


def _check_text(content: bytes) -> None:
    """Raises `UserError` if a text in UTF-8 is none, or has a line of no table."""
    if b"\0" in content:
        raise UserError(
            "the text has NUL bytes, so that the file is damaged or not text. Export "
            "the table again, as CSV in UTF-8."
        )
    start = 0
    while len(content) - start > _MAX_CELL:
        ends = (content.rfind(it, start, start + _MAX_CELL) for it in (b"\n", b"\r"))
        start = max(ends) + 1
        if not start:
            raise UserError(
                f"a line has more than {_MAX_CELL:,} bytes. Look for line breaks that "
                "are missing; the file may be no table."
            )


def _is_neat(content: bytes, separator: str) -> bool:
    """Whether no quote has blanks before it but spaces, which are skipped anyway."""
    blanks = "" if content.isascii() else _BEFORE_QUOTES
    blanks += "\t" if separator != "\t" else ""
    return all(content.find(f'{blank}"'.encode(), 1) < 0 for blank in blanks)


def _transcoded(content: bytes, encoding: str) -> bytes:
    """A text in UTF-8, a piece at a time: in memory, letters may take four bytes."""
    decoder = codecs.getincrementaldecoder(encoding)()
    text = bytearray()
    for start in range(0, len(content), _PIECE):
        piece = content[start : start + _PIECE]
        text += decoder.decode(piece, start + _PIECE >= len(content)).encode()
    return bytes(text)


def _without_blanks(content: bytes, separator: str) -> bytes:
    """A text in UTF-8 without blanks around the quotes of its cells."""
    if len(content) > _MOST_UNTIDY:
        raise UserError(
            "the text has quotes that are not closed, or blanks around them, and is "
            "too large to mend. Export the table again, or save it as Parquet."
        )
    blank = b"|".join(
        re.escape(it.encode()) for it in sorted(set(EDGES) - set("\r\n" + separator))
    )
    mark, most = re.escape(separator.encode()), _MOST_BLANKS
    begins = rb'(?:^|(?<=[\r\n])|(?<=%b))((?:%b){0,%d})"' % (mark, blank, most)
    ends = re.compile(rb"(?:%b){0,%d}(?=[\r\n]|%b|\Z)" % (blank, most, mark))
    opening, quotes = re.compile(begins), re.compile(b'"+')
    kept, done, place = [], 0, 0
    while opened := opening.search(content, place):
        place = opened.end()
        closed = quotes.search(content, place)
        while closed and len(closed[0]) % 2 == 0:  # Each two of them are one.
            closed = quotes.search(content, closed.end())
        if not closed:
            break
        if ended := ends.match(content, closed.end()):
            kept += [content[done : opened.start(1)], content[place - 1 : closed.end()]]
            done = place = ended.end()
    return b"".join([*kept, content[done:]])


def _parse(
    source: str, content: bytes, encoding: str, separator: str, num_skipped: int
) -> RawTable:
    text = io.TextIOWrapper(io.BytesIO(content), encoding, newline="")
    has_few = content.count(separator.encode()) < _FEW_CELLS
    with text:
        batches = _batches(text, separator, num_skipped, has_few)
        return of_rows(source, batches, len(content))


def _read_neat(
    source: str, content: bytes, encoding: str, separator: str, num_skipped: int
) -> RawTable:
    try:
        return _parse(source, content, encoding, separator, num_skipped)
    except csv.Error as error:
        raise UserError(
            f"{error}. Look for a quote that is not closed, or not doubled."
        ) from error


class _Lines:
    """The lines of a text, for a reader of rows.

    Attributes:
      num_marks: Separators in the lines of a row so far, from which cells are made.
    """

    def __init__(self, text: TextIO, separator: str):
        self.num_marks = 0
        self._text = text
        self._separator = separator

    def __iter__(self) -> Iterator[str]:
        for line in self._text:
            self.num_marks += line.count(self._separator)
            if self.num_marks > _MOST_CELLS:
                raise UserError(
                    f"a row has more than {_MOST_CELLS:,} cells. The file may be no "
                    "table."
                )
            yield line


def _batches(
    text: TextIO, separator: str, num_skipped: int, has_few: bool
) -> Iterator[Rows]:
    """The cells of some rows at a time, and the line where each starts."""
    for _ in range(num_skipped):
        text.readline()
    lines = _Lines(text, separator)
    source = text if has_few else lines
    reader = csv.reader(source, delimiter=separator, skipinitialspace=True, strict=True)
    before = num_skipped
    try:
        while rows := (
            list(itertools.islice(reader, _BATCH)) if has_few else _take(reader, lines)
        ):
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


def _take(reader: Iterable[list[str]], lines: _Lines) -> list[list[str]]:
    """The next rows; fewer where they have very many cells."""
    rows: list[list[str]] = []
    num_cells = 0
    for row in reader:
        lines.num_marks = 0
        rows.append(row)
        num_cells += len(row)
        if len(rows) == _BATCH or num_cells > _MOST_CELLS:
            break
    return rows


def _count_breaks(cell: str) -> int:
    return cell.count("\n") + cell.count("\r") - cell.count("\r\n")


def _encoding(content: bytes) -> str:
    for mark, encoding in _MARKS.items():
        if content.startswith(mark):
            return encoding
    head = content[:_HEAD]
    if b"\0" not in head:
        return "utf-8" if _is_utf_8(content) else _guess(content)
    # Whatever its cells hold, a table has columns with Latin names.
    texts = ((name, head.decode(name, errors="ignore")) for name in _WIDE)
    return next((name for name, text in texts if _LATIN.search(text)), "utf-8")


def _is_utf_8(content: bytes) -> bool:
    """Whether a text is UTF-8, or should be: most of its letters are."""
    decoder = codecs.getincrementaldecoder("utf-8")()  # A letter may be in two pieces.
    try:
        for start in range(0, len(content), _PIECE):
            piece = content[start : start + _PIECE]
            decoder.decode(piece, start + _PIECE >= len(content))
    except UnicodeDecodeError:
        text = content[max(start - _PIECE, 0) : start + _PIECE].decode(errors="replace")
        num_wrong = text.count("\ufffd")
        return sum(not letter.isascii() for letter in text) > 4 * num_wrong
    return True


def _guess(content: bytes) -> str:
    """The encoding in which a text that is not UTF-8 makes the most sense."""
    places = itertools.islice(_BEYOND_ASCII.finditer(content), _GUESSED_BY)
    lines = {_line_at(content, place.start()) for place in places}
    sample = b"\n".join(sorted(lines))
    matches = list(from_bytes(sample))
    if not matches:
        return "utf-8"
    least = min(match.chaos for match in matches)
    likely = {
        encoding: match.coherence
        for match in matches
        if match.chaos < least + _LEVEL
        for encoding in match.could_be_from_charset
    }

    def sense(encoding: str) -> tuple[int, float]:
        odd = _ODD.findall(sample.decode(encoding, errors="replace"))
        return -len(odd), likely[encoding] + _LEVEL * (encoding == _EXCELS_OWN)

    return max(likely, key=sense)


def _line_at(content: bytes, place: int) -> bytes:
    """The line of a text around a place, of bounded length."""
    start = content.rfind(b"\n", max(place - _AROUND, 0), place) + 1
    end = content.find(b"\n", place, place + _AROUND)
    return content[
        start or max(place - _AROUND, 0) : end if end >= 0 else place + _AROUND
    ]


def _separator(head: str) -> tuple[str, int]:
    """What separates cells, and the number of lines to skip."""
    first = next(iter(head.splitlines()), "").strip(" \ufeff")
    if match := _SEPARATOR_LINE.fullmatch(first):
        return match[1], 1
    lines = re.sub('"[^"]*"', "quoted", head).splitlines()
    lines = [line for line in lines if line.strip(SEPARATORS + " ")][: _SAMPLED + 1]
    header, rows = lines[0] if lines else "", lines[1:-1]  # The last may be cut.
    # A mark within the names or cells of a table is not as often in each row.
    num_cells = {mark: header.count(mark) for mark in SEPARATORS}
    steady = [
        mark
        for mark in SEPARATORS
        if num_cells[mark] and all(row.count(mark) == num_cells[mark] for row in rows)
    ]
    if "," in steady:  # Beside which tabs are blanks around cells.
        steady = [mark for mark in steady if mark != "\t"]
    if rows and steady:
        return max(steady, key=num_cells.__getitem__), 0
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
