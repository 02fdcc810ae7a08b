"""Find the plain background around a product, on whole batches."""

from __future__ import annotations

import tensorflow as tf


def _outside_span(foreground: tf.Tensor, axis: int) -> tf.Tensor:
    """Pixels before the first or behind the last foreground pixel along an axis.

    Args:
      foreground: [batch, height, width] float32, 1 where it is and 0 elsewhere.
      axis: 1 or 2.
    """
    extent = foreground.shape[axis]
    shape = [extent if axis == other else 1 for other in range(3)]
    # From 1, so that 0 is no pixel's.
    from_start = tf.reshape(tf.range(1.0, extent + 1.0), shape)
    from_end = extent + 1.0 - from_start
    last = tf.reduce_max(foreground * from_start, axis, keepdims=True)
    first = tf.reduce_max(foreground * from_end, axis, keepdims=True)
    return (from_start > last) | (from_end > first)


def background_mask(planes: tf.Tensor, tolerance: float = 24.0) -> tf.Tensor:
    """Marks the pixels between the image's border and the product.

    The background's color is the median of the four corners, in each channel. A
    pixel is background if a straight line from it to the border, along its row or
    its column, meets nothing of another color. So white details inside of a product
    on white are kept, but a busy background has hardly any pixel that qualifies.

    Args:
      planes: [batch, channels, height, width], 0..255; height and width static.
      tolerance: How many levels a background pixel may differ from that color.

    Returns:
      [batch, height, width] bool.
    """
    planes = tf.cast(planes, tf.float32)
    _, channels, height, width = planes.shape
    corners = tf.reshape(planes[:, :, :: height - 1, :: width - 1], [-1, channels, 4])
    low, high = tf.reduce_min(corners, axis=2), tf.reduce_max(corners, axis=2)
    # Of four numbers, the median is the mean of the two in the middle.
    color = (tf.reduce_sum(corners, axis=2) - low - high) / 2.0
    distance = tf.reduce_max(tf.abs(planes - color[..., None, None]), axis=1)
    foreground = tf.cast(distance > tolerance, tf.float32)
    return _outside_span(foreground, axis=1) | _outside_span(foreground, axis=2)
