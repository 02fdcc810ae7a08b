"""What a server has sent, by its first bytes: headers and suffixes may be wrong."""

from __future__ import annotations

from cv_tf.downloads.failures import FetchFailure

START = 64  # Bytes that `suffix_of` looks at.

_PHOTOS = (
    (b"\xff\xd8\xff", "jpg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"II+\0", "tiff"),
    (b"MM\0+", "tiff"),
    (b"\0\0\0\x0cjP  ", "jp2"),
    (b"\xff\x4f\xff\x51", "j2k"),
)
_OTHERS = (
    (b"%PDF", "a PDF"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a file compressed by gzip"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"\0\0\x01\0", "an icon"),
)
_TEXTS = (  # In small letters, after blanks.
    (b"<svg", "SVG, a drawing"),
    (b"<html", "a web page"),
    (b"<!doc", "a web page"),
    (b"<head", "a web page"),
    (b"<body", "a web page"),
    (b"<", "XML or HTML"),
    (b"{", "JSON"),
    (b"[", "JSON"),
)
_BLANKS = b"\xef\xbb\xbf \t\r\n"
SUFFIXES = frozenset({"webp", "avif", "bmp", *(suffix for _, suffix in _PHOTOS)})


def suffix_of(start: bytes) -> str:
    """The suffix for a photo that starts so, such as "jpg".

    Raises:
      FetchFailure: If it is no photo of a format that is read.
    """
    for magic, suffix in _PHOTOS:
        if start.startswith(magic):
            return suffix
    if start.startswith(b"RIFF") and start[8:12] == b"WEBP":
        return "webp"
    # Two letters are too few to tell: the header's size and the reserved zeros follow.
    if start.startswith(b"BM") and start[6:10] == bytes(4):
        return "bmp"
    if start[4:8] == b"ftyp" and _is_avif(start):
        return "avif"
    raise FetchFailure(f"the server sends {_what(start)}, not a photo")


def _is_avif(start: bytes) -> bool:
    length = max(int.from_bytes(start[:4], "big"), 16)
    brands = start[8:length]
    return any(brands[at : at + 4] in (b"avif", b"avis") for at in range(0, 56, 4))


def _what(start: bytes) -> str:
    if start[4:8] == b"ftyp":
        is_heic = start[8:11] in (b"hei", b"hev", b"mif", b"msf")
        return "HEIC, which is not read" if is_heic else "a video"
    text = start.lstrip(_BLANKS).lower()
    known = [what for magic, what in _OTHERS if start.startswith(magic)]
    known += [what for magic, what in _TEXTS if text.startswith(magic)]
    is_text = start.isascii() and b"\0" not in start
    return (*known, "text" if is_text else "something unknown")[0]
