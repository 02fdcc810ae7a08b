"""Networks that slowly follow others."""

from __future__ import annotations

import math

import tensorflow as tf
import tf_keras as keras

from cv_tf import replicas


def follow(slow: keras.Model, fast: keras.Model, momentum: float | tf.Tensor) -> None:
    """Moves every weight, statistics of normalization included, towards another's.

    Source: MoCo, arXiv 1911.05722, equation 2; that statistics follow, too, so that
    the slow network needs none of its batch: EMAN, arXiv 2101.08482, equation 4.

    Args:
      slow: Is moved.
      fast: Has the same weights in the same order.
      momentum: How much of the slow one's weights stays, 0 to 1.
    """
    pairs = zip(slow.weights, fast.weights, strict=True)
    # In this form a weight that is not trained stays what it is, to the last bit.
    moved = [weight + (1.0 - momentum) * (target - weight) for weight, target in pairs]
    replicas.assign(slow.weights, moved)


def rising_momentum(base: float, step: tf.Tensor, num_steps: int) -> tf.Tensor:
    """A momentum that goes from `base` to 1 by half a cosine.

    Source: BYOL, arXiv 2006.07733, section 3.3.

    Args:
      base: At step 0.
      step: Integer scalar, counted from 0.
      num_steps: Of the whole training.

    Returns:
      A float32 scalar.
    """
    progress = tf.cast(step, tf.float32) / max(num_steps, 1)
    return 1.0 - (1.0 - base) * (tf.cos(math.pi * progress) + 1.0) / 2.0
