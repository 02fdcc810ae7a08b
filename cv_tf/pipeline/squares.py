"""Decodes the bytes of photos to squares in the graph of a SavedModel.

It has only TensorFlow. So photos are examined and their frames found in the graph,
where `scan_photos` uses Pillow and keeps what it found.
"""

from __future__ import annotations

import tensorflow as tf

from cv_tf.pipeline.decode import decode, plan_arrays
from cv_tf.pipeline.examine import (
    MOST_NATIVE_PIXELS,
    RATIOS,
    THUMBNAIL_SIDE,
    thumbnail_reader,
)
from cv_tf.pipeline.frames import WHOLE_PHOTO, border_colors, find_frames

_MOST_PIXELS = 100_000_000  # Of JPEG.
_JPEG_START = b"\xff\xd8\xff"
_ONE = 2.0**22  # Pillow's filter weights are fixed-point numbers of 22 bits.


def read_squares(photos: tf.Tensor, image_size: int, find_frame: bool) -> tf.Tensor:
    """Decodes products' frames, padded to [n, image_size, image_size, 3] uint8.

    The pixels are those of `load_photos` for all photos that it does not convert, and
    for PNG with transparency or a palette. EXIF orientation, color profiles and CMYK of
    JPEG files are ignored.

    Args:
      photos: [n] string, the bytes of JPEG or PNG files.
      image_size: Pixels a side of the squares.
      find_frame: Whether to find the frame on a plain background; if not, it is the
        whole photo.

    Raises:
      tf.errors.InvalidArgumentError: If a photo cannot be decoded, or has more pixels
        than 16 million (PNG) or 100 million (JPEG).
    """
    return tf.map_fn(
        lambda encoded: _read_square(encoded, image_size, find_frame),
        photos,
        fn_output_signature=tf.TensorSpec([image_size, image_size, 3], tf.uint8),
    )


def _read_square(encoded: tf.Tensor, image_size: int, find_frame: bool) -> tf.Tensor:
    is_jpeg = tf.strings.substr(encoded, 0, len(_JPEG_START)) == _JPEG_START
    encoded, size, small = tf.cond(
        is_jpeg, lambda: _examine_jpeg(encoded), lambda: _examine_png(encoded)
    )
    thumbnails = shrink(small)[tf.newaxis]
    frames = find_frames(thumbnails)[0] if find_frame else tf.constant([WHOLE_PHOTO])
    plans = plan_arrays(
        size=tf.cast(size, tf.int64)[tf.newaxis],
        is_jpeg=is_jpeg[tf.newaxis],
        frames=tf.cast(frames, tf.float64),
        background=border_colors(thumbnails),
        image_size=image_size,
    )
    return decode(encoded, type(plans)(*(each[0] for each in plans)), image_size)


def _examine_jpeg(encoded: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """The file, its height and width, and its pixels at thumbnail size or larger."""
    size = tf.io.extract_jpeg_shape(encoded)[:2]
    _check_size(size, _MOST_PIXELS)
    readers = [
        lambda ratio=ratio: tf.io.decode_jpeg(encoded, channels=3, ratio=ratio)
        for ratio in RATIOS
    ]
    reader = thumbnail_reader(size[tf.newaxis])[0]
    return encoded, size, tf.switch_case(reader, readers)


def _examine_png(encoded: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """The file (on white if it is transparent), its height and width, its pixels."""
    sides = tf.strings.substr(encoded, 16, 8)  # Width and height, four bytes each.
    sides = tf.where(tf.strings.length(sides) == 8, sides, tf.constant(bytes(8)))
    _check_size(
        tf.io.decode_raw(sides, tf.int32, little_endian=False), MOST_NATIVE_PIXELS
    )
    pixels = tf.io.decode_png(encoded, channels=4)
    opacity = tf.cast(pixels[..., 3:], tf.float32) / 255.0
    laid = 255.0 + (tf.cast(pixels[..., :3], tf.float32) - 255.0) * opacity
    laid = tf.cast(tf.round(laid), tf.uint8)
    encoded = tf.cond(
        tf.reduce_all(opacity == 1.0),
        lambda: encoded,
        lambda: tf.io.encode_png(laid, compression=1),
    )
    return encoded, tf.shape(laid)[:2], laid


def _check_size(sides: tf.Tensor, most: int) -> None:
    """Fails before a photo is decoded that would take too much memory."""
    num_pixels = tf.reduce_prod(tf.cast(sides, tf.int64))
    tf.debugging.assert_less_equal(
        num_pixels, tf.constant(most, tf.int64), "The photo has too many pixels."
    )


def shrink(pixels: tf.Tensor) -> tf.Tensor:
    """The thumbnail, [128, 128, 3] uint8, of a photo, [height, width, 3] uint8.

    It is that of `examine`, bit for bit, since frames can depend on differences of one
    level: columns come first, each pass is rounded, and weights are Pillow's integers.
    """
    size = tf.shape(pixels)
    pixels = tf.cast(pixels, tf.float64)  # Holds these integers exactly.
    pixels = _scaled(tf.einsum("ow,hwc->hoc", _box_weights(size[1]), pixels))
    pixels = _scaled(tf.einsum("oh,hwc->owc", _box_weights(size[0]), pixels))
    pixels = tf.cast(pixels, tf.uint8)
    return tf.ensure_shape(pixels, [THUMBNAIL_SIDE, THUMBNAIL_SIDE, 3])


def _box_weights(length: tf.Tensor) -> tf.Tensor:
    """Weights, [128, length], of the pixels whose centers lie in each of 128 boxes."""
    scale = tf.cast(length, tf.float64) / THUMBNAIL_SIDE
    center = (tf.range(THUMBNAIL_SIDE, dtype=tf.float64) + 0.5) * scale
    reach = 0.5 * tf.maximum(scale, 1.0)
    first = tf.floor(center - reach + 0.5)[:, tf.newaxis]
    end = tf.floor(center + reach + 0.5)[:, tf.newaxis]
    place = tf.cast(tf.range(length), tf.float64)
    offset = (place + 0.5 - center[:, tf.newaxis]) * (1.0 / tf.maximum(scale, 1.0))
    inside = (offset > -0.5) & (offset <= 0.5) & (place >= first) & (place < end)
    inside = tf.cast(inside, tf.float64)
    shares = inside / tf.reduce_sum(inside, axis=1, keepdims=True)
    return tf.floor(shares * _ONE + 0.5)


def _scaled(sums: tf.Tensor) -> tf.Tensor:
    return tf.floor(sums / _ONE + 0.5)
