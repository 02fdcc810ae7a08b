"""Base of the random layers, which work on planes, and checks of their arguments.

Planes are images with the channels first, `[batch, channels, height, width]`. On these,
mixing channels and interpolating are a few passes over large matrices; with the
channels last, many over three numbers: a view takes twice as long on two CPU cores.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence

import tensorflow as tf
import tf_keras as keras

from cv_tf.vision.random import Rows


def to_planes(images: tf.Tensor) -> tf.Tensor:
    """Moves the channels first: `[batch, channels, height, width]`."""
    return tf.transpose(images, [0, 3, 1, 2])


def to_images(planes: tf.Tensor) -> tf.Tensor:
    """Moves the channels last: `[batch, height, width, channels]`."""
    return tf.transpose(planes, [0, 2, 3, 1])


class PlaneLayer(keras.layers.Layer):
    """A random change of images, with static shapes.

    To apply several layers in a row, convert the images once and call `planes`.
    """

    def __init__(self, **kwargs):
        # Pixels stay float32 under mixed precision; the model casts its input itself.
        super().__init__(**{"dtype": "float32", **kwargs})

    def call(self, images, seed, rows: Rows | None = None):
        """`planes` of images [batch, h, w, c], as float32 images in 0..255."""
        return to_images(self.planes(to_planes(images), seed, rows))

    def get_config(self):
        """The arguments of this layer, which its attributes are named after."""
        _, *names, _ = inspect.signature(type(self).__init__).parameters
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}

    def planes(
        self, planes: tf.Tensor, seed: tf.Tensor, rows: Rows | None = None
    ) -> tf.Tensor:
        """Changes planes, [batch, c, h, w] in 0..255, at random, to float32 in 0..255.

        `rows` are those of the images in a larger batch; None if they are all of it.
        """
        raise NotImplementedError


def checked_probability(name: str, value: float) -> float:
    """Returns a value as float; raises ValueError if it is not in 0..1."""
    if not 0.0 <= value <= 1.0:
        raise ValueError(
            f"{name} is a probability, but {value} was given. Choose a number from 0 "
            "to 1."
        )
    return float(value)


def checked_range(
    name: str, value: Sequence[float], lowest: float, highest: float = float("inf")
) -> tuple[float, float]:
    """Returns `(low, high)`; ValueError unless `lowest <= low <= high <= highest`."""
    if len(value) != 2 or not lowest <= value[0] <= value[1] <= highest:
        raise ValueError(
            f"{name} is a range (low, high) within {lowest:g}..{highest:g}, but "
            f"{tuple(value)} was given. Give two numbers, the lower one first."
        )
    return float(value[0]), float(value[1])
