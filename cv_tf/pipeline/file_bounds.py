"""Bounds on what a photo's file announces, checked before a library believes it.

Decoders do as they are told: a small file may ask for a million scans or tags, or for
profiles of a gigabyte. What photos have is far below these bounds.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

from cv_tf.pipeline.file_formats import BadImageError

MOST_NOTES = 32 * 2**20  # Bytes of a file, or of its tags, that are no pixels.
_MOST_CHUNKS = 100_000  # Of PNG.
_MOST_SEGMENTS = 10_000  # Of JPEG, before its pixels.
_MOST_SCANS = 100  # Of JPEG: each goes over all of its pixels.
_MOST_TAGS = 100_000  # Of TIFF and EXIF, in all directories.
_MOST_PAGES = 1000  # Of TIFF.
_MOST_PIECES = 1_000_000  # Packets and blocks of JPEG 2000.
_SUB_DIRECTORIES = (34665, 34853, 40965)  # EXIF, GPS, interoperability.
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
_SIZES |= {13: 4, 16: 8, 17: 8, 18: 8}  # Bytes of a value of TIFF, by its type.
_NEXT_MARKER = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]")


def check_bounds(content: bytes) -> None:
    """Checks the content of a photo's file before it is opened.

    Raises:
      BadImageError: If it announces more than any photo has.
    """
    if content.startswith(b"\xff\xd8"):
        _check_jpeg(content)
    elif content.startswith(b"\x89PNG"):
        _check_png(content)
    elif content.startswith(b"GIF8"):
        _check_gif(content)
    elif content.startswith((b"II", b"MM")):
        check_tags(content)
    elif content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        _check_webp(content)
    elif b"\xff\x4f\xff\x51" in content[:4096]:
        _check_jpeg_2000(content)


def _too_much(what: str, most: int) -> BadImageError:
    return BadImageError(f"has more than {most:,} {what}, as no photo has")


def _check_notes(num_bytes: int) -> None:
    if num_bytes > MOST_NOTES:
        raise _too_much("bytes beside the pixels", MOST_NOTES)


# JPEG.


class JpegSegment(NamedTuple):
    """A segment of a JPEG file: its marker, and where its data are, in bytes."""

    marker: int
    start: int
    end: int


def jpeg_segments(content: bytes) -> Iterator[JpegSegment]:
    """The segments of a JPEG file up to that which begins its pixels, included."""
    at = 2
    while at + 4 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if marker == 0xFF:  # Filling.
            at += 1
            continue
        end = at + 2 + int.from_bytes(content[at + 2 : at + 4], "big")
        yield JpegSegment(marker, at + 4, end)
        if marker == 0xDA:
            return
        at = end


def _check_jpeg(content: bytes) -> None:
    notes, start = 0, 0
    for number, (marker, start, end) in enumerate(jpeg_segments(content)):
        if number >= _MOST_SEGMENTS:
            raise _too_much("segments", _MOST_SEGMENTS)
        if marker >= 0xE0:
            notes += end - start
            _check_notes(notes)
        if marker == 0xE1 and content.startswith(b"Exif\0\0", start):
            check_tags(content[start + 6 : end])
    if content.count(b"\xff\xda", start) > _MOST_SCANS:
        _check_scans(content, start)


def _check_scans(content: bytes, at: int) -> None:
    """Counts the scans from a place on, which end with the file or the first photo."""
    for number in range(_MOST_SCANS + 1):
        scan = number
        while (found := _NEXT_MARKER.search(content, at)) is not None:
            marker, at = content[found.end() - 1], found.end()
            if marker in (0xD8, 0xD9):
                return
            at += int.from_bytes(content[at : at + 2], "big")
            if marker == 0xDA:
                scan += 1
                break
        if scan == number:
            return
    raise _too_much("scans", _MOST_SCANS)


def keeps_coefficients(content: bytes) -> bool:
    """Whether a JPEG file is decoded in several scans, all of which are in memory.

    These are progressive files, and those that have their channels one after the other.
    """
    channels = 0
    for marker, start, _ in jpeg_segments(content):
        if marker in (0xC2, 0xC6, 0xCA, 0xCE):
            return True
        if marker in (0xC0, 0xC1, 0xC9):
            channels = content[start + 5] if start + 5 < len(content) else 0
        if marker == 0xDA and start < len(content):
            return content[start] < channels
    return False


# PNG, GIF and WebP.


def _check_png(content: bytes) -> None:
    at, number, notes = 8, 0, 0
    while at + 8 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, at)
        number += 1
        if number > _MOST_CHUNKS:
            raise _too_much("chunks", _MOST_CHUNKS)
        if kind not in (b"IDAT", b"fdAT"):
            notes += length
            _check_notes(min(notes, len(content)))
        if kind == b"eXIf":
            check_tags(content[at + 8 : at + 8 + length])
        if kind == b"IEND":
            return
        at += 12 + length


def _check_gif(content: bytes) -> None:
    """Comments and notes before the first picture: small blocks, one by one."""
    if len(content) < 13:
        return
    flags = content[10]
    at = begin = 13 + (3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0)
    while at < len(content) and content[at] == 0x21:
        at += 2
        while at < len(content) and content[at]:
            at += 1 + content[at]
            if at - begin > MOST_NOTES // 32:
                raise _too_much("bytes beside the pixels", MOST_NOTES // 32)
        at += 1
        if at - begin > MOST_NOTES // 32:
            raise _too_much("bytes beside the pixels", MOST_NOTES // 32)


def _check_webp(content: bytes) -> None:
    at, number, notes = 12, 0, 0
    while at + 8 <= len(content):
        kind, length = struct.unpack_from("<4sI", content, at)
        number += 1
        if number > _MOST_CHUNKS:
            raise _too_much("chunks", _MOST_CHUNKS)
        if kind not in (b"VP8 ", b"VP8L", b"ALPH", b"ANMF"):
            notes += length
            _check_notes(min(notes, len(content)))
        if kind == b"EXIF":
            start = at + 8 + 6 * content.startswith(b"Exif\0\0", at + 8)
            check_tags(content[start : at + 8 + length])
        at += 8 + length + length % 2


# TIFF, which is also the form of EXIF.


def check_tags(content: bytes) -> None:
    """Counts the tags of TIFF or EXIF, and the bytes that they ask to be read.

    Raises:
      BadImageError: If there are more than in any photo.
    """
    order = "<" if content.startswith(b"II") else ">"
    is_big = content[2:4] in (b"+\0", b"\0+")
    offset = _read(content, f"{order}Q" if is_big else f"{order}I", 8 if is_big else 4)
    seen: set[int] = set()
    waiting = [] if offset is None else [offset]
    tags = notes = 0
    while waiting:
        at = waiting.pop()
        if at in seen or not at:
            continue
        seen.add(at)
        if len(seen) > _MOST_PAGES:
            raise _too_much("pages", _MOST_PAGES)
        count = _read(content, f"{order}Q" if is_big else f"{order}H", at) or 0
        tags += count
        if tags > _MOST_TAGS:
            raise _too_much("tags", _MOST_TAGS)
        end = at + (8 if is_big else 2) + count * (20 if is_big else 12)
        notes += sum(_values(content, order, is_big, at, end, waiting))
        if notes > len(content):  # A file may be all layers, but not several times.
            _check_notes(notes)
        next_page = _read(content, f"{order}Q" if is_big else f"{order}I", end)
        waiting += [] if next_page is None else [next_page]


def _values(
    content: bytes, order: str, is_big: bool, at: int, end: int, found: list[int]
) -> Iterator[int]:
    """Bytes that each tag of a directory has elsewhere; other directories: `found`."""
    form = struct.Struct(f"{order}HHQ8s" if is_big else f"{order}HHI4s")
    inline = 8 if is_big else 4
    for place in range(at + (8 if is_big else 2), end, form.size):
        if place + form.size > len(content):
            return
        tag, kind, count, data = form.unpack_from(content, place)
        size = count * _SIZES.get(kind, 0)
        if size > inline:
            yield min(size, len(content))
        if tag in _SUB_DIRECTORIES:
            found.append(int.from_bytes(data, "little" if order == "<" else "big"))


def _read(content: bytes, form: str, at: int) -> int | None:
    if at + struct.calcsize(form) > len(content):
        return None
    return struct.unpack_from(form, content, at)[0]


# JPEG 2000.


def _check_jpeg_2000(content: bytes) -> None:
    """Multiplies what the pixels are divided into: tiles, layers, packets, blocks."""
    at = content.index(b"\xff\x4f\xff\x51") + 2
    size = content[at + 4 : at + 42]
    if len(size) < 38:
        return
    right, bottom, left, top, tile_width, tile_height = struct.unpack(">6I", size[2:26])
    channels = int.from_bytes(size[34:36], "big")
    width, height = right - left, bottom - top
    style = _coding_style(content, at)
    if min(width, height, tile_width, tile_height) <= 0 or style is None:
        return
    layers, levels, block_area, packet_area = style
    tiles = -(-width // tile_width) * -(-height // tile_height)
    pixels = min(width, tile_width) * min(height, tile_height) * tiles * channels
    packets = layers * (tiles * channels * (levels + 1) + 2 * pixels // packet_area)
    pieces = packets + 2 * pixels // block_area
    if pieces > _MOST_PIECES:
        raise _too_much("pieces that are coded apart", _MOST_PIECES)


def _coding_style(content: bytes, at: int) -> tuple[int, int, int, int] | None:
    """Layers, levels, and the least pixels of a block and of a packet's region."""
    while at + 4 <= len(content) and content[at] == 0xFF:
        marker, length = struct.unpack_from(">xBH", content, at)
        if marker == 0x52:
            data = content[at + 4 : at + 2 + length]
            if len(data) < 10:
                return None
            layers, levels = int.from_bytes(data[2:4], "big"), data[5]
            block_area = 2 ** ((data[6] & 15) + (data[7] & 15) + 4)
            sides = data[10:] if data[0] & 1 else b"\xff"
            packet_area = min((2 ** ((s & 15) + (s >> 4)) for s in sides), default=1)
            return layers, levels, block_area, packet_area
        if marker in (0x90, 0x93, 0xD9):
            return None
        at += 2 + length
    return None


def levels_of(content: bytes) -> int:
    """How often a JPEG 2000 file can be halved when it is decoded."""
    start = content.find(b"\xff\x4f\xff\x51")
    style = None if start < 0 else _coding_style(content, start + 2)
    return style[1] if style else 0
