"""Gaussian blur of images, as a product with a matrix along either axis."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
import tf_keras as keras

from cv_tf.vision.plane_layer import PlaneLayer, checked_probability, checked_range
from cv_tf.vision.random import Rows, per_image

# The kernel covers a tenth of the side.
_SIDES_A_RADIUS = 20


@keras.utils.register_keras_serializable(package="cv_tf")
class GaussianBlur(PlaneLayer):
    """Blurs some images, as SimCLR does (arXiv 2002.05709, appendix A).

    The kernel covers a tenth of the image's height: `2 * (height // 20) + 1` pixels,
    and 3 at least. Beyond the ends the edge pixels repeat, so that a plain background
    stays what it is. (SimCLR's own code takes black there.)

    Args:
      probability: Probability that an image is blurred.
      sigma: Range of the standard deviation of the kernel, in pixels, drawn uniformly.

    Raises:
      ValueError: If the probability is not in 0..1, or the range is not `(low, high)`
        of positive numbers.

    Example:
      >>> photo = tf.constant([0, 90, 0], tf.float32)[None, None, :, None]
      >>> blurred = GaussianBlur(probability=1.0, sigma=(1.0, 1.0))(photo, seed=[0, 1])
      >>> [round(value) for value in blurred.numpy().ravel().tolist()]
      [25, 41, 25]
    """

    def __init__(
        self,
        probability: float = 0.5,
        sigma: tuple[float, float] = (0.1, 2.0),
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.probability = checked_probability("probability", probability)
        self.sigma = checked_range("sigma", sigma, 0.01)

    def planes(self, planes, seed, rows: Rows | None = None):
        """See `PlaneLayer.planes`."""
        planes = tf.cast(planes, tf.float32)
        channels, height, width = planes.shape[1:]
        draws = per_image([2, None], tf.shape(planes)[0], seed, rows)
        smallest, largest = self.sigma
        sigma = smallest + (largest - smallest) * draws[0]
        weights = kernel(sigma, max(height // _SIDES_A_RADIUS, 1))
        is_blurred = (draws[1] < self.probability)[:, None, None]
        columns = tf.where(is_blurred, _along(weights, width), tf.eye(width))
        lines = tf.where(is_blurred, _along(weights, height), tf.eye(height))
        # A product a sample takes less time than a product a channel.
        planes = tf.reshape(planes, [-1, channels * height, width])
        planes = tf.matmul(planes, columns, transpose_b=True)
        planes = tf.reshape(planes, [-1, channels, height, width])
        return tf.matmul(lines[:, None], planes)


def kernel(sigma: tf.Tensor, radius: int) -> tf.Tensor:
    """Weights of a Gaussian, `[batch, 2 * radius + 1]` float32, which sum to 1.

    `sigma`, `[batch]` float32, is in pixels.
    """
    distance = tf.range(-radius, radius + 1, dtype=tf.float32)
    weights = tf.exp(-0.5 * (distance / sigma[:, None]) ** 2)
    return weights / tf.reduce_sum(weights, axis=1, keepdims=True)


def _along(weights: tf.Tensor, size: int) -> tf.Tensor:
    """The kernels, `[batch, taps]`, as matrices `[batch, size, size]` for an axis."""
    taps = weights.shape[1]
    pixels = np.arange(size)
    read = np.clip(pixels + np.arange(taps)[:, None] - taps // 2, 0, size - 1)
    places = np.zeros((taps, size, size), np.float32)
    places[np.arange(taps)[:, None], pixels, read] = 1.0
    matrix = tf.matmul(weights, places.reshape(taps, -1))
    return tf.reshape(matrix, [-1, size, size])
