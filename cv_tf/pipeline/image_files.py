"""Opens images of many formats with Pillow: checked, upright, 8 bits, sRGB, on white.

TensorFlow is not imported here, because pages show photos without it.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from typing import BinaryIO

from PIL import Image, ImageFile, UnidentifiedImageError, features

from cv_tf.pipeline.bit_depths import load_eight_bits
from cv_tf.pipeline.color_profiles import to_srgb
from cv_tf.pipeline.damage import check_png, with_early_notes
from cv_tf.pipeline.file_bounds import check_bounds, keeps_coefficients, levels_of
from cv_tf.pipeline.file_formats import CAMERA_RAW, START, BadImageError, why_no_photo
from cv_tf.pipeline.memory_budget import PIXELS

_MAX_PIXELS = 100_000_000
_MAX_SIDE = 65_535  # Pixels, as in JPEG.
_MOST_MEMORY = 1_900_000_000  # Bytes that a photo which is decoded alone may take.
_AT_ONCE = 2**22  # Pixels of which colors are converted at a time.
_REDUCED_FROM = 2**24  # Pixels of JPEG 2000, which needs much memory.
# Bytes a pixel that decoding takes at most, measured; JPEG after it is made small.
_DECODING = {"JPEG": 8, "MPO": 8, "PNG": 9, "GIF": 9, "BMP": 8, "TIFF": 9}
_DECODING |= {"WEBP": 17, "AVIF": 17}
_DECODING_DEEP = 18  # More than 8 bits a channel.
Image.init()
# Of larger pieces, memory goes back to the system at once. Of smaller ones, which are
# the default, each thread would keep as much as its largest photo has taken.
Image.core.set_block_size(64 * 2**20)
_WANTED = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF")
_FORMATS = [name for name in _WANTED if name in Image.OPEN]  # Some lack AVIF.
if features.check_codec("jpg_2000"):
    _FORMATS.append("JPEG2000")

_ORIENTATION = 0x0112  # A tag of EXIF.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_WIDTH, _HEIGHT, _REDUCED, _SUB_IFDS, _DNG_VERSION = 256, 257, 254, 330, 50706
_BITS, _TILE_WIDTH, _TILE_HEIGHT = 258, 322, 323


def open_image(file: BinaryIO) -> ImageFile.ImageFile:
    """Opens the content of an image file, without reading its pixels.

    Raises:
      BadImageError: If the file is not an image of a known format, which it names, is
        damaged, or has more than 100 million pixels, or more of anything else than a
        photo has.
    """
    content = file.read()
    start = content[:START]
    check_bounds(content)
    file.seek(0)
    try:
        image = Image.open(file, formats=_FORMATS)
        _check_size(image)
        is_raw = image.format == "TIFF" and _is_camera_raw(start, image)
    except (BadImageError, MemoryError):
        raise
    except UnidentifiedImageError as error:
        raise BadImageError(why_no_photo(start)) from error
    except Image.DecompressionBombError as error:
        raise _too_large("more pixels than any photo") from error
    except Exception as error:  # Pillow's plugins raise nearly anything.
        raise BadImageError(f"damaged or truncated ({error})") from error
    if is_raw:
        raise BadImageError(CAMERA_RAW)
    return image


def _is_camera_raw(start: bytes, image: ImageFile.ImageFile) -> bool:
    """Whether what Pillow takes for TIFF is the small preview in a camera's file."""
    tags = image.tag_v2  # type: ignore[attr-defined]  # TIFF has them.
    is_preview = bool(tags.get(_REDUCED, 0) & 1) and _SUB_IFDS in tags
    return start[8:10] == b"CR" or _DNG_VERSION in tags or is_preview


def orientation(image: ImageFile.ImageFile) -> int:
    """How an opened image must be turned to be upright, as EXIF counts: 1 to 8.

    The pixels are not read, although PNG allows to say that after them.
    """
    try:
        noted: Image.Image = image
        if image.format == "PNG" and image.fp:
            late = with_early_notes(image.fp)
            noted = Image.open(io.BytesIO(late), formats=["PNG"]) if late else image
        # Not `image.getexif`, which reads the pixels of every PNG file.
        turn = Image.Image.getexif(noted).get(_ORIENTATION, 1)
        return turn if turn in _TURNS else 1
    except Exception:  # Damaged notes do not make a damaged photo.
        return 1


def shown_size(image: ImageFile.ImageFile) -> tuple[int, int]:
    """Width and height in pixels of an opened image when it is upright."""
    width, height = image.size
    if image.format == "TIFF":  # Some versions of Pillow have turned the size.
        tags = image.tag_v2  # type: ignore[attr-defined]
        width, height = tags[_WIDTH], tags[_HEIGHT]
    return (height, width) if orientation(image) >= 5 else (width, height)


@contextlib.contextmanager
def plain_rgb(image: ImageFile.ImageFile, least_side: int) -> Iterator[Image.Image]:
    """Reads the pixels of an opened image: 8-bit RGB, upright, sRGB, on white.

    JPEG, and JPEG 2000 of more than 16 million pixels, are decoded at a fraction of
    their size at which both sides have `least_side` pixels or more; all others are as
    large as they are. Other threads wait while there is no memory for it; they have it
    after the block.

    Raises:
      BadImageError: If the image is damaged, or takes more memory than photos may.
    """
    pixels = image.width * image.height
    _make_small(image, least_side)
    needed = _memory_of(image, pixels)
    if needed > _MOST_MEMORY:
        raise BadImageError(
            f"too large: decoding it takes {needed / 10**9:.1f} GB of memory, at most "
            f"{_MOST_MEMORY / 10**9:.1f} GB are used. Save it as JPEG."
        )
    with PIXELS.hold(needed):
        plain = _plain(image)
        image.close()  # Its pixels are as large as these.
        yield plain


