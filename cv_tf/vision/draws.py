"""Random numbers that a seed alone decides, compiled or not, on any device."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf


def split_seed(seed: tf.Tensor, num_seeds: int) -> list[tf.Tensor]:
    """Makes independent seeds [2] int32 of one seed [2] int32."""
    return tf.unstack(tf.random.split(seed, num_seeds, alg="philox"))


def uniform(
    shape: Sequence[int] | tf.Tensor,
    seed: tf.Tensor,
    low: float = 0.0,
    high: float = 1.0,
) -> tf.Tensor:
    """Draws from the uniform distribution over low..high, high excluded.

    In place of `tf.random.stateless_uniform` for floats, which gives other numbers
    for the same seed under `jit_compile=True` (tensorflow/tensorflow issue 121243);
    the integers that it draws agree, so the floats are made of those.

    Args:
      shape: Of the result.
      seed: [2] int32.
      low: The lowest value.
      high: The upper bound.

    Returns:
      float32 of that shape, in steps of 2**-24 of the range.
    """
    bits = tf.random.stateless_uniform(
        shape, seed, minval=None, maxval=None, dtype=tf.uint32, alg="philox"
    )
    fraction = tf.cast(tf.bitwise.right_shift(bits, 8), tf.float32) * 2.0**-24
    return low + (high - low) * fraction
