"""Finds the frame of the product in photos with a plain background, in batches."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import tensorflow as tf

WHOLE_PHOTO = (0.0, 0.0, 1.0, 1.0)

_MARGIN = 0.04  # Added on each side, as a fraction of the photo's size.
_EDGE = 2  # Outermost pixels, which are ignored: thin drawn borders and dark edges.
_RING = 3  # Pixels inside of the edge, which show the background.

# Differences from the background, of 255.
_FAR = 40.0  # Ring pixels that differ more are not background.
_CERTAIN = 24.0  # Pixels that are darker by less may be a shadow.
_FAINT = 12.0  # Pixels that differ less are background, in a photo without noise.
_NOISE = 6.0  # Pixels that differ by less than this many times the noise are noise.

_MIN_SHARE = 0.012  # Smallest fraction of a row or column; fewer pixels are specks.
_MISSED = 0.75  # A sure box with less than this share of the faint box is a piece.
_MIN_SIDE = 0.04  # Smallest side of a product, as a fraction of the photo.
_MIN_AREA = 0.005  # Smallest area of a product, as a fraction of the photo.
_BUSY_SIDE = 0.5  # Share of product that makes one side of the ring busy.
_BUSY_SIDES = 3  # Busy sides, of four, of a busy photo; a cropped product touches two.


class Frames(NamedTuple):
    """The frames of n photos.

    Attributes:
      frames: [n, 4] float32, (top, left, height, width) in fractions of the photo.
      found: [n] bool, false where the frame is the whole photo, as most of the border
        is not background, or the box is too small.
      sides: [n] int32, number of edges of the photo, 0 to 4, that the box reaches
        without its margin: they cut what it holds.
    """

    frames: tf.Tensor
    found: tf.Tensor
    sides: tf.Tensor


def find_frames(thumbnails: tf.Tensor) -> Frames:
    """Finds the box of all pixels that differ from the background, with a margin.

    Thumbnails are [n, height, width, 3] uint8, static sides of about 128.

    The background is a smooth surface fitted to the border, and shadows are not
    product. But of a white product on white, only buttons and a label may be no shadow;
    so if the box of all pixels that differ is much larger, it is used instead.
    """
    inside = thumbnails[:, _EDGE:-_EDGE, _EDGE:-_EDGE]
    difference, noise = _difference_from_background(inside)
    brightest = tf.reduce_max(difference, axis=-1)
    darkest = tf.reduce_min(difference, axis=-1)
    faint = tf.clip_by_value(_NOISE * noise[:, None, None], _FAINT, _CERTAIN)
    # A shadow is equally darker in all channels: not brighter, and without a hue.
    certain = tf.maximum(brightest, brightest - darkest) > faint
    certain |= darkest < -_CERTAIN
    sure_box = _bounding_box(certain)
    any_difference = tf.maximum(brightest, -darkest)
    faint_box = _bounding_box(any_difference > faint)
    is_piece = _area(sure_box) < _MISSED * _area(faint_box)
    box = tf.where(is_piece[:, None], faint_box, sure_box)

    plausible = tf.reduce_min(box[:, 2:], axis=-1) >= _MIN_SIDE
    found = plausible & (_area(box) >= _MIN_AREA)
    found &= ~_is_busy(any_difference > _CERTAIN)
    frames = add_margin(_to_whole_photo(box, inside.shape[1:3]))
    return Frames(
        tf.where(found[:, None], frames, tf.constant(WHOLE_PHOTO)),
        found,
        _sides_reached(box),
    )


def border_colors(thumbnails: tf.Tensor) -> tf.Tensor:
    """The median color, [n, 3] uint8, of the border of each of n thumbnails."""
    inside = thumbnails[:, _EDGE:-_EDGE, _EDGE:-_EDGE]
    return tf.cast(_median(_ring(tf.cast(inside, tf.float32))), tf.uint8)


def add_margin(boxes: tf.Tensor) -> tf.Tensor:
    """Widens boxes as in `find_frames`, [n, 4], by the margin, within the photo."""
    start = tf.maximum(boxes[:, :2] - _MARGIN, 0.0)
    end = tf.minimum(boxes[:, :2] + boxes[:, 2:] + _MARGIN, 1.0)
    return tf.concat([start, end - start], axis=-1)


def _difference_from_background(photos: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Subtracts a quadratic surface fitted to the ring, channel by channel.

    Returns it, [n, height, width, 3], and its mean absolute value in the ring, [n].
    """
    _, height, width, _ = photos.shape
    surface = _quadratic(height, width)
    solution = np.linalg.pinv(surface[_ring_indices(height, width)])
    photos = tf.cast(photos, tf.float32)
    median = _median(_ring(photos))[:, None]
    ring = _ring(photos) - median
    distance = tf.reduce_max(tf.abs(ring), axis=-1, keepdims=True)
    is_near = tf.cast(distance < _FAR, tf.float32)
    coefficients = tf.einsum("kp,npc->nkc", tf.constant(solution), ring * is_near)
    background = tf.einsum("pk,nkc->npc", tf.constant(surface), coefficients) + median
    difference = photos - tf.reshape(background, tf.shape(photos))

    residual = tf.reduce_max(tf.abs(_ring(difference)), axis=-1, keepdims=True)
    noise = tf.reduce_sum(residual * is_near, axis=(1, 2))
    return difference, noise / tf.maximum(tf.reduce_sum(is_near, axis=(1, 2)), 1.0)


