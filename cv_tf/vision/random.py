"""Random numbers that depend only on a seed: the same on any device, under XLA too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf


class Rows(NamedTuple):
    """Consecutive rows of a larger batch.

    Attributes:
      first: Row number of the first image.
      total: Number of rows of the whole batch.
    """

    first: int | tf.Tensor
    total: int | tf.Tensor


def split_seed(seed: tf.Tensor, num_seeds: int) -> list[tf.Tensor]:
    """Derives independent seeds from one seed, all [2] int32."""
    return tf.unstack(tf.random.split(seed, num_seeds, alg="philox"))


def uniform(
    shape: Sequence[int] | tf.Tensor,
    seed: tf.Tensor,
    low: float = 0.0,
    high: float = 1.0,
) -> tf.Tensor:
    """Draws float32 from the uniform distribution over low..high, high excluded.

    The floats of `tf.random.stateless_uniform` differ for the same seed under
    `jit_compile=True` (tensorflow/tensorflow issue 121243). Its integers agree, so
    floats are made from these, in steps of 2**-24 of the range.
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
    """Draws numbers in 0..1 for each image, however its batch is split.

    They are the images' rows of what `uniform` draws for the whole batch. `shape` has
    None in place of the number of images.
    """
    axis = list(shape).index(None)
    first, total = rows or (0, num_images)
    draws = uniform([*shape[:axis], total, *shape[axis + 1 :]], seed)
    if rows is None:
        return draws
    return tf.gather(draws, first + tf.range(num_images), axis=axis)