def _check_size(image: ImageFile.ImageFile) -> None:
    for width, height in (image.size, _tile_size(image)):
        if width * height > _MAX_PIXELS:
            raise _too_large(f"{width} x {height} pixels")
    if max(image.size) > _MAX_SIDE:
        how_large = f"{image.width} x {image.height} pixels"
        raise BadImageError(f"too large: {how_large}, at most {_MAX_SIDE:,} a side")


def _tile_size(image: ImageFile.ImageFile) -> tuple[int, int]:
    """Width and height in pixels of the tiles of a TIFF file; 0 where it has none."""
    tags = getattr(image, "tag_v2", {})
    width, height = (tags.get(tag, 0) for tag in (_TILE_WIDTH, _TILE_HEIGHT))
    return int(width), int(height)


def _make_small(image: ImageFile.ImageFile, least_side: int) -> None:
    """Has the library decode an image at a fraction of its size, if it can."""
    image.draft("RGB", (least_side, least_side))
    if image.format == "JPEG2000" and image.width * image.height > _REDUCED_FROM:
        shrinking = min(image.size) // max(least_side, 1)
        halvings = min(shrinking.bit_length() - 1, levels_of(_content(image)))
        image.reduce = max(halvings, 0)  # type: ignore[assignment, method-assign]


def _memory_of(image: ImageFile.ImageFile, full: int) -> int:
    """Bytes that decoding an image takes at most, of `full` pixels in its file."""
    pixels, channels = image.width * image.height, len(image.getbands())
    content = _content(image)
    if image.format == "JPEG2000":
        halvings = image.reduce if isinstance(image.reduce, int) else 0
        return (pixels >> 2 * halvings) * (6 * channels + 4) + len(content)
    each = _DECODING[str(image.format)]
    if image.format in ("JPEG", "MPO"):  # What scans are kept in is not made small.
        kept = 2 * channels * full if keeps_coefficients(content) else 0
        return pixels * each + kept
    tile_width, tile_height = _tile_size(image)
    pixels = max(pixels, tile_width * tile_height)
    if _is_deep(image):
        each = _DECODING_DEEP
    # Some libraries copy the file, or what of it are no pixels.
    copies = {"WEBP": 1, "AVIF": 1, "TIFF": 1}.get(str(image.format), 0)
    return pixels * each + copies * len(content)


def _is_deep(image: ImageFile.ImageFile) -> bool:
    """Whether an image has more than 8 bits a channel, as far as Pillow shows it."""
    if image.mode[0] in "IF":
        return True
    bits = getattr(image, "tag_v2", {}).get(_BITS, 8)
    if image.format == "PNG":
        bits = int.from_bytes(_content(image)[24:25], "big")
    return max(bits if isinstance(bits, tuple) else (bits,), default=8) > 8


def _content(image: ImageFile.ImageFile) -> bytes:
    """The content of the file of an opened image."""
    file = image.fp
    if file is None:
        return b""
    place = file.tell()
    file.seek(0)
    content = file.read()
    file.seek(place)
    return content


def _plain(image: ImageFile.ImageFile) -> Image.Image:
    try:
        profile = image.info.get("icc_profile")
        turn = 1 if image.format == "TIFF" else orientation(image)  # Pillow turns TIFF.
        loaded = _load(image)
        height, width = loaded.height, loaded.width
        if turn >= 5:
            height, width = width, height
        step = max(1, _AT_ONCE // width)
        if step >= height:
            plain = _on_white(_strip(loaded, turn, 0, height), profile)
        else:
            plain = Image.new("RGB", (width, height))
            for top in range(0, height, step):
                strip = _strip(loaded, turn, top, min(top + step, height))
                plain.paste(_on_white(strip, profile), (0, top))
    except (BadImageError, MemoryError):
        raise
    except Exception as error:  # Pillow's plugins raise nearly anything.
        raise BadImageError(f"damaged or truncated ({error})") from error
    plain.info.clear()  # Else the profile would be saved with it.
    return plain


def _strip(image: Image.Image, turn: int, top: int, bottom: int) -> Image.Image:
    """Rows of an image from `top` to `bottom`, counted when it is turned upright."""
    width, height = image.size
    length = height if turn < 5 else width
    if (top, bottom) != (0, length):
        if turn in (3, 4, 7, 8):  # The first rows are last in the file.
            top, bottom = length - bottom, length - top
        box = (0, top, width, bottom) if turn < 5 else (top, 0, bottom, height)
        image = image.crop(box)
    return image if turn == 1 else image.transpose(_TURNS[turn])


def _load(image: ImageFile.ImageFile) -> Image.Image:
    if image.format == "PNG" and image.fp:  # Pillow reads over wrong checksums.
        check_png(image.fp)
    return load_eight_bits(image)


def _on_white(image: Image.Image, profile: bytes | None) -> Image.Image:
    if image.mode == "La":
        image = image.convert("LA")
    clear = image.convert("RGBA") if image.has_transparency_data else None
    if image.mode in ("1", "LA"):
        image = image.convert("L")
    elif image.mode not in ("L", "RGB", "CMYK", "LAB"):
        image = (clear or image).convert("RGB")
    image = to_srgb(image, profile)
    if clear is None:
        return image
    image.putalpha(clear.getchannel("A"))
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image).convert("RGB")


def _too_large(how_large: str) -> BadImageError:
    return BadImageError(
        f"too large: {how_large}, at most {_MAX_PIXELS // 10**6} million are read"
    )
