"""What the pages of a Parquet file hold, by the pages, which no other part can belie.

A column of a Parquet file is a row of pages, each with a header: how many values it
holds, and their size before compression. A reader decodes by these headers, whatever
is told elsewhere: a file of a few bytes may ask for more memory than there is.

Source: github.com/apache/parquet-format, and Thrift's compact protocol.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, BinaryIO, NamedTuple

_MOST_PAGES = 250_000
_MOST_FOOTER = 2**24  # Bytes of what a file says of itself.
_HEAD, _MOST_HEAD = 2**9, 2**24  # Bytes of the header of a page: of most, and of any.
_MOST_DEPTH = 12
# Where the number of values is told: in pages of values, and in their second version;
# and the field there that tells the encoding.
_VALUES = {5: 2, 8: 4}
_OWN_BYTES = (0, 6)  # Encodings in which each text has its own bytes.
# Readers go on for so many bytes in files of a former writer that counted wrongly.
_BEYOND = 100
_FORMER = b"parquet-mr"


class Chunk(NamedTuple):
    """A column of a group of rows, by what a file says of itself.

    Attributes:
      encodings: Numbers of the encodings of its pages.
      num_values: Number of values; of lists, of all lists.
      start: Where its pages begin.
      end: Where they end.
    """

    encodings: tuple[int, ...]
    num_values: int
    start: int
    end: int


class Pages(NamedTuple):
    """What a column holds.

    Attributes:
      num_values: Number of values, null or not; of a column of lists, of all lists.
      num_bytes: Size of all pages before compression.
      largest: Size of the largest page before compression.
      expands: Whether a text may be told by less than its own bytes: by its place in a
        dictionary, or by what it has in common with the one before.
    """

    num_values: int
    num_bytes: int
    largest: int
    expands: bool


def read_footer(stream: BinaryIO, size: int) -> list[list[Chunk]]:
    """Reads what a file says of its columns: their chunks, by group of rows.

    Args:
      stream: The file.
      size: Number of its bytes.

    Raises:
      ValueError: If it is no Parquet file, encrypted, or damaged.
    """
    stream.seek(max(size - 8, 0))
    end = stream.read(8)
    length = int.from_bytes(end[:4], "little")
    if len(end) == 8 and end[4:] == b"PARE":
        raise ValueError("it is encrypted")
    if len(end) < 8 or end[4:] != b"PAR1" or length + 12 > size:
        raise ValueError("it is no Parquet file, or its end is missing")
    if length > _MOST_FOOTER:
        raise ValueError(f"its footer has {length:,} bytes, as no table needs")
    stream.seek(size - 8 - length)
    try:
        footer = _Thrift(stream.read(length)).struct()
        beyond = _BEYOND if bytes(footer.get(6, b"")).startswith(_FORMER) else 0
        return [[_chunk(it, beyond) for it in group[1]] for group in footer[4]]
    except (IndexError, KeyError, TypeError, AttributeError) as error:
        raise ValueError("its footer is damaged") from error


def _chunk(told: dict[int, Any], beyond: int) -> Chunk:
    about = told[3]
    start, first = about[9], about.get(11, 0)
    if 0 < first < start:  # A page with a dictionary comes before the others.
        start = first
    encodings = tuple(map(int, about[2]))
    return Chunk(encodings, about[5], start, start + about[7] + beyond)


def read_pages(stream: BinaryIO, chunks: Sequence[Chunk]) -> Pages:
    """Reads the headers of all pages of a column.

    Args:
      stream: The file.
      chunks: The chunks of the column.

    Raises:
      ValueError: If the headers are damaged, or too many.
    """
    found: list[Pages] = []
    for chunk in chunks:
        place, num_values = chunk.start, 0
        # Pages are read until they have as many values as they should.
        while place < chunk.end and num_values < chunk.num_values:
            page, place = _read_page(stream, place)
            num_values += page.num_values
            found.append(page)
            if len(found) > _MOST_PAGES:
                raise ValueError(f"a column has more than {_MOST_PAGES:,} pages")
    return Pages(
        num_values=sum(page.num_values for page in found),
        num_bytes=sum(page.num_bytes for page in found),
        largest=max((page.largest for page in found), default=0),
        expands=any(page.expands for page in found),
    )


def _read_page(stream: BinaryIO, place: int) -> tuple[Pages, int]:
    """A page by its header at a place of a file, and where the next one begins."""
    if place < 0:
        raise ValueError("a page is outside of the file")
    for size in (_HEAD, _MOST_HEAD):
        stream.seek(place)
        reader = _Thrift(stream.read(size))
        try:
            head = reader.struct()
            break
        except IndexError as error:
            if size == _MOST_HEAD:
                raise ValueError("the header of a page is cut off") from error
    told = [(head[it], it) for it in _VALUES if isinstance(head.get(it), dict)]
    before, after, *numbers = (
        number if isinstance(number, int) else -1
        for number in (head.get(2), head.get(3), *(of.get(1) for of, _ in told))
    )
    if min(before, after, *numbers) < 0:
        raise ValueError("the header of a page has no sizes, or negative ones")
    expands = any(of.get(_VALUES[field]) not in _OWN_BYTES for of, field in told)
    page = Pages(sum(numbers), before, before, expands)
    return page, place + reader.place + after


class _Thrift:
    """Reads structures of Thrift's compact protocol.

    Raises:
      IndexError: Where the data end too early.
      ValueError: Where they are damaged.
    """

    def __init__(self, data: bytes):
        self.data = data
        self.place = 0

    def struct(self, depth: int = 0) -> dict[int, Any]:
        """The fields of a structure by their numbers."""
        if depth > _MOST_DEPTH:
            raise ValueError("it is nested too deeply")
        fields: dict[int, Any] = {}
        number = 0
        while begin := self._byte():
            step, kind = begin >> 4, begin & 15
            number = number + step if step else self._signed()
            fields[number] = kind == 1 if kind in (1, 2) else self._value(kind, depth)
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        if kind in (1, 2, 3):  # Within a list, a truth value takes a byte.
            return self._byte()
        if kind in (4, 5, 6):
            return self._signed()
        if kind == 7:
            return self._bytes(8)
        if kind == 8:
            return self._bytes(self._number())
        if kind in (9, 10):
            begin = self._byte()
            length = begin >> 4 if begin >> 4 < 15 else self._number()
            if length > len(self.data) - self.place:  # Each takes a byte or more.
                raise IndexError
            return [self._value(begin & 15, depth + 1) for _ in range(length)]
        if kind == 12:
            return self.struct(depth + 1)
        raise ValueError("it has a value of an unknown kind")

    def _byte(self) -> int:
        self.place += 1
        return self.data[self.place - 1]

    def _bytes(self, length: int) -> bytes:
        start = self.place
        self.place += length
        if self.place > len(self.data):
            raise IndexError
        return self.data[start : self.place]

    def _number(self) -> int:
        number = 0
        for shift in range(0, 70, 7):
            byte = self._byte()
            number |= (byte & 127) << shift
            if byte < 128:
                return number
        raise ValueError("it has a number that is too long")

    def _signed(self) -> int:
        number = self._number()
        return (number >> 1) ^ -(number & 1)
