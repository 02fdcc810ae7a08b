"""Photos of any size to squares."""

from __future__ import annotations

import tensorflow as tf


def fit_square(images: tf.Tensor, size: int) -> tf.Tensor:
    """Scales photos to a square, padding the shorter side with the border's color.

    Nothing is squashed or cut. Photos that already have the size pass unchanged.

    Args:
      images: `[batch, height, width, 3]`, uint8 or float in 0..255.
      size: Pixels a side of the result.

    Returns:
      float32 `[batch, size, size, 3]` in 0..255.
    """
    if images.shape[1] == size and images.shape[2] == size:
        return tf.cast(images, tf.float32)
    images = tf.cast(images, tf.float32)
    border = tf.concat(
        [images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]], axis=1
    )
    color = tf.reduce_mean(border, axis=1)[:, tf.newaxis, tf.newaxis]
    # Padding acts on the difference to the border's color, so that it adds zeros.
    shape = tf.shape(images)
    scale = size / tf.reduce_max(shape[1:3])
    sides = tf.cast(tf.round(tf.cast(shape[1:3], scale.dtype) * scale), tf.int32)
    sides = tf.clip_by_value(sides, 1, size)
    resized = tf.image.resize(images - color, sides, antialias=True)
    before = (size - sides) // 2
    after = size - sides - before
    padded = tf.pad(
        resized, [[0, 0], [before[0], after[0]], [before[1], after[1]], [0, 0]]
    )
    squares = tf.clip_by_value(padded + color, 0.0, 255.0)
    return tf.ensure_shape(squares, [None, size, size, 3])
