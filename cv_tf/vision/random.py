"""Random numbers that a seed alone decides, compiled or not, on any device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf


class Rows(NamedTuple):
    """Which rows of a larger batch some images are.

    Attributes:
      first: Row of the first image.
      total: Rows of the whole batch.
    """

    first: int | tf.Tensor
    total: int | tf.Tensor


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


def per_image(
    shape: Sequence[int | None],
    num_images: int | tf.Tensor,
    seed: tf.Tensor,
    rows: Rows | None = None,
) -> tf.Tensor:
    """Draws numbers in 0..1 for each image, whoever has the rest of its batch.

    Args:
      shape: Of the result, with None for the number of images.
      num_images: How many there are.
      seed: [2] int32.
      rows: Which of a larger batch they are; None where they are all of it.

    Returns:
      float32 of that shape: what `uniform` draws for the whole batch, of these images.
    """
    axis = list(shape).index(None)
    first, total = rows or (0, num_images)
    draws = uniform([*shape[:axis], total, *shape[axis + 1 :]], seed)
    if rows is None:
        return draws
    return tf.gather(draws, first + tf.range(num_images), axis=axis)
