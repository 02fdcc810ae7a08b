"""Images as planes, one channel behind the other: `[batch, channels, height, width]`.

Views mix channels, and interpolate along rows and columns. Both are a few passes over
plain matrices where channels lie apart, and many short ones where the three numbers of
a pixel lie together: on two CPU cores, a view of planes takes half as long.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf
import tf_keras as keras

from cv_tf.vision.random import Rows


def to_planes(images: tf.Tensor) -> tf.Tensor:
    """`[batch, height, width, channels]` to `[batch, channels, height, width]`."""
    return tf.transpose(images, [0, 3, 1, 2])


def to_images(planes: tf.Tensor) -> tf.Tensor:
    """`[batch, channels, height, width]` to `[batch, height, width, channels]`."""
    return tf.transpose(planes, [0, 2, 3, 1])


class PlaneLayer(keras.layers.Layer):
    """A random change of planes, which can be called on images, too.

    Images that go through several of them are made planes once: call `planes`.
    """

    def __init__(self, **kwargs):
        # Pixels are float32 under mixed precision too: the model casts what it gets.
        super().__init__(**{"dtype": "float32", **kwargs})

    def call(self, images, seed, rows: Rows | None = None):
        """[batch, h, w, c] in 0..255 and a seed [2] int32 to float32 in 0..255."""
        return to_images(self.planes(to_planes(images), seed, rows))

    def planes(
        self, planes: tf.Tensor, seed: tf.Tensor, rows: Rows | None = None
    ) -> tf.Tensor:
        """[batch, c, h, w] in 0..255 and a seed [2] int32 to float32 in 0..255."""
        raise NotImplementedError


def checked_probability(name: str, value: float) -> float:
    """The value, if it is a probability.

    Raises:
      ValueError: If it is not in 0..1.
    """
    if not 0.0 <= value <= 1.0:
        raise ValueError(
            f"{name} is a probability, but {value} was given. Choose a number from 0 "
            "(never) to 1 (always)."
        )
    return float(value)


def checked_range(
    name: str, value: Sequence[float], lowest: float, highest: float = float("inf")
) -> tuple[float, float]:
    """The value as `(low, high)`, if it is a range inside of `lowest..highest`.

    Raises:
      ValueError: If it is not two numbers in order, or leaves its bounds.
    """
    if len(value) != 2 or not lowest <= value[0] <= value[1] <= highest:
        raise ValueError(
            f"{name} is a range (low, high) within {lowest:g}..{highest:g}, but "
            f"{tuple(value)} was given. Give two numbers, the lower one first."
        )
    return float(value[0]), float(value[1])
