"""The photos of a catalogue, ready to be taken as squares of pixels."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from cv_tf.catalog import Catalog
from cv_tf.files import READS_AT_ONCE
from cv_tf.pipeline.decode import Plan, decode
from cv_tf.pipeline.scan_cache import Reject

_CHUNK = 64


@dataclass(frozen=True, eq=False)
class Photos:
    """Photos that are known to be readable, one a row of the catalogue.

    Attributes:
      catalog: The products whose photos can be used.
      rejects: The others, and why.
      image_size: Pixels a side of each square.
      plan: How each photo is decoded.
      files: [n] object (str); the file to read for each row (a converted copy
        where there is one), or "" where the bytes come from the records.
      pixels: [m, S, S, 3] uint8, all photos decoded; None where they do not fit
        in memory and are decoded each time.
      places: [n] int64; where in `pixels` a row's photo lies.
    """

    catalog: Catalog
    rejects: tuple[Reject, ...]
    image_size: int
    plan: Plan
    files: np.ndarray
    pixels: np.ndarray | None = None
    places: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.catalog)

    def select(self, rows: np.ndarray) -> Photos:
        """The photos of some rows of the catalogue; pixels are shared."""
        return replace(
            self,
            catalog=self.catalog.select(rows),
            plan=Plan(*(column[rows] for column in self.plan)),
            files=self.files[rows],
            places=None if self.places is None else self.places[rows],
        )

    def with_styles(self, styles: np.ndarray) -> Photos:
        """The same photos, with other styles: [n] integers, -1 where unknown."""
        styles = np.asarray(styles, np.int32)
        return replace(self, catalog=replace(self.catalog, style=styles))

    def where_split(self, split: str) -> Photos:
        """The photos of one split of the catalogue.

        Raises:
          CatalogError: If there is no such split.
        """
        self.catalog.where_split(split)
        return self.select(np.flatnonzero(self.catalog.split == split))

    def in_memory(self, progress: bool = True) -> Photos:
        """Decodes all photos once, in parallel; batches are then mere copies."""
        shape = (len(self), self.image_size, self.image_size, 3)
        pixels = np.empty(shape, np.uint8)
        chunks = self.decoded(tf.data.Dataset.range(len(self))).batch(_CHUNK)
        bar = tqdm(
            total=len(self), desc="Decoding photos", unit="", disable=not progress
        )
        with bar:
            for i, chunk in enumerate(chunks.prefetch(2).as_numpy_iterator()):
                pixels[i * _CHUNK : (i + 1) * _CHUNK] = chunk
                bar.update(len(chunk))
        return replace(self, pixels=pixels, places=np.arange(len(self)))

    def encoded(self, row: int) -> bytes:
        """The file of a photo, or of its converted copy: JPEG or PNG."""
        return self._read(tf.constant(self.files[row]), tf.constant(row)).numpy()

    def decoded(self, rows: tf.data.Dataset) -> tf.data.Dataset:
        """Decodes the photos of a dataset of rows (scalar int64), in its order.

        Returns:
          A dataset of [S, S, 3] uint8.
        """
        with tf.device("/CPU:0"):
            columns = [tf.constant(column) for column in self.plan]
            files = tf.constant(self.files.tolist(), tf.string)

        def read(row: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            return row, self._read(files[row], row)

        def load(row: tf.Tensor, encoded: tf.Tensor) -> tf.Tensor:
            how = Plan(*(column[row] for column in columns))
            return decode(encoded, how, self.image_size)

        # Not AUTOTUNE: it begins with one, and a short run is over before it learns.
        cores = {"num_parallel_calls": os.cpu_count() or 1, "deterministic": True}
        # TensorFlow keeps 64 MB for each file of a bucket that it reads.
        if self.catalog.records is None or not self.catalog.is_remote:
            return rows.map(lambda row: load(*read(row)), **cores)
        encoded = rows.map(read, num_parallel_calls=READS_AT_ONCE, deterministic=True)
        options = tf.data.Options()
        options.threading.private_threadpool_size = READS_AT_ONCE
        return encoded.map(load, **cores).with_options(options)

    def _read(self, file: tf.Tensor, row: tf.Tensor) -> tf.Tensor:
        if self.catalog.records is None:
            return tf.io.read_file(file)
        return tf.cond(
            tf.strings.length(file) > 0,
            lambda: tf.io.read_file(file),
            lambda: tf.ensure_shape(
                tf.numpy_function(self._read_record, [row], tf.string), []
            ),
        )

    def _read_record(self, row: np.ndarray) -> bytes:
        return self.catalog.records(int(self.catalog.record[row]))


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


class Shares:
    """An order over the shares of some replicas, in turn: of batch 0, then of batch 1.

    Replica r of R has the r-th of R equal pieces of each batch.

    Args:
      order: Of the whole batches, from a step to `[batch]` rows.
      replicas: Those whose shares are wanted; they adjoin.
      num_replicas: How many share a batch, which is a multiple of it.
    """

    def __init__(
        self, order: Callable[[int], np.ndarray], replicas: range, num_replicas: int
    ):
        self._order = order
        self._replicas = replicas
        self._size = len(order(0)) // num_replicas

    def __call__(self, number: int) -> np.ndarray:
        """The rows of one share, `[batch / num_replicas]` int32."""
        step, place = divmod(number, len(self._replicas))
        start = self._replicas[place] * self._size
        return self._order(step)[start : start + self._size]
