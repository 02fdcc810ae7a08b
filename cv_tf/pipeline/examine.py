"""Examines one encoded photo: whether it can be used, and how it must be read."""

from __future__ import annotations

import functools
import io
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from PIL import Image, ImageFile

from cv_tf.pipeline.color_profiles import changes_colors
from cv_tf.pipeline.damage import has_hole
from cv_tf.pipeline.file_bounds import keeps_coefficients
from cv_tf.pipeline.file_formats import BadImageError
from cv_tf.pipeline.frames import Array, library_of
from cv_tf.pipeline.image_files import open_image, orientation, plain_rgb, shown_size
from cv_tf.pipeline.memory_budget import PIXELS
from cv_tf.pipeline.resample import box_thumbnail

THUMBNAIL_SIDE = 128
JPEG, PNG, CONVERTED = "jpeg", "png", "converted"
RATIOS = (1, 2, 4, 8)
NO_BOXES = np.empty((0, 4))
# Pixels of the largest PNG file, or JPEG file of several scans, that is decoded for
# each batch: many at a time, and all of their pixels.
MOST_NATIVE_PIXELS = 2**24

_DECODED_SIDE = 224  # Pixels, at least, of the longer side of what is decoded.
_MOST_KEPT = 2**19  # Pixels that are kept of a photo, for its square.
_COPY_SIDE = 1024  # Pixels of the longer side of a copy, or of the smallest box in it.
_MAX_COPY_SIDE = 4096
_NATIVE_BYTES = 10  # That decoding takes for a pixel: TensorFlow's, and Pillow's copy.


@dataclass(frozen=True)
class Examined:
    """What is known about a photo after decoding it once."""

    kind: str  # `JPEG` or `PNG` if TensorFlow reads it correctly; else `CONVERTED`.
    height: int  # Pixels of the photo as it is displayed: upright, in its full size.
    width: int
    thumbnail: np.ndarray  # [128, 128, 3] uint8; the aspect ratio is not kept.
    # [h, w, 3] uint8, what the thumbnail was made from: all of the photo, at the ratio
    # of `thumbnail_reader`, or its copy; None if they are too many to be kept.
    pixels: np.ndarray | None = None
    converted: bytes | None = None  # The copy, as PNG; None if there is none.
    copy_height: int = 0  # Pixels of the copy.
    copy_width: int = 0


def examine(encoded: bytes, boxes: np.ndarray = NO_BOXES) -> Examined:
    """Decodes a photo once and completely.

    JPEG and PNG files that TensorFlow reads correctly are read by it, large ones at a
    fraction of their size. All others (WebP, CMYK, palettes, transparency, 16 bits,
    turned by EXIF, colors other than sRGB, PNG and progressive JPEG of more than 16
    million pixels, ...) are converted: upright, sRGB, on white, at most `copy_side`
    pixels a side for the boxes that are cut from the photo, [k, 4].

    Raises:
      BadImageError: If the file is not an image, is damaged, truncated or too large.
    """
    image = open_image(io.BytesIO(encoded))
    width, height = shown_size(image)
    is_jpeg = image.format in ("JPEG", "MPO")
    if is_jpeg and has_hole(encoded):
        raise BadImageError("damaged (there is nothing but zeros in a part of it)")
    kind = _native_kind(image, encoded)
    if kind:
        try:
            return Examined(kind, height, width, *_decode_native(encoded, kind, image))
        except tf.errors.InvalidArgumentError:
            pass  # Pillow says better what is wrong.
    side = copy_side(width, height, boxes)
    with plain_rgb(image, side) as copy:
        if kind == JPEG and not _has_arithmetic_codes(encoded):
            raise BadImageError("damaged (its pixels cannot be decoded)")
        copy.thumbnail((side, side), Image.Resampling.BOX)
        file = io.BytesIO()
        copy.save(file, "PNG", compress_level=1)
        converted, pixels = file.getvalue(), np.asarray(copy)
        return Examined(
            CONVERTED,
            height,
            width,
            box_thumbnail(pixels, THUMBNAIL_SIDE),
            _if_few(pixels),
            converted,
            *copy.size[::-1],
        )


