"""Decodes the frame of a photo to a square of pixels, in a graph or at once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from cv_tf.pipeline.examine import JPEG, RATIOS, thumbnail_reader
from cv_tf.pipeline.frames import Array, library_of
from cv_tf.pipeline.memory_budget import PIXELS
from cv_tf.pipeline.resample import scale_and_translate
from cv_tf.pipeline.scan_cache import Scanned

_PNG_READER = len(RATIOS)
_BOX_READER = _PNG_READER + 1  # The first of those for boxes in JPEG files.
# The first of those that decode a JPEG file whole, at the fraction that its thumbnail
# is made from: a scan that has just decoded it cuts the square from the same pixels.
_WHOLE_READER = _BOX_READER + len(RATIOS)
# A JPEG file that a box is cut from is decoded at a fraction at which the box has this
# many times the pixels that are needed.
_BOX_DETAIL = 2.0
_STEPS = 16  # Places in a pixel where the edge of a box may lie.
_CUT_BYTES = 36  # That a pixel of a frame takes while it is decoded and scaled.


class DecodingPlan(NamedTuple):
    """How photos are decoded: arrays of n rows, or tensors of one row."""

    # [...] int32; for JPEG, the index in `RATIOS` of the fraction of its size at which
    # it is decoded, for boxes plus `_BOX_READER`, where all of it is decoded plus
    # `_WHOLE_READER`; `_PNG_READER` for PNG.
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
    return plan_arrays(
        size.reshape(-1, 2),  # Also if there are no photos.
        np.array([row.kind == JPEG for row in scanned], bool),
        np.asarray(frames, np.float64),
        background.reshape(-1, 3),
        image_size,
        np.broadcast_to(is_box, len(scanned)),
        photo.reshape(-1, 2),
    )


def plan_arrays(
    size: Array,
    is_jpeg: Array,
    frames: Array,
    background: Array,
    image_size: int,
    is_box: Array | None = None,
    photo: Array | None = None,
) -> DecodingPlan:
    """`plan` of arrays; or of tensors, also in a graph.

    Sizes are [n, 2] int64, height and width in pixels; `is_jpeg` is [n] bool, false for
    PNG; frames are [n, 4] float64, and colors of the background [n, 3] uint8. `is_box`
    is [n] bool, None if no frame is. `photo` has the sizes of the photos where some are
    decoded from copies, whose sides have been rounded.
    """
    xp = library_of(size)
    round_ = np.round if xp is np else tf.round  # That of `xp` needs more.
    if is_box is None:
        is_box = xp.zeros_like(is_jpeg)
    pixels = xp.asarray(size, np.float64)
    longest = xp.max(frames[:, 2:] * pixels, axis=1)
    shape = frames[:, 2:] * (pixels if photo is None else xp.asarray(photo, np.float64))
    inner = round_(shape * image_size / xp.max(shape, axis=1, keepdims=True))
    ratios = np.array(RATIOS)
    detail = xp.where(is_box, np.float64(_BOX_DETAIL), np.float64(1))
    shrinking = longest / (image_size * detail) + 1e-6
    is_fine = xp.asarray(shrinking[:, None] >= ratios.astype(np.float64), np.int32)
    reader = xp.asarray(xp.maximum(xp.sum(is_fine, axis=1) - 1, 0), np.int32)
    ratio = xp.where(is_jpeg, xp.take(ratios, reader), 1)[:, None]

    extent = xp.asarray(-(-size // ratio), np.float64)  # libjpeg rounds sizes up.
    inner = xp.maximum(inner, np.float64(1))
    # Of boxes, the rounding is finer than any eye sees, and coarser than that of
    # floating-point numbers, which differs between devices.
    cuts = is_box[:, None]
    scaled = xp.where(cuts, pixels / xp.asarray(ratio, np.float64), extent)
    first, last = frames[:, :2] * scaled, (frames[:, :2] + frames[:, 2:]) * scaled
    first = xp.where(cuts, round_(first * _STEPS) / _STEPS, first + 1e-3)
    last = xp.where(cuts, round_(last * _STEPS) / _STEPS, last - 1e-3)
    start = xp.maximum(xp.minimum(xp.floor(first), extent - 1), np.float64(0))
    end = xp.minimum(xp.maximum(xp.ceil(last), start + 1), extent)
    first = xp.where(cuts, xp.maximum(first, start), start)
    last = xp.where(cuts, xp.minimum(xp.maximum(last, first + 1 / _STEPS), end), end)
    scale = inner / (last - first)
    fit = xp.concatenate([scale, (start - first) * scale], axis=1)
    is_whole = reader == thumbnail_reader(size)
    first_reader = xp.where(is_box, _BOX_READER, xp.where(is_whole, _WHOLE_READER, 0))
    reader = reader + xp.asarray(first_reader, np.int32)
    return DecodingPlan(
        reader=xp.asarray(xp.where(is_jpeg, reader, _PNG_READER), np.int32),
        window=xp.asarray(xp.concatenate([start, end - start], axis=1), np.int32),
        fit=xp.asarray(fit, np.float32),
        inner=xp.asarray(inner, np.int32),
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
    readers += [partial(_read_whole, encoded, how, r) for r in RATIOS]
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
    return _cut(tf.io.decode_png(encoded, channels=3), tf.unstack(how.window))


def _read_whole(encoded: tf.Tensor, how: DecodingPlan, ratio: int) -> tf.Tensor:
    pixels = tf.io.decode_jpeg(encoded, channels=3, ratio=ratio)
    return _cut(pixels, tf.unstack(how.window))


def _cut(pixels: Array, window: Sequence[int] | Array) -> Array:
    top, left, height, width = window
    return pixels[top : top + height, left : left + width]


def decode_now(encoded: bytes, how: DecodingPlan, image_size: int) -> np.ndarray:
    """What `decode` makes of one photo, to the bit, in half of its time.

    Threads that call it share a budget of memory. What cannot be decoded raises
    `tf.errors.InvalidArgumentError`.
    """
    reader, window = int(how.reader), how.window.tolist()
    num_pixels = window[2] * window[3]
    with PIXELS.hold(_CUT_BYTES * num_pixels), tf.device("/CPU:0"):
        if reader >= _WHOLE_READER:
            ratio = RATIOS[reader - _WHOLE_READER]
            pixels = tf.io.decode_jpeg(encoded, channels=3, ratio=ratio)
            region = _cut(pixels.numpy(), window)
        elif reader >= _BOX_READER:
            region = _read_jpeg(
                encoded, how, RATIOS[reader - _BOX_READER], True
            ).numpy()
        elif reader == _PNG_READER:
            pixels = tf.io.decode_png(encoded, channels=3)
            region = _cut(pixels.numpy(), window)
        else:
            region = _read_jpeg(encoded, how, RATIOS[reader]).numpy()
        return _on_background(region, how, image_size)


def is_cut_from_scan(how: DecodingPlan) -> np.ndarray:
    """Of which photos a scan decodes the very pixels that `decode` does, [n] bool."""
    return (how.reader == _PNG_READER) | (how.reader >= _WHOLE_READER)


def cut_square(pixels: np.ndarray, how: DecodingPlan, image_size: int) -> np.ndarray:
    """The square of one photo of which all pixels are decoded, as `decode` makes it.

    Pixels are [height, width, 3] uint8, those of which `examine` made the thumbnail, of
    a photo for which `is_cut_from_scan` is true. Returns [image_size, image_size, 3]
    uint8.
    """
    return _on_background(_cut(pixels, how.window.tolist()), how, image_size)


def _on_background(
    region: np.ndarray, how: DecodingPlan, image_size: int
) -> np.ndarray:
    region = scale_and_translate(region, how.fit[:2], how.fit[2:], how.inner)
    square = np.empty((image_size, image_size, 3), np.uint8)
    height, width, _ = region.shape
    top, left = (image_size - height) // 2, (image_size - width) // 2
    square[:top], square[top + height :] = how.background, how.background
    middle = square[top : top + height]
    middle[:, :left], middle[:, left + width :] = how.background, how.background
    middle[:, left : left + width] = region
    return square
