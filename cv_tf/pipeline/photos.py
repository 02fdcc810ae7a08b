"""The photos of a catalogue, ready to be taken as squares of pixels."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from cv_tf.catalog import Catalog
from cv_tf.files import READS_AT_ONCE
from cv_tf.pipeline.decode import Plan, decode
from cv_tf.pipeline.rejects import Reject

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
