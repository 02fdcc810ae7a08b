"""Examines one encoded photo: can it be used, and how is it to be read."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from PIL import Image, ImageOps, UnidentifiedImageError

from cv_tf.errors import UserError

THUMBNAIL_SIDE = 128
JPEG, PNG, CONVERTED = "jpeg", "png", "converted"
RATIOS = (1, 2, 4, 8)

_MAX_PIXELS = 100_000_000
_MAX_CONVERTED_SIDE = 1024
Image.init()
_FORMATS = tuple(
    name
    for name in ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF")
    if name in Image.OPEN  # Not every build of Pillow reads AVIF.
)
_EXIF_ORIENTATION = 0x0112


class BadImageError(UserError):
    """A photo that cannot be used; the message says why in plain words."""


@dataclass(frozen=True)
class Examined:
    """What is known of a photo after decoding it once.

    Attributes:
      kind: `JPEG` or `PNG`, where TensorFlow reads the file as it should be
        seen; else `CONVERTED`.
      height: In pixels of the file, or of the converted copy.
      width: As height.
      thumbnail: [128, 128, 3] uint8, squashed.
      converted: The photo as PNG, where TensorFlow cannot read the file; else
        None.
    """

    kind: str
    height: int
    width: int
    thumbnail: np.ndarray
    converted: bytes | None = None


def examine(encoded: bytes) -> Examined:
    """Decodes a photo once, whole.

    JPEG and PNG files that TensorFlow reads exactly as they should be seen are
    read by it, at a fraction of their size where they are large. All others
    (WebP, CMYK, palettes, transparency, 16 bit, turned by EXIF, ...) are
    converted: turned upright, laid on white, at most 1024 pixels a side.

    Raises:
      BadImageError: If the photo is no image, truncated or too large.
    """
    image = _open(encoded)
    width, height = image.size
    if width * height > _MAX_PIXELS:
        raise _too_large(f"{width} x {height} pixels")
    kind = _native_kind(image, encoded)
    if kind:
        try:
            pixels = _decode_native(encoded, kind, min(width, height))
            return Examined(kind, height, width, _thumbnail(Image.fromarray(pixels)))
        except tf.errors.InvalidArgumentError:
            pass  # Pillow is more lenient, or knows better what is wrong.
    image = _to_plain_rgb(image)
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1)
    thumbnail = _thumbnail(image)
    return Examined(CONVERTED, image.height, image.width, thumbnail, file.getvalue())


def _open(encoded: bytes) -> Image.Image:
    if not encoded:
        raise BadImageError("the file is empty")
    try:
        return Image.open(io.BytesIO(encoded), formats=_FORMATS)
    except UnidentifiedImageError as error:
        raise BadImageError(f"not an image ({_looks_like(encoded)})") from error
    except Image.DecompressionBombError as error:
        raise _too_large(str(error)) from error
    except Exception as error:  # Pillow's plugins raise nearly anything.
        raise BadImageError(f"damaged or truncated ({error})") from error


def _too_large(how_large: str) -> BadImageError:
    return BadImageError(
        f"too large: {how_large}, at most {_MAX_PIXELS // 10**6} million are read"
    )


def _looks_like(encoded: bytes) -> str:
    start = encoded[:512]
    if start.lstrip()[:5].lower() in (b"<html", b"<!doc"):
        return "a web page?"
    if b"\0" not in start:
        return "a text file?"
    return "an unknown format"


def _native_kind(image: Image.Image, encoded: bytes) -> str | None:
    """Says which TensorFlow decoder sees this file as Pillow would, if any."""
    if image.format in ("JPEG", "MPO") and image.mode in ("RGB", "L"):
        return None if _is_turned(image) else JPEG
    if image.format == "PNG" and image.mode in ("RGB", "L"):
        eight_bits = encoded[24] == 8  # Pillow's mode does not tell 16 bits from 8.
        return PNG if eight_bits and "transparency" not in image.info else None
    return None


def _is_turned(image: Image.Image) -> bool:
    try:
        return image.getexif().get(_EXIF_ORIENTATION, 1) in range(2, 9)
    except Exception:  # Damaged notes do not make a damaged photo.
        return False


def _decode_native(encoded: bytes, kind: str, short_side: int) -> np.ndarray:
    """Decodes all of the file; JPEG at the smallest scale the thumbnail allows."""
    with tf.device("/CPU:0"):
        if kind == PNG:
            return tf.io.decode_png(encoded, channels=3).numpy()
        ratio = max(r for r in RATIOS if r == 1 or short_side >= r * THUMBNAIL_SIDE)
        return tf.io.decode_jpeg(encoded, channels=3, ratio=ratio).numpy()


def _to_plain_rgb(image: Image.Image) -> Image.Image:
    """Turns upright, shrinks, lays on white."""
    try:
        image.draft("RGB", (_MAX_CONVERTED_SIDE, _MAX_CONVERTED_SIDE))
        image.load()
        if _is_turned(image):
            image = ImageOps.exif_transpose(image)
        image = _eight_bits(image)
        if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or (
            "transparency" in image.info
        ):
            image = image.convert("RGBA")
            white = Image.new("RGBA", image.size, "white")
            image = Image.alpha_composite(white, image)
        image = image.convert("RGB")
    except Exception as error:  # Pillow's plugins raise nearly anything.
        why = "truncated" if "truncated" in str(error) else f"damaged ({error})"
        raise BadImageError(why) from error
    image.thumbnail((_MAX_CONVERTED_SIDE,) * 2, Image.Resampling.BOX)
    return image


def _eight_bits(image: Image.Image) -> Image.Image:
    """Scales 16-bit grey to 8 bits, which Pillow would clip."""
    if not image.mode.startswith("I"):
        return image
    pixels = np.asarray(image).astype(np.int64)
    return Image.fromarray((pixels.clip(0, 65535) >> 8).astype(np.uint8))


def _thumbnail(image: Image.Image) -> np.ndarray:
    # Two steps: which side Pillow shrinks first, and rounds, depends on its version.
    for size in ((THUMBNAIL_SIDE, image.height), (THUMBNAIL_SIDE, THUMBNAIL_SIDE)):
        image = image.resize(size, Image.Resampling.BOX)
    return np.asarray(image)