def copy_side(width: int, height: int, boxes: np.ndarray) -> int:
    """Pixels of the longer side of a converted copy of a photo.

    Boxes are [k, 4], x, y, width and height in pixels of the photo as it is displayed.
    The copy has 1024 pixels, or as many as give the smallest box 1024, but at most 4096
    and no more than the photo.
    """
    start = np.clip(boxes[:, :2], 0, (width, height))
    sides = np.clip(boxes[:, :2] + boxes[:, 2:], 0, (width, height)) - start
    longest = max(width, height)
    smallest = sides[sides.min(axis=1) > 0].max(axis=1).min(initial=longest)
    wanted = np.ceil(_COPY_SIDE * longest / max(smallest, 1.0))
    return int(min(wanted, longest, _MAX_COPY_SIDE))


def _native_kind(image: ImageFile.ImageFile, encoded: bytes) -> str | None:
    """The kind of file that TensorFlow decodes as `plain_rgb` does; None for others."""
    kind = None
    is_small = image.width * image.height <= MOST_NATIVE_PIXELS
    if image.format in ("JPEG", "MPO") and image.mode in ("RGB", "L"):
        kind = JPEG if is_small or not keeps_coefficients(encoded) else None
    if image.format == "PNG" and image.mode in ("RGB", "L") and is_small:
        eight_bits = encoded[24] == 8  # Pillow's mode does not tell 16 bits from 8.
        if eight_bits and "transparency" not in image.info:
            kind = PNG
    if kind and orientation(image) == 1 and not changes_colors(image):
        return kind
    return None


def _has_arithmetic_codes(jpeg: bytes) -> bool:
    """Whether a JPEG file is of a kind that TensorFlow may not decode."""
    return any(bytes((0xFF, marker)) in jpeg for marker in range(0xC9, 0xCC))


def thumbnail_reader(size: Array) -> Array:
    """At which of `RATIOS` JPEG files are decoded for their thumbnails, [n] int32.

    Sizes are [n, 2] integers, height and width in pixels. The decoded photo has the
    pixels of a thumbnail, and on its longer side those of most squares, so that one
    decoding is enough for both.
    """
    xp = library_of(size)
    height, width = size[:, 0], size[:, 1]
    fits = xp.minimum(
        xp.minimum(height, width) // THUMBNAIL_SIDE,
        xp.maximum(height, width) // _DECODED_SIDE,
    )
    # All photos are as large as the first ratio, 1, asks for.
    is_fine = xp.stack([fits >= ratio for ratio in RATIOS[1:]], axis=1)
    number = xp.sum(xp.asarray(is_fine, np.int32), axis=1)
    return xp.asarray(number, np.int32)  # Sums may have more bits.


def _decode_native(
    encoded: bytes, kind: str, image: ImageFile.ImageFile
) -> tuple[np.ndarray, np.ndarray | None]:
    """Decodes the whole file to a thumbnail, and to pixels if they are few."""
    num_pixels, ratio = image.width * image.height, 1
    kept = 0
    if kind == JPEG:
        ratio = _thumbnail_ratio(*image.size)
        kept = 6 * num_pixels if keeps_coefficients(encoded) else 0
    needed = _NATIVE_BYTES * num_pixels // ratio**2 + kept
    with PIXELS.hold(needed), tf.device("/CPU:0"):
        if kind == PNG:
            pixels = tf.io.decode_png(encoded, channels=3).numpy()
        else:
            pixels = tf.io.decode_jpeg(encoded, channels=3, ratio=ratio).numpy()
        return box_thumbnail(pixels, THUMBNAIL_SIDE), _if_few(pixels)


@functools.lru_cache(maxsize=1024)
def _thumbnail_ratio(width: int, height: int) -> int:
    return RATIOS[int(thumbnail_reader(np.array([[height, width]]))[0])]


def _if_few(pixels: np.ndarray) -> np.ndarray | None:
    return pixels if pixels.shape[0] * pixels.shape[1] <= _MOST_KEPT else None
