"""Finds the product's box in photos with a plain background, in batches."""

from __future__ import annotations

import tensorflow as tf

WHOLE_PHOTO = (0.0, 0.0, 1.0, 1.0)

_DIFFERENCE = 24.0  # Of 255; what differs less from the background is shadow or noise.
_MARGIN = 0.04  # Of the photo's size, added on each side.
_MIN_FOREGROUND = 0.012  # Of a row or column; less is noise, not product.
_MIN_SIDE = 0.06  # Of the photo; a smaller box is a speck, not a product.
_MIN_AREA = 0.01
_BUSY_SIDE = 0.5  # Share of foreground that makes one side of the border busy.
_BUSY_SIDES = 3  # Of four; a cropped product touches one or two.
_RING = 2  # Pixels of border that are looked at.


def find_frames(thumbnails: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Finds the box of what differs from the background, with a margin.

    The background is the median color of the photo's border. Where most of the
    border differs from it, or the box is too small to be a product, the photo
    is taken whole.

    Args:
      thumbnails: [n, height, width, 3] uint8, about 128 pixels a side; the
        photos may be squashed to it.

    Returns:
      boxes: [n, 4] float32, (top, left, height, width) in shares of the photo.
      found: [n] bool, False where the box is the whole photo for want of one.
    """
    background = tf.cast(border_colors(thumbnails), tf.float32)[:, None, None]
    difference = tf.abs(tf.cast(thumbnails, tf.float32) - background)
    foreground = tf.cast(tf.reduce_max(difference, axis=-1) > _DIFFERENCE, tf.float32)

    top, bottom = _extent(tf.reduce_mean(foreground, axis=2))
    left, right = _extent(tf.reduce_mean(foreground, axis=1))
    height, width = bottom - top, right - left
    plausible = (height >= _MIN_SIDE) & (width >= _MIN_SIDE)
    plausible &= height * width >= _MIN_AREA
    found = plausible & ~_is_busy(foreground)

    boxes = add_margin(tf.stack([top, left, height, width], axis=-1))
    return tf.where(found[:, None], boxes, tf.constant(WHOLE_PHOTO)), found


def border_colors(thumbnails: tf.Tensor) -> tf.Tensor:
    """The median color of each photo's border, channel by channel.

    Args:
      thumbnails: [n, height, width, 3] uint8.

    Returns:
      [n, 3] uint8.
    """
    border = tf.concat(
        [
            _flat(thumbnails[:, :_RING]),
            _flat(thumbnails[:, -_RING:]),
            _flat(thumbnails[:, _RING:-_RING, :_RING]),
            _flat(thumbnails[:, _RING:-_RING, -_RING:]),
        ],
        axis=1,
    )
    ordered = tf.sort(tf.cast(border, tf.float32), axis=1)
    return tf.cast(ordered[:, border.shape[1] // 2], tf.uint8)


def add_margin(boxes: tf.Tensor) -> tf.Tensor:
    """Widens boxes by the margin, as far as the photo goes.

    Args:
      boxes: [n, 4] float32, (top, left, height, width) in shares of the photo.
    """
    start = tf.maximum(boxes[:, :2] - _MARGIN, 0.0)
    end = tf.minimum(boxes[:, :2] + boxes[:, 2:] + _MARGIN, 1.0)
    return tf.concat([start, end - start], axis=-1)


def _extent(share: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """First and last line with enough foreground: [n, lines] to start and end [n]."""
    lines = share.shape[1]
    has_product = share > _MIN_FOREGROUND
    number = tf.range(lines)
    first = tf.reduce_min(tf.where(has_product, number, lines), axis=1)
    last = tf.reduce_max(tf.where(has_product, number + 1, 0), axis=1)
    scale = 1.0 / lines
    return tf.cast(first, tf.float32) * scale, tf.cast(last, tf.float32) * scale


def _is_busy(foreground: tf.Tensor) -> tf.Tensor:
    """Whether most sides of the border show something else than background."""
    sides = tf.stack(
        [
            tf.reduce_mean(foreground[:, :_RING], axis=(1, 2)),
            tf.reduce_mean(foreground[:, -_RING:], axis=(1, 2)),
            tf.reduce_mean(foreground[:, :, :_RING], axis=(1, 2)),
            tf.reduce_mean(foreground[:, :, -_RING:], axis=(1, 2)),
        ],
        axis=-1,
    )
    busy = tf.cast(sides > _BUSY_SIDE, tf.int32)
    return tf.reduce_sum(busy, axis=-1) >= _BUSY_SIDES


def _flat(strip: tf.Tensor) -> tf.Tensor:
    return tf.reshape(strip, [-1, strip.shape[1] * strip.shape[2], 3])
