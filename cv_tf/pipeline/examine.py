"""Examines one encoded photo: whether it can be used, and how it must be read."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from PIL import Image, UnidentifiedImageError

from cv_tf.pipeline.image_files import BadImageError, open_image, plain_rgb

THUMBNAIL_SIDE = 128
JPEG, PNG, CONVERTED = "jpeg", "png", "converted"
RATIOS = (1, 2, 4, 8)

_MAX_CONVERTED_SIDE = 1024
_EXIF_ORIENTATION = 0x0112


@dataclass(frozen=True)
class Examined:
    """What is known about a photo after decoding it once."""

    kind: str  # `JPEG` or `PNG` if TensorFlow reads it correctly; else `CONVERTED`.
    height: int  # Pixels of the file or of the converted copy.
    width: int
    thumbnail: np.ndarray  # [128, 128, 3] uint8; the aspect ratio is not kept.
    converted: bytes | None = None  # The copy, as PNG; None if there is none.


def examine(encoded: bytes) -> Examined:
    """Decodes a photo once and completely.

    JPEG and PNG files that TensorFlow reads correctly are read by it, large ones at a
    fraction of their size. All others (WebP, CMYK, palettes, transparency, 16 bits,
    turned by EXIF, ...) are converted: upright, on white, at most 1024 pixels a side.

    Raises:
      BadImageError: If the file is not an image, is damaged, truncated or too large.
    """
    image = _open(encoded)
    width, height = image.size
    kind = _native_kind(image, encoded)
    if kind:
        try:
            pixels = _decode_native(encoded, kind, min(width, height))
            return Examined(kind, height, width, _thumbnail(Image.fromarray(pixels)))
        except tf.errors.InvalidArgumentError:
            pass  # Pillow is more lenient, or says better what is wrong.
    image = plain_rgb(image, _MAX_CONVERTED_SIDE)
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1)
    thumbnail = _thumbnail(image)
    return Examined(CONVERTED, image.height, image.width, thumbnail, file.getvalue())


def _open(encoded: bytes) -> Image.Image:
    if not encoded:
        raise BadImageError("the file is empty")
    try:
        return open_image(io.BytesIO(encoded))
    except UnidentifiedImageError as error:
        raise BadImageError(f"not an image ({_looks_like(encoded)})") from error


def _looks_like(encoded: bytes) -> str:
    start = encoded[:512]
    if start.lstrip()[:5].lower() in (b"<html", b"<!doc"):
        return "a web page?"
    return "an unknown format" if b"\0" in start else "a text file?"


def _native_kind(image: Image.Image, encoded: bytes) -> str | None:
    """The kind of file that TensorFlow decodes as Pillow does; None for others."""
    if image.format in ("JPEG", "MPO") and image.mode in ("RGB", "L"):
        return None if _is_turned(image) else JPEG
    if image.format == "PNG" and image.mode in ("RGB", "L"):
        eight_bits = encoded[24] == 8  # Pillow's mode does not tell 16 bits from 8.
        return PNG if eight_bits and "transparency" not in image.info else None
    return None


def _is_turned(image: Image.Image) -> bool:
    try:
        return image.getexif().get(_EXIF_ORIENTATION, 1) in range(2, 9)
    except Exception:  # Damaged EXIF data does not make a damaged photo.
        return False


def _decode_native(encoded: bytes, kind: str, short_side: int) -> np.ndarray:
    """Decodes the whole file; JPEG at the smallest scale that suits the thumbnail."""
    with tf.device("/CPU:0"):
        if kind == PNG:
            return tf.io.decode_png(encoded, channels=3).numpy()
        ratio = max(r for r in RATIOS if r == 1 or short_side >= r * THUMBNAIL_SIDE)
        return tf.io.decode_jpeg(encoded, channels=3, ratio=ratio).numpy()


def _thumbnail(image: Image.Image) -> np.ndarray:
    # In two steps, because the side that Pillow shrinks first depends on its version.
    for size in ((THUMBNAIL_SIDE, image.height), (THUMBNAIL_SIDE, THUMBNAIL_SIDE)):
        image = image.resize(size, Image.Resampling.BOX)
    return np.asarray(image)
