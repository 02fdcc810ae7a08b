"""Find the plain background around a product, on whole batches."""

from __future__ import annotations

import tensorflow as tf


def _outside_span(foreground: tf.Tensor, axis: int) -> tf.Tensor:
    """Pixels before the first or behind the last foreground pixel along an axis."""
    extent = foreground.shape[axis]
    shape = [extent if axis == other else 1 for other in range(3)]
    position = tf.reshape(tf.range(extent), shape)
    first = tf.reduce_min(tf.where(foreground, position, extent), axis, keepdims=True)
    last = tf.reduce_max(tf.where(foreground, position, -1), axis, keepdims=True)
    return (position < first) | (position > last)


def background_mask(images: tf.Tensor, tolerance: float = 24.0) -> tf.Tensor:
    """Marks the pixels between the image's border and the product.

    The background's color is the median of the four corners, in each channel. A
    pixel is background if a straight line from it to the border, along its row or
    its column, meets nothing of another color. So white details inside of a product
    on white are kept, but a busy background has hardly any pixel that qualifies.

    Args:
      images: [batch, height, width, channels], 0..255; height and width static.
      tolerance: How many levels a background pixel may differ from that color.

    Returns:
      [batch, height, width] bool.
    """
    images = tf.cast(images, tf.float32)
    corners = tf.reshape(
        images[:, :: images.shape[1] - 1, :: images.shape[2] - 1],
        [-1, 4, images.shape[3]],
    )
    low, high = tf.reduce_min(corners, axis=1), tf.reduce_max(corners, axis=1)
    # Of four numbers, the median is the mean of the two in the middle.
    color = (tf.reduce_sum(corners, axis=1) - low - high) / 2.0
    distance = tf.reduce_max(tf.abs(images - color[:, None, None]), axis=-1)
    foreground = distance > tolerance
    return _outside_span(foreground, axis=1) | _outside_span(foreground, axis=2)
