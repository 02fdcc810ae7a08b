"""Opens images of many formats with Pillow: checked, upright, 8 bits, sRGB, on white.

TensorFlow is not imported here, because pages show photos without it.
"""

from __future__ import annotations

from typing import BinaryIO

from PIL import Image, ImageFile, UnidentifiedImageError, features

from cv_tf.pipeline.bit_depths import load_eight_bits
from cv_tf.pipeline.color_profiles import to_srgb
from cv_tf.pipeline.damage import check_png, has_late_notes
from cv_tf.pipeline.file_formats import CAMERA_RAW, START, BadImageError, why_no_photo

_MAX_PIXELS = 100_000_000
Image.init()
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


def open_image(file: BinaryIO) -> ImageFile.ImageFile:
    """Opens the content of an image file, without reading its pixels.

    Raises:
      BadImageError: If the file is not an image of a known format, which it names, is
        damaged, or has more than 100 million pixels.
    """
    start = file.read(START)
    file.seek(0)
    try:
        image = Image.open(file, formats=_FORMATS)
    except UnidentifiedImageError as error:
        raise BadImageError(why_no_photo(start)) from error
    except Image.DecompressionBombError as error:
        raise _too_large("more pixels than any photo") from error
    except Exception as error:  # Pillow's plugins raise nearly anything.
        raise BadImageError(f"damaged or truncated ({error})") from error
    if image.width * image.height > _MAX_PIXELS:
        raise _too_large(f"{image.width} x {image.height} pixels")
    if image.format == "TIFF" and _is_camera_raw(start, image):
        raise BadImageError(CAMERA_RAW)
    return image


def _is_camera_raw(start: bytes, image: ImageFile.ImageFile) -> bool:
    """Whether what Pillow takes for TIFF is the small preview in a camera's file."""
    tags = image.tag_v2  # type: ignore[attr-defined]  # TIFF has them.
    is_preview = bool(tags.get(_REDUCED, 0) & 1) and _SUB_IFDS in tags
    return start[8:10] == b"CR" or _DNG_VERSION in tags or is_preview


def orientation(image: ImageFile.ImageFile) -> int:
    """How an opened image must be turned to be upright, as EXIF counts: 1 to 8.

    The pixels are read only if that is said after them, as PNG allows.
    """
    try:
        if image.format == "PNG" and image.fp and has_late_notes(image.fp):
            _load(image)
        # Not `image.getexif`, which reads the pixels of every PNG file.
        turn = Image.Image.getexif(image).get(_ORIENTATION, 1)
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


def plain_rgb(image: ImageFile.ImageFile, least_side: int) -> Image.Image:
    """Reads the pixels of an opened image: 8-bit RGB, upright, sRGB, on white.

    JPEG is decoded at a fraction of its size at which both sides have `least_side`
    pixels or more; all others are as large as they are.

    Raises:
      BadImageError: If the image is damaged.
    """
    try:
        profile = image.info.get("icc_profile")
        turn = 1 if image.format == "TIFF" else orientation(image)  # Pillow turns TIFF.
        image.draft("RGB", (least_side, least_side))
        plain = _load(image)
        if turn != 1:
            plain = plain.transpose(_TURNS[turn])
        plain = _on_white(plain, profile)
    except BadImageError:
        raise
    except Exception as error:  # Pillow's plugins raise nearly anything.
        raise BadImageError(f"damaged or truncated ({error})") from error
    plain.info.clear()  # Else the profile would be saved with it.
    return plain


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
