"""Batches of uint8 photos: the last thing the host does."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from cv_tf.pipeline.photos import Photos

_BATCHES_AHEAD = 2


def batches(
    photos: Photos,
    order: Callable[[int], np.ndarray],
    start_step: int = 0,
    num_steps: int | None = None,
) -> tf.data.Dataset:
    """Batches for training, from `start_step` on.

    Batch i is `order(start_step + i)` and nothing else: a run resumed at a step
    sees what it would have seen. Where batches are spread over replicas, `Shares`
    is the order of a process's shares.

    Args:
      photos: Where the pixels come from.
      order: From a step to the rows of its batch, [batch] int32; all of one
        length.
      start_step: The first step.
      num_steps: How many batches; None for no end.

    Returns:
      A dataset of {"image": uint8 [b, S, S, 3], "row", "style", "block": int32
      [b]}.
    """
    batch_size = len(order(start_step))

    def rows_of(step: tf.Tensor) -> tf.Tensor:
        rows = tf.numpy_function(lambda s: order(int(s)), [step], tf.int32)
        return tf.ensure_shape(rows, [batch_size])

    steps = tf.data.Dataset.counter(start_step)
    if num_steps is not None:
        steps = steps.take(num_steps)
    return _with_photos(photos, steps.map(rows_of), batch_size, drop_remainder=True)


def in_order(
    photos: Photos, rows: np.ndarray | None = None, batch_size: int = 64
) -> tf.data.Dataset:
    """Every photo once, in the order of the rows; the last batch may be smaller.

    Args:
      photos: Where the pixels come from.
      rows: [m] which ones; None for all.
      batch_size: Photos a batch.

    Returns:
      A dataset like that of `batches`.
    """
    rows = np.arange(len(photos)) if rows is None else np.asarray(rows)
    rows = tf.data.Dataset.from_tensor_slices(rows.astype(np.int32)).batch(batch_size)
    return _with_photos(photos, rows, batch_size, drop_remainder=False)


def _with_photos(
    photos: Photos, rows: tf.data.Dataset, batch_size: int, drop_remainder: bool
) -> tf.data.Dataset:
    """Turns a dataset of rows [b] into one of batches."""
    with tf.device("/CPU:0"):
        style = tf.constant(photos.catalog.style)
        block = tf.constant(photos.catalog.block)

    def describe(image: tf.Tensor, row: tf.Tensor) -> dict[str, tf.Tensor]:
        return {
            "image": image,
            "row": row,
            "style": tf.gather(style, row),
            "block": tf.gather(block, row),
        }

    if photos.pixels is not None:
        pairs = rows.map(lambda row: (_take(photos, row), row))
    else:
        row = rows.unbatch()
        pairs = tf.data.Dataset.zip(photos.decoded(row), row)
        pairs = pairs.batch(batch_size, drop_remainder=drop_remainder)
        pairs = pairs.apply(tf.data.experimental.assert_cardinality(rows.cardinality()))
    return pairs.map(describe).prefetch(_BATCHES_AHEAD)


def _take(photos: Photos, rows: tf.Tensor) -> tf.Tensor:
    def copy(rows: np.ndarray) -> np.ndarray:
        return photos.pixels[photos.places[rows]]

    image = tf.numpy_function(copy, [rows], tf.uint8)
    size = photos.image_size
    return tf.ensure_shape(image, [*rows.shape, size, size, 3])
