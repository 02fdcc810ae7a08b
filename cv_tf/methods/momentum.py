"""Momentum encoders: networks whose weights are moving averages of another's."""

from __future__ import annotations

import math

import tensorflow as tf
import tf_keras as keras

from cv_tf import replicas


def follow(slow: keras.Model, fast: keras.Model, momentum: float | tf.Tensor) -> None:
    """Moves the weights of a slow network to those of a fast one, by `1 - momentum`.

    Statistics of batch normalization are moved, too, so that the slow network needs no
    statistics of its batch (MoCo, arXiv 1911.05722, equation 2; for statistics, EMAN,
    arXiv 2101.08482, equation 4).
    """
    pairs = zip(slow.weights, fast.weights, strict=True)
    # In this form a weight that is not trained stays what it is, to the last bit.
    moved = [weight + (1.0 - momentum) * (target - weight) for weight, target in pairs]
    replicas.assign(slow.weights, moved)


def rising_momentum(base: float, step: tf.Tensor, num_steps: int) -> tf.Tensor:
    """A momentum, a float32 scalar, that rises from `base` to 1 by half a cosine.

    `step` is counted from 0 to `num_steps` (BYOL, arXiv 2006.07733, section 3.3).
    """
    progress = tf.cast(step, tf.float32) / max(num_steps, 1)
    return 1.0 - (1.0 - base) * (tf.cos(math.pi * progress) + 1.0) / 2.0
