"""Finds damage in files that decoders read over."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from typing import IO

from cv_tf.pipeline.file_formats import BadImageError

_HOLE = bytes(128)
_NOTES = (b"Raw profile type exif\0", b"XML:com.adobe.xmp\0")  # Those Pillow looks at.


def png_chunks(file: IO[bytes]) -> Iterator[tuple[bytes, int, int]]:
    """The kind, place and length in bytes of the data of each chunk of a PNG file.

    The place in the file is put back at the end.
    """
    place = file.tell()
    try:
        at = file.seek(8)
        while len(head := file.read(8)) == 8:
            length, kind = struct.unpack(">I4s", head)
            yield kind, at + 8, length
            if kind == b"IEND":
                return
            at = file.seek(at + 12 + length)
    finally:
        file.seek(place)


def check_png(file: IO[bytes]) -> None:
    """Compares the checksums of what the pixels are made from.

    Raises:
      BadImageError: If one is wrong, or the file is cut short.
    """
    for kind, at, length in png_chunks(file):
        if kind[0] & 0x20:  # Lower case: an ancillary chunk.
            continue
        file.seek(at)
        data, checksum = file.read(length), file.read(4)
        if len(data) < length:
            raise BadImageError("truncated")
        if kind != b"IEND" and checksum != struct.pack(">I", zlib.crc32(kind + data)):
            raise BadImageError(
                f"damaged (the checksum of a chunk {kind.decode('latin-1')} is wrong)"
            )


def with_early_notes(file: IO[bytes]) -> bytes:
    """A PNG file without pixels, whose notes about turning all stand in its beginning.

    Returns b"" if none stands after the pixels. The place in the file is put back.
    """
    chunks = list(png_chunks(file))
    first = next((at for kind, at, _ in chunks if kind == b"IDAT"), None)
    if first is None:
        return b""
    place = file.tell()
    late = []
    for kind, at, length in chunks:
        if at < first or kind not in (b"eXIf", b"tEXt", b"zTXt", b"iTXt"):
            continue
        file.seek(at)
        if kind == b"eXIf" or file.read(32).startswith(_NOTES):
            file.seek(at - 8)
            late.append(file.read(length + 12))
    file.seek(0)
    head, begin = file.read(first - 8), file.read(8)
    file.seek(place)
    return head + b"".join(late) + begin if late else b""


def has_hole(jpeg: bytes) -> bool:
    """Whether zeros stand in the pixels of a JPEG file, as after a broken download.

    Only where that is sure: not in progressive files, nor in those whose codes of zeros
    stand for flat blocks.
    """
    if _HOLE not in jpeg:
        return False
    file = io.BytesIO(jpeg)
    file.seek(2)
    flat, num_channels = True, 0
    while len(head := file.read(4)) == 4 and head[0] == 0xFF:
        marker, length = head[1], int.from_bytes(head[2:], "big") - 2
        data = file.read(length)
        if marker == 0xC4:
            flat &= _zeros_are_flat(data)
        elif marker in (0xC0, 0xC1):
            num_channels = data[5]
        elif marker == 0xDA:
            if flat or num_channels != data[0]:  # Progressive, or several scans.
                return False
            end = jpeg.find(b"\xff\xd9", file.tell())
            return jpeg.find(_HOLE, file.tell(), end) >= 0
    return False


def _zeros_are_flat(tables: bytes) -> bool:
    """Whether zeros end a block, in each of some Huffman tables."""
    while len(tables) > 17:
        is_ac, first = tables[0] >> 4, tables[17]
        if is_ac and first != 0:
            return False
        tables = tables[17 + sum(tables[1:17]) :]
    return True
