"""Cut boxes out of planes and bring them to one size, as matrix products.

`tf.image.crop_and_resize` does not compile to XLA. Linear interpolation along the
rows is a [height, image_height] matrix for each sample, along the columns another
one; two products do the work on any device, and antialiasing is a wider triangle
in the same matrices.
"""

from __future__ import annotations

import tensorflow as tf


def interpolation_matrix(
    start: tf.Tensor,
    size: tf.Tensor,
    num_outputs: int,
    num_inputs: int,
    antialias: bool = False,
) -> tf.Tensor:
    """The weights of linear interpolation along one axis, for each sample.

    Pixel centers lie at halves, as in `tf.image.resize`. Beyond the ends the first
    and the last pixel repeat.

    Args:
      start: [batch] float32, where the interval starts, as a fraction of the axis.
      size: [batch] float32, its size; negative sizes read it backwards.
      num_outputs: Pixels to make of the interval.
      num_inputs: Pixels of the whole axis.
      antialias: Widen the triangle when shrinking, so that each input counts.

    Returns:
      [batch, num_outputs, num_inputs] float32; rows sum to 1.
    """
    step = size * (num_inputs / num_outputs)
    steps = tf.range(num_outputs, dtype=tf.float32) + 0.5
    center = start[:, None] * num_inputs + steps * step[:, None] - 0.5
    center = tf.clip_by_value(center, 0.0, num_inputs - 1.0)
    distance = tf.abs(center[:, :, None] - tf.range(num_inputs, dtype=tf.float32))
    if antialias:
        distance /= tf.maximum(tf.abs(step), 1.0)[:, None, None]
    weights = tf.nn.relu(1.0 - distance)
    return weights / tf.reduce_sum(weights, axis=-1, keepdims=True)


def crop_and_resize(
    planes: tf.Tensor,
    boxes: tf.Tensor,
    height: int,
    width: int,
    antialias: bool = False,
) -> tf.Tensor:
    """Cuts one box out of each image and resizes it with linear interpolation.

    Args:
      planes: [batch, channels, image_height, image_width], uint8 or float; image
        height and width static.
      boxes: [batch, 4] float32: top, left, height, width in fractions of the image.
        A box may reach outside, where the edge pixels repeat. A negative width, from
        a left edge at its right, mirrors the box; a negative height likewise.
      height: Of the result, in pixels.
      width: Of the result, in pixels.
      antialias: Average over all pixels of the box when shrinking, as
        `tf.image.resize(antialias=True)` does.

    Returns:
      [batch, channels, height, width] float32.
    """
    top, left, box_height, box_width = tf.unstack(tf.cast(boxes, tf.float32), axis=1)
    image_height, image_width = planes.shape[2:]
    rows = interpolation_matrix(top, box_height, height, image_height, antialias)
    columns = interpolation_matrix(left, box_width, width, image_width, antialias)
    planes = tf.matmul(rows[:, None], tf.cast(planes, tf.float32))
    return tf.matmul(planes, columns[:, None], transpose_b=True)


def mirror_boxes(boxes: tf.Tensor, mirrored: tf.Tensor) -> tf.Tensor:
    """Makes `crop_and_resize` read some boxes from right to left.

    Args:
      boxes: [batch, 4] float32: top, left, height, width.
      mirrored: [batch] bool: which ones.

    Returns:
      [batch, 4] float32.
    """
    top, left, height, width = tf.unstack(boxes, axis=1)
    left = tf.where(mirrored, left + width, left)
    width = tf.where(mirrored, -width, width)
    return tf.stack([top, left, height, width], axis=1)
