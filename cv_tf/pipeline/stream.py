"""Batches of photos as tf.data datasets."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from cv_tf.pipeline.photos import Photos, untuned

_BATCHES_AHEAD = 2


def batches(
    photos: Photos,
    order: Callable[[int], np.ndarray],
    start_step: int = 0,
    num_steps: int | None = None,
) -> tf.data.Dataset:
    """Batches for training, from `start_step` on.

    Batch i depends only on `order(start_step + i)`, so a resumed run sees the batches
    that it would have seen.

    Args:
      photos: The photos.
      order: Function from a step to the row numbers of its batch, int32 [b]; `Shares`
        if batches are split over replicas.
      start_step: First step.
      num_steps: Number of batches; None for an endless dataset.

    Returns:
      A dataset of {"image": uint8 [b, S, S, 3], "row": int32 [b], "style": int32 [b]}.
    """
    batch_size = len(order(start_step))

    def rows_of(step: tf.Tensor) -> tf.Tensor:
        rows = tf.numpy_function(lambda s: order(int(s)), [step], tf.int32)
        return tf.ensure_shape(rows, [batch_size])

    steps = tf.data.Dataset.counter(start_step)
    if num_steps is not None:
        steps = steps.take(num_steps)
    rows = steps.map(rows_of)
    if photos.are_in_memory:
        return _with_squares(photos, rows)
    row = rows.unbatch()
    pairs = tf.data.Dataset.zip(photos.decoded(row), row)
    pairs = pairs.batch(batch_size, drop_remainder=True)
    pairs = pairs.apply(tf.data.experimental.assert_cardinality(rows.cardinality()))
    return _described(photos, pairs)


def in_order(
    photos: Photos, rows: np.ndarray | None = None, batch_size: int = 64
) -> tf.data.Dataset:
    """Batches like those of `batches`, of given rows in order; the last may be smaller.

    The rows are [m] numbers; None for every photo once.
    """
    rows = np.arange(len(photos)) if rows is None else np.asarray(rows)
    rows = tf.data.Dataset.from_tensor_slices(rows.astype(np.int32)).batch(batch_size)
    return _with_squares(photos, rows)


def _with_squares(photos: Photos, rows: tf.data.Dataset) -> tf.data.Dataset:
    """Turns a dataset of row numbers [b] into one of batches."""
    side = photos.image_size

    def take(row: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        # Pixels are too large for a constant of a graph.
        image = tf.numpy_function(photos.squares, [row], tf.uint8)
        return tf.ensure_shape(image, [*row.shape, side, side, 3]), row

    return _described(photos, rows.map(take))


@tf.autograph.experimental.do_not_convert
def _described(photos: Photos, pairs: tf.data.Dataset) -> tf.data.Dataset:
    """Names what is in batches of squares and row numbers [b], and adds the styles."""
    with tf.device("/CPU:0"):
        style = tf.constant(photos.catalog.style)

    def describe(image: tf.Tensor, row: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"image": image, "row": row, "style": tf.gather(style, row)}

    return untuned(pairs.map(describe).prefetch(_BATCHES_AHEAD))


class Shares:
    """The order of the shares of some replicas: those of batch 0, then of batch 1.

    Replica r of R gets the r-th of R equal pieces of each batch.

    Args:
      order: Order of the whole batches: function from a step to row numbers [b].
      replicas: Consecutive numbers of the replicas whose shares are wanted.
      num_replicas: Number of all replicas, a divisor of b.
    """

    def __init__(
        self, order: Callable[[int], np.ndarray], replicas: range, num_replicas: int
    ):
        self._order = order
        self._replicas = replicas
        self._size = len(order(0)) // num_replicas

    def __call__(self, number: int) -> np.ndarray:
        """The row numbers of one share, int32 [b / num_replicas]."""
        step, place = divmod(number, len(self._replicas))
        start = self._replicas[place] * self._size
        return self._order(step)[start : start + self._size]
