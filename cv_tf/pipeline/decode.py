"""Decodes the frame of a photo to a square of pixels, in a graph."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from cv_tf.pipeline.examine import JPEG, RATIOS
from cv_tf.pipeline.scan_cache import Scanned

_PNG_READER = len(RATIOS)
_BOX_READER = _PNG_READER + 1  # The first of those for boxes in JPEG files.
# A JPEG file that a box is cut from is decoded at a fraction at which the box has this
# many times the pixels that are needed.
_BOX_DETAIL = 2.0
_STEPS = 16  # Places in a pixel where the edge of a box may lie.


class DecodingPlan(NamedTuple):
    """How photos are decoded: arrays of n rows, or tensors of one row."""

    # [...] int32; for JPEG, the index in `RATIOS` of the fraction of its size at which
    # it is decoded, for boxes plus `_BOX_READER`; `_PNG_READER` for PNG.
    reader: np.ndarray | tf.Tensor
    # [..., 4] int32; top, left, height, width of the decoded pixels around the frame.
    window: np.ndarray | tf.Tensor
    # [..., 4] float32; scale of these in height and width, and how far they are moved
    # then, so that the frame, whose edges may lie within pixels, fills `inner`.
    fit: np.ndarray | tf.Tensor
    # [..., 2] int32; height and width of the frame in pixels of the square.
    inner: np.ndarray | tf.Tensor
    background: np.ndarray | tf.Tensor  # [..., 3] uint8; color around the frame.


def plan(
    scanned: Sequence[Scanned],
    frames: np.ndarray,
    image_size: int,
    is_box: np.ndarray | bool = False,
) -> DecodingPlan:
    """Plans how to decode each of n photos to a square of `image_size` pixels a side.

    Frames are [n, 4] float, (top, left, height, width) in fractions of the photo.
    `is_box`, [n] bool or one for all, says which of them are boxes of the catalogue:
    these are cut exactly, whatever kind of file the photo is. Frames that were found on
    a thumbnail are not that exact, and are cut at whole pixels of what is read fastest.
    """
    photo = np.array([(row.height, row.width) for row in scanned], np.int64)
    copy = np.array([(row.copy_height, row.copy_width) for row in scanned], np.int64)
    size = np.where(copy > 0, copy, photo)
    background = np.array([row.background for row in scanned], np.uint8)
    with tf.device("/CPU:0"):
        how = plan_tensors(
            size.reshape(-1, 2),  # Also if there are no photos.
            np.array([row.kind == JPEG for row in scanned], bool),
            np.asarray(frames, np.float64),
            background.reshape(-1, 3),
            image_size,
            np.broadcast_to(is_box, len(scanned)),
            photo.reshape(-1, 2),
        )
    return DecodingPlan(*(np.asarray(column) for column in how))


def plan_tensors(
    size: tf.Tensor,
    is_jpeg: tf.Tensor,
    frames: tf.Tensor,
    background: tf.Tensor,
    image_size: int,
    is_box: tf.Tensor | None = None,
    photo: tf.Tensor | None = None,
) -> DecodingPlan:
    """`plan` with tensors, which also works in a graph.

    Sizes are [n, 2] int64, height and width in pixels; `is_jpeg` is [n] bool, false for
    PNG; frames are [n, 4] float64, and colors of the background [n, 3] uint8. `is_box`
    is [n] bool, None if no frame is. `photo` has the sizes of the photos where some are
    decoded from copies, whose sides have been rounded.
    """
    if is_box is None:
        is_box = tf.zeros_like(is_jpeg)
    longest = tf.reduce_max(frames[:, 2:] * tf.cast(size, tf.float64), axis=1)
    shape = frames[:, 2:] * tf.cast(size if photo is None else photo, tf.float64)
    inner = tf.round(shape * image_size / tf.reduce_max(shape, axis=1, keepdims=True))
    ratios = tf.constant(RATIOS, tf.int64)
    detail = tf.where(is_box, tf.constant(_BOX_DETAIL, tf.float64), 1.0)
    shrinking = longest / (image_size * detail) + 1e-6
    reader = tf.searchsorted(tf.cast(ratios, tf.float64), shrinking, side="right")
    reader = tf.maximum(reader - 1, 0)
    ratio = tf.where(is_jpeg, tf.gather(ratios, reader), 1)[:, None]

    extent = tf.cast(-(-size // ratio), tf.float64)  # libjpeg rounds scaled sizes up.
    inner = tf.maximum(inner, 1.0)
    # Of boxes, the rounding is finer than any eye sees, and coarser than that of
    # floating-point numbers, which differs between devices.
    cuts = is_box[:, None]
    scaled = tf.cast(size, tf.float64) / tf.cast(ratio, tf.float64)
    scaled = tf.where(cuts, scaled, extent)
    first, last = frames[:, :2] * scaled, (frames[:, :2] + frames[:, 2:]) * scaled
    first = tf.where(cuts, tf.round(first * _STEPS) / _STEPS, first + 1e-3)
    last = tf.where(cuts, tf.round(last * _STEPS) / _STEPS, last - 1e-3)
    start = tf.clip_by_value(tf.floor(first), 0.0, extent - 1.0)
    end = tf.clip_by_value(tf.math.ceil(last), start + 1.0, extent)
    first = tf.where(cuts, tf.maximum(first, start), start)
    last = tf.where(cuts, tf.clip_by_value(last, first + 1.0 / _STEPS, end), end)
    scale = inner / (last - first)
    fit = tf.concat([scale, (start - first) * scale], axis=1)
    reader += tf.where(is_box, _BOX_READER, 0)
    return DecodingPlan(
        reader=tf.where(is_jpeg, reader, _PNG_READER),
        window=tf.cast(tf.concat([start, end - start], axis=1), tf.int32),
        fit=tf.cast(fit, tf.float32),
        inner=tf.cast(inner, tf.int32),
        background=background,
    )


def decode(encoded: tf.Tensor, how: DecodingPlan, image_size: int) -> tf.Tensor:
    """Decodes the frame of one photo to [image_size, image_size, 3] uint8.

    The frame keeps its aspect ratio, is as long as the square, and is centered. The
    photo is the bytes of a JPEG or PNG file, a scalar string.
    """
    readers = [partial(_read_jpeg, encoded, how, ratio) for ratio in RATIOS]
    readers.append(partial(_read_png, encoded, how))
    readers += [partial(_read_jpeg, encoded, how, r, accurate=True) for r in RATIOS]
    region = tf.switch_case(how.reader, readers)
    region.set_shape([None, None, 3])
    region = tf.raw_ops.ScaleAndTranslate(
        images=region[tf.newaxis],
        size=how.inner,
        scale=how.fit[:2],
        translation=how.fit[2:],
        kernel_type="triangle",  # As `tf.image.resize` does, which cannot move.
        antialias=True,
    )[0]
    region = tf.cast(region + 0.5, tf.uint8)  # Averages are within 0..255.

    before = (image_size - how.inner) // 2
    after = image_size - how.inner - before

    def strip(height: tf.Tensor | int, width: tf.Tensor | int) -> tf.Tensor:
        return tf.broadcast_to(how.background, [height, width, 3])

    # Strips of color, because tf.pad pads all channels with one value.
    height = how.inner[0]
    row = [strip(height, before[1]), region, strip(height, after[1])]
    column = [strip(before[0], image_size), tf.concat(row, axis=1)]
    column.append(strip(after[0], image_size))
    square = tf.concat(column, axis=0)
    return tf.ensure_shape(square, [image_size, image_size, 3])


def _read_jpeg(
    encoded: tf.Tensor, how: DecodingPlan, ratio: int, accurate: bool = False
) -> tf.Tensor:
    # The default saves 3% of the time, and is off by up to a level.
    method = "INTEGER_ACCURATE" if accurate else ""
    return tf.image.decode_and_crop_jpeg(
        encoded, how.window, channels=3, ratio=ratio, dct_method=method
    )


def _read_png(encoded: tf.Tensor, how: DecodingPlan) -> tf.Tensor:
    top, left, height, width = tf.unstack(how.window)
    pixels = tf.io.decode_png(encoded, channels=3)
    return pixels[top : top + height, left : left + width]
