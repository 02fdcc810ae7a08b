"""The photos of a catalogue, ready to be decoded, and those that cannot be."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import tensorflow as tf

from cv_tf.catalog import Catalog, write_rows
from cv_tf.files import READS_AT_ONCE, is_remote
from cv_tf.pipeline.decode import DecodingPlan, decode, decode_now
from cv_tf.pipeline.photo_files import photo_content
from cv_tf.progress import Progress
from cv_tf.stores import is_by_tensorflow

_CHUNK = 64
_SIDES: tuple[Literal["left", "right"], ...] = ("left", "right")


class Reject(NamedTuple):
    """A product whose photo cannot be used."""

    product_id: str
    image: str  # Path or URI of the photo; "" if there is none.
    reason: str  # Why it cannot be used, in plain words.


@dataclass(frozen=True, eq=False)
class Photos:
    """Photos that are known to be readable, one a row of the catalogue.

    Attributes:
      catalog: The n products whose photos can be used.
      rejects: The products whose photos cannot be used.
      image_size: Side S of the decoded squares in pixels.
      plan: How each photo is decoded.
      files: [n] object (str), the file of each photo (a converted copy if there is
        one), or "" if the bytes come from the catalogue's records.
      outcomes: [n] str, what each frame is, a name of `frame_outcomes.OUTCOMES`.
      digests: [n] object (str), digest of the bytes of each photo.
      pixels: [m, S, S, 3] uint8, squares that are decoded; None if there are none.
      places: [n] int64, row in `pixels` of each photo, -1 for those that are decoded
        for each batch; None if `pixels` is.
      more: Further photos of these products that show them as well, m of them, which
        vectors are the means of; None if there are none.
      more_of: [m] int64, the row of each one's product, ascending; None if `more` is.
    """

    catalog: Catalog
    rejects: tuple[Reject, ...]
    image_size: int
    plan: DecodingPlan
    files: np.ndarray
    outcomes: np.ndarray
    digests: np.ndarray
    pixels: np.ndarray | None = None
    places: np.ndarray | None = None
    more: Photos | None = None
    more_of: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.catalog)

    def select(self, rows: np.ndarray) -> Photos:
        """The photos of some rows of the catalogue; decoded pixels are shared."""
        more, more_of = self.more_photos(rows)
        return replace(
            self,
            more=more,
            more_of=more_of,
            catalog=self.catalog.select(rows),
            plan=DecodingPlan(*(column[rows] for column in self.plan)),
            files=self.files[rows],
            outcomes=self.outcomes[rows],
            digests=self.digests[rows],
            places=None if self.places is None else self.places[rows],
        )

    def more_photos(self, rows: np.ndarray) -> tuple[Photos | None, np.ndarray | None]:
        """The further photos of some rows, and the place in `rows` of each one's."""
        if self.more is None or self.more_of is None:
            return None, None
        rows = np.arange(len(self))[rows]
        first, end = (np.searchsorted(self.more_of, rows, it) for it in _SIDES)
        places = [np.arange(*of) for of in zip(first, end, strict=True)]
        taken = np.concatenate([np.empty(0, int), *places])
        if not len(taken):
            return None, None
        return self.more.select(taken), np.repeat(np.arange(len(rows)), end - first)

    def with_styles(self, styles: np.ndarray) -> Photos:
        """The same photos with other styles, [n] integers, -1 if unknown."""
        styles = np.asarray(styles, np.int32)
        return replace(self, catalog=replace(self.catalog, style=styles))

    @property
    def are_in_memory(self) -> bool:
        """Whether all squares are decoded."""
        return self.places is not None and bool((self.places >= 0).all())

    def in_memory(self, progress: bool = True) -> Photos:
        """Decodes all photos once, in parallel, so that batches are only copied.

        Squares that a scan has kept are not decoded again.
        """
        if self.are_in_memory:
            return self
        pixels, places = self.pixels, self.places
        if pixels is None or places is None:
            places = np.full(len(self), -1)
        missing = np.flatnonzero(places < 0)
        free = np.setdiff1d(np.arange(0 if pixels is None else len(pixels)), places)
        if pixels is None or len(free) < len(missing):
            side = self.image_size
            pixels = np.empty((len(self), side, side, 3), np.uint8)
            missing = free = np.arange(len(self))
        title, number = "Decoding photos", len(missing)
        with Progress(title, number, "photos", shown=progress) as bar:
            for start in range(0, len(missing), _CHUNK):
                rows = missing[start : start + _CHUNK]
                pixels[free[start : start + len(rows)]] = self.squares(rows)
                bar.update(len(rows))
        places = places.copy()
        places[missing] = free[: len(missing)]
        return replace(self, pixels=pixels, places=places)

    def squares(self, rows: np.ndarray) -> np.ndarray:
        """The squares of some rows, [m, S, S, 3] uint8, decoded in parallel.

        Raises:
          OSError: If a photo cannot be read any more.
          tf.errors.InvalidArgumentError: If it cannot be decoded any more.
        """
        rows = np.asarray(rows)
        if self.pixels is not None and self.places is not None:
            places = self.places[rows]
            if (places >= 0).all():
                return self.pixels[places]
        side = self.image_size
        squares = np.empty((len(rows), side, side, 3), np.uint8)
        missing = np.arange(len(rows))
        if self.pixels is not None:
            squares[places >= 0] = self.pixels[places[places >= 0]]
            missing = np.flatnonzero(places < 0)

        def decode_one(i: int, encoded: bytes | None = None) -> None:
            row = rows[i]
            how = DecodingPlan(*(column[row] for column in self.plan))
            encoded = self.encoded(row) if encoded is None else encoded
            squares[i] = decode_now(encoded, how, side)

        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            # Only records of a bucket are read by many threads: for each file of a
            # bucket that it reads, TensorFlow needs 64 MB.
            if self.catalog.records is None or not self.catalog.is_remote:
                list(pool.map(decode_one, missing))
                return squares
            with ThreadPoolExecutor(READS_AT_ONCE) as readers:
                encoded = readers.map(self.encoded, rows[missing])
                list(pool.map(decode_one, missing, encoded))
        return squares

    def encoded(self, row: int) -> bytes:
        """The encoded bytes of a photo or of its converted copy: JPEG or PNG."""
        if path := self.files[row]:
            with photo_content(path) as content:
                return content
        photo = self.catalog.photo(row)
        if isinstance(photo, bytes):
            return photo
        with photo_content(photo) as content:
            return content

    @tf.autograph.experimental.do_not_convert
    def decoded(self, rows: tf.data.Dataset) -> tf.data.Dataset:
        """A dataset of [S, S, 3] uint8, decoded in parallel, for one of row numbers."""
        with tf.device("/CPU:0"):
            columns = [tf.constant(column) for column in self.plan]
            files = tf.constant(self.files.tolist(), tf.string)

        def read(row: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            return row, self._read(files[row], row)

        def load(row: tf.Tensor, encoded: tf.Tensor) -> tf.Tensor:
            how = DecodingPlan(*(column[row] for column in columns))
            return decode(encoded, how, self.image_size)

        # AUTOTUNE starts with one call, and a short run ends before it has adapted.
        cores = {"num_parallel_calls": os.cpu_count() or 1, "deterministic": True}
        # Only records of a bucket are read by many threads: for each file of a bucket
        # that it reads, TensorFlow needs 64 MB.
        if self.catalog.records is None or not self.catalog.is_remote:
            return untuned(rows.map(lambda row: load(*read(row)), **cores))
        encoded = rows.map(read, num_parallel_calls=READS_AT_ONCE, deterministic=True)
        options = tf.data.Options()
        options.threading.private_threadpool_size = READS_AT_ONCE
        return untuned(encoded.map(load, **cores).with_options(options))

    @cached_property
    def _in_stores(self) -> bool:
        """Whether photos are in stores whose files TensorFlow does not read."""
        return any(is_remote(it) and not is_by_tensorflow(it) for it in self.files)

    def _read(self, file: tf.Tensor, row: tf.Tensor) -> tf.Tensor:
        if self.catalog.records is None:
            if not self._in_stores:
                return tf.io.read_file(file)
            read = tf.numpy_function(_content, [file], tf.string)
            return tf.ensure_shape(read, [])

        def record() -> tf.Tensor:
            photo = self.catalog.photo
            return tf.numpy_function(lambda row: photo(int(row)), [row], tf.string)

        is_file = tf.strings.length(file) > 0
        encoded = tf.cond(is_file, lambda: tf.io.read_file(file), record)
        return tf.ensure_shape(encoded, [])


def _content(path: bytes) -> bytes:
    with photo_content(path.decode()) as content:
        return content


def untuned(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """The same data set without the thread that would tune it; nothing is left to it.

    That thread waits by the clock of the day: when somebody sets the clock back, it
    does not end for as long, and nor does the process.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)


def most_frequent(rejects: Sequence[Reject]) -> str:
    """A sentence with the reason that most rejects have.

    Example:
      >>> most_frequent([Reject("a", "a.jpg", "the file is missing")])
      'Of 1 photo, 1 has this reason: the file is missing.'
    """
    reason, number = Counter(reject.reason for reject in rejects).most_common(1)[0]
    photos = "1 photo" if len(rejects) == 1 else f"{len(rejects):,} photos"
    have = "has" if number == 1 else "have"
    return f"Of {photos}, {number:,} {have} this reason: {reason}."


def write_rejects(path: str | Path, rejects: Sequence[Reject]) -> None:
    """Writes rejects as CSV with the columns product_id, image and reason."""
    write_rows(Path(path), Reject._fields, rejects, "\r\n")
