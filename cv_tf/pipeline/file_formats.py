"""Says what a file is that is no photo, by its first bytes."""

from __future__ import annotations

from cv_tf.errors import UserError

START = 1024  # Bytes of a file that `why_no_photo` looks at.

_ADVICE = "Save it as JPEG."
_READ = {  # Formats that are read: a file that starts so is a damaged photo.
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG": "PNG",
    b"GIF8": "GIF",
    b"BM": "BMP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
}
_JPEG_2000, _JPEG_XL = "JPEG 2000", "JPEG XL"
_CAMERA_RAW = ("camera raw, the unprocessed data of a camera", _ADVICE)
_VIDEO = ("a video", "Save one of its pictures as JPEG.")
_ARCHIVE = "Unpack it first."
_STARTS = {
    b"\0\0\0\x0cjP  ": (_JPEG_2000, _ADVICE),
    b"\xff\x4f\xff\x51": (_JPEG_2000, _ADVICE),
    b"\0\0\0\x0cJXL ": (_JPEG_XL, _ADVICE),
    b"\xff\x0a": (_JPEG_XL, _ADVICE),
    b"%PDF": ("PDF, a document", "Save its picture as JPEG."),
    b"%!PS": ("PostScript, a document", "Save its picture as JPEG."),
    b"\xc5\xd0\xd3\xc6": ("EPS, a drawing", _ADVICE),
    b"8BPS": ("PSD, a Photoshop document", _ADVICE),
    b"gimp xcf": ("XCF, a GIMP document", _ADVICE),
    b"\x76\x2f\x31\x01": ("OpenEXR", _ADVICE),
    b"#?RADIANCE": ("Radiance HDR", _ADVICE),
    b"\0\0\x01\0": ("ICO, an icon", _ADVICE),
    b"II\xbc\x01": ("JPEG XR", _ADVICE),
    b"FUJIFILMCCD-RAW": _CAMERA_RAW,
    b"HEAPCCDR": _CAMERA_RAW,
    b"IIU\0": _CAMERA_RAW,
    b"IIRO": _CAMERA_RAW,
    b"IIRS": _CAMERA_RAW,
    b"MMOR": _CAMERA_RAW,
    b"FOVb": _CAMERA_RAW,
    b"\0MRM": _CAMERA_RAW,
    b"\x1a\x45\xdf\xa3": _VIDEO,
    b"FLV\x01": _VIDEO,
    b"\0\0\x01\xba": _VIDEO,
    b"PK\x03\x04": ("ZIP, an archive", _ARCHIVE),
    b"PK\x05\x06": ("ZIP, an archive", "It is empty."),
    b"\x1f\x8b": ("gzip, a compressed file", _ARCHIVE),
    b"BZh": ("bzip2, a compressed file", _ARCHIVE),
    b"\xfd7zXZ\0": ("xz, a compressed file", _ARCHIVE),
    b"7z\xbc\xaf\x27\x1c": ("7-Zip, an archive", _ARCHIVE),
    b"Rar!": ("RAR, an archive", _ARCHIVE),
    b"\xd0\xcf\x11\xe0": ("a Microsoft Office document", "Save its picture as JPEG."),
    b"\0\x05\x16\x07": (
        "AppleDouble, notes of macOS on a file",
        "Name the file itself, without '._'.",
    ),
    b"version https://git-lfs": ("a pointer of Git LFS", "Run: git lfs pull"),
}
_INSIDE = (  # What stands at a place behind the start of a file.
    (8, b"WEBPVP", ("WebP that is damaged or not supported here", _ADVICE)),
    (8, b"AVI ", _VIDEO),
    (8, b"CR\x02", _CAMERA_RAW),
    (128, b"DICM", ("DICOM, a medical image", _ADVICE)),
    (257, b"ustar", ("tar, an archive", _ARCHIVE)),
)
_XML = (b"<svg", b"<?xml", b"<!--", b"<!doctype svg")
_BLANKS = b"\xef\xbb\xbf \t\r\n"  # With the mark of UTF-8.
_HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs")


class BadImageError(UserError):
    """A photo that cannot be used; the message says why in plain words."""


def why_no_photo(start: bytes) -> str:
    """Why a file is not read as an image, by its first `START` bytes."""
    if not start:
        return "the file is empty"
    known = _name(start)
    if known:
        return _cannot_be_read(*known)
    for magic, name in _READ.items():
        if start.startswith(magic):
            return f"damaged or truncated, or of a kind of {name} that is not read"
    if not start.strip(b"\0"):
        return "not an image (only zeros: an unfinished download?)"
    text = start.lstrip(_BLANKS).lower()
    if text.startswith((b"<html", b"<!doc")):
        return "not an image (a web page?)"
    unknown = "an unknown format" if b"\0" in start else "a text file?"
    return f"not an image ({unknown})"


def _cannot_be_read(what: str, advice: str) -> str:
    return f"not an image that can be read: {what}. {advice}"


CAMERA_RAW = _cannot_be_read(*_CAMERA_RAW)  # For files that look like TIFF.


def _name(start: bytes) -> tuple[str, str] | None:
    """What a file is and what can be done about it; None where that is not known."""
    if start[4:8] == b"ftyp":
        return _name_of_boxes(start)
    for at, magic, known in _INSIDE:
        if start.startswith(magic, at):
            return known
    text = start.lstrip(_BLANKS).lower()
    if text.startswith(_XML) and b"<svg" in text:
        return "SVG, a drawing", _ADVICE
    return next((of for magic, of in _STARTS.items() if start.startswith(magic)), None)


def _name_of_boxes(start: bytes) -> tuple[str, str]:
    """What a file of the MPEG-4 family is, by its brands."""
    length = int.from_bytes(start[:4], "big")
    box = start[8 : max(length, 16)]
    brands = [box[at : at + 4] for at in (0, *range(8, len(box), 4))]
    if any(brand in _HEIC for brand in brands):
        return "HEIC, an Apple photo format", _ADVICE
    if any(brand in (b"avif", b"avis") for brand in brands):
        return "AVIF that is damaged or not supported here", _ADVICE
    if brands[0] in (b"mif1", b"msf1", b"heif"):
        return "HEIF, a photo format", _ADVICE
    if brands[0] == b"crx ":
        return _CAMERA_RAW
    return _VIDEO
