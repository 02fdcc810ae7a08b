"""What the pages of a Parquet file hold, by the pages, which no other part can belie.

A column of a Parquet file is a row of pages, each with a header: how many values it
holds, and their size before compression. A reader decodes by these headers, whatever
is told elsewhere: a file of a few bytes may ask for more memory than there is.

Source: github.com/apache/parquet-format, and Thrift's compact protocol.
"""

from __future__ import annotations

import io
from typing import Any, BinaryIO, NamedTuple

import pyarrow.parquet as pq

_MOST_PAGES = 250_000
_HEAD, _MOST_HEAD = 2**9, 2**24  # Bytes of a header: of most, and of any.
_MOST_DEPTH = 8
# Where the number of values is told: in pages of values, and in their second version.
_VALUES = (5, 8)
# Readers go on for so many bytes in files of a former writer that counted wrongly.
_BEYOND = 100


class Pages(NamedTuple):
    """What a column holds.

    Attributes:
      num_values: Number of values, null or not; of a column of lists, of all lists.
      num_bytes: Size of all pages before compression.
      largest: Size of the largest page before compression.
    """

    num_values: int
    num_bytes: int
    largest: int


def read_pages(stream: BinaryIO, metadata: pq.FileMetaData, column: int) -> Pages:
    """Reads the headers of all pages of a column.

    Args:
      stream: The file.
      metadata: Its metadata.
      column: Number of the column among those that hold values.

    Raises:
      ValueError: If the headers are damaged, or too many.
    """
    found: list[Pages] = []
    beyond = _BEYOND if str(metadata.created_by).startswith("parquet-mr") else 0
    for number in range(metadata.num_row_groups):
        chunk = metadata.row_group(number).column(column)
        if not chunk.num_values:  # No page is looked for.
            continue
        start = chunk.data_page_offset
        if chunk.has_dictionary_page and 0 < chunk.dictionary_page_offset < start:
            start = chunk.dictionary_page_offset
        end = start + chunk.total_compressed_size
        place = start
        while place < end + beyond:
            try:
                page, place = _read_page(stream, place)
            except ValueError:
                if place < end:
                    raise
                break
            found.append(page)
            if len(found) > _MOST_PAGES:
                raise ValueError(f"a column has more than {_MOST_PAGES:,} pages")
    return Pages(
        num_values=sum(page.num_values for page in found),
        num_bytes=sum(page.num_bytes for page in found),
        largest=max((page.largest for page in found), default=0),
    )


def _read_page(stream: BinaryIO, place: int) -> tuple[Pages, int]:
    """A page by its header at a place of a file, and where the next one begins."""
    head, length = {}, 0
    for size in (_HEAD, _MOST_HEAD):
        stream.seek(place)
        data = io.BytesIO(stream.read(size))
        try:
            head, length = _read_struct(data, 0), data.tell()
            break
        except EOFError as error:
            if size == _MOST_HEAD:
                raise ValueError("the header of a page is cut off") from error
    before, after = head.get(2), head.get(3)
    if not (isinstance(before, int) and isinstance(after, int)):
        raise ValueError("the header of a page has no sizes")
    if before < 0 or after < 0:
        raise ValueError("the header of a page has a negative size")
    told = [head[field] for field in _VALUES if isinstance(head.get(field), dict)]
    numbers = [of.get(1, 0) for of in told]
    if not all(isinstance(number, int) and number >= 0 for number in numbers):
        raise ValueError("the header of a page has a negative number of values")
    return Pages(sum(numbers), before, before), place + length + after


def _read_struct(data: io.BytesIO, depth: int) -> dict[int, Any]:
    """The fields of a structure by their numbers; only whole numbers and structures."""
    if depth > _MOST_DEPTH:
        raise ValueError("the header of a page is nested too deeply")
    fields: dict[int, Any] = {}
    number = 0
    while begin := _byte(data):
        step, kind = begin >> 4, begin & 15
        number = number + step if step else _signed(_varint(data))
        if kind in (1, 2):  # True and false.
            continue
        fields[number] = _read_value(data, kind, depth)
    return fields


def _read_value(data: io.BytesIO, kind: int, depth: int) -> Any:
    if kind in (1, 2, 3):  # Within a list, a boolean takes a byte.
        return _byte(data)
    if kind in (4, 5, 6):
        return _signed(_varint(data))
    if kind == 7:
        return _skip(data, 8)
    if kind == 8:
        return _skip(data, _varint(data))
    if kind in (9, 10):
        begin = _byte(data)
        length = begin >> 4 if begin >> 4 < 15 else _varint(data)
        if length > _MOST_HEAD:
            raise ValueError("the header of a page has a list too long")
        for _ in range(length):
            _read_value(data, begin & 15, depth + 1)
        return None
    if kind == 12:
        return _read_struct(data, depth + 1)
    raise ValueError("the header of a page cannot be read")


def _skip(data: io.BytesIO, length: int) -> None:
    if length > _MOST_HEAD:
        raise ValueError("the header of a page has a text too long")
    if len(data.read(length)) < length:
        raise EOFError


def _byte(data: io.BytesIO) -> int:
    byte = data.read(1)
    if not byte:
        raise EOFError
    return byte[0]


def _varint(data: io.BytesIO) -> int:
    number = 0
    for shift in range(0, 70, 7):
        byte = _byte(data)
        number |= (byte & 127) << shift
        if byte < 128:
            return number
    raise ValueError("the header of a page has a number too long")


def _signed(number: int) -> int:
    return (number >> 1) ^ -(number & 1)