def _bounding_box(product: tf.Tensor) -> tf.Tensor:
    """The boxes (top, left, height, width), [n, 4], of masks [n, height, width]."""
    product = tf.cast(product, tf.float32)
    top, bottom = _extent(tf.reduce_mean(product, axis=2))
    left, right = _extent(tf.reduce_mean(product, axis=1))
    return tf.maximum(tf.stack([top, left, bottom - top, right - left], axis=-1), 0.0)


def _extent(share: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """First and last line, as fractions, with enough of the product, [n] each."""
    lines = share.shape[1]
    has_product, number = share > _MIN_SHARE, tf.range(lines)
    first = tf.reduce_min(tf.where(has_product, number, lines), axis=1)
    last = tf.reduce_max(tf.where(has_product, number + 1, 0), axis=1)
    return tf.cast(first, tf.float32) / lines, tf.cast(last, tf.float32) / lines


def _to_whole_photo(boxes: tf.Tensor, size: tf.TensorShape) -> tf.Tensor:
    """Boxes in fractions of the whole photo, not of its inside; 0 and 1 stay."""
    size = tf.constant(tuple(size), tf.float32)
    start, end = boxes[:, :2], boxes[:, :2] + boxes[:, 2:]
    whole = size + 2.0 * _EDGE
    start = tf.where(start <= 0.0, 0.0, (start * size + _EDGE) / whole)
    end = tf.where(end >= 1.0, 1.0, (end * size + _EDGE) / whole)
    return tf.concat([start, end - start], axis=-1)


def _sides_reached(boxes: tf.Tensor) -> tf.Tensor:
    """Number of the photo's edges that each box reaches, [n] int32."""
    rounding = 1e-4  # A line is 80 times as much.
    starts, ends = boxes[:, :2], boxes[:, :2] + boxes[:, 2:]
    reached = tf.concat([starts < rounding, ends > 1.0 - rounding], axis=-1)
    return tf.reduce_sum(tf.cast(reached, tf.int32), axis=-1)


def _is_busy(product: tf.Tensor) -> tf.Tensor:
    """Whether most sides of the ring are not background."""
    product = tf.cast(product, tf.float32)
    sides = (
        product[:, :_RING],
        product[:, -_RING:],
        product[:, :, :_RING],
        product[:, :, -_RING:],
    )
    shares = tf.stack([tf.reduce_mean(side, axis=(1, 2)) for side in sides], axis=-1)
    busy = tf.cast(shares > _BUSY_SIDE, tf.int32)
    return tf.reduce_sum(busy, axis=-1) >= _BUSY_SIDES


def _area(boxes: tf.Tensor) -> tf.Tensor:
    return boxes[:, 2] * boxes[:, 3]


def _median(pixels: tf.Tensor) -> tf.Tensor:
    """Median of every fourth pixel (sorting is slow) of [n, p, 3], over axis 1."""
    pixels = tf.sort(pixels[:, ::4], axis=1)
    return pixels[:, pixels.shape[1] // 2]


def _ring(photos: tf.Tensor) -> tf.Tensor:
    """The pixels of the ring, [n, p, 3]."""
    _, height, width, channels = photos.shape
    pixels = tf.reshape(photos, [-1, height * width, channels])
    return tf.gather(pixels, tf.constant(_ring_indices(height, width)), axis=1)


def _ring_indices(height: int, width: int) -> np.ndarray:
    in_ring = np.ones((height, width), bool)
    in_ring[_RING:-_RING, _RING:-_RING] = False
    return np.flatnonzero(in_ring)


def _quadratic(height: int, width: int) -> np.ndarray:
    """The terms 1, x, y, x^2, y^2, xy at each pixel, [height * width, 6] float32."""
    y, x = np.meshgrid(
        np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij"
    )
    terms = [np.ones_like(x), x, y, x * x, y * y, x * y]
    return np.stack(terms, axis=-1).reshape(-1, 6).astype(np.float32)
