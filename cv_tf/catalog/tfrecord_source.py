"""Random access to TFRecord files, which many data sets are prepared as."""

from __future__ import annotations

import bisect
import itertools
import os
import struct
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import tensorflow_datasets as tfds

from cv_tf.catalog.problems import CatalogError
from cv_tf.files import open_random

_LENGTH = struct.Struct("<Q")
_HEADER_SIZE = 12  # The record's length (8 bytes) and that length's checksum (4).
_FOOTER_SIZE = 4  # The record's checksum.


class TFRecordSource:
    """The examples of a split by number, like `builder.as_data_source`.

    TFRecord files have no index, so that where records start is known once a file was
    read through. Iterating does that: in a bucket it is one request a file, and each
    example that is read by its number afterwards is one more, for its bytes alone.
    Reading a number of a file that was not iterated over reads through that file
    first. Checksums are not looked at.

    Args:
      builder: Of a data set prepared as TFRecord.
      split: Name of the split, slices allowed.
      decoders: As for `builder.as_data_source`.

    Raises:
      CatalogError: When read, if a file ends before its last record.
    """

    def __init__(
        self, builder: tfds.core.DatasetBuilder, split: str, decoders: dict[str, Any]
    ):
        self._features = builder.info.features
        self._decoders = decoders
        self._files = [
            _RecordFile(os.fspath(shard.filename), shard.skip, shard.take)
            for shard in builder.info.splits[split].file_instructions
        ]
        self._ends = list(itertools.accumulate(map(len, self._files)))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return map(self._parse, itertools.chain.from_iterable(self._files))

    def __getitem__(self, number: int) -> dict[str, Any]:
        if not 0 <= number < len(self):
            raise IndexError(f"There is no example {number} of {len(self)}.")
        file = bisect.bisect_right(self._ends, number)
        start = self._ends[file - 1] if file else 0
        return self._parse(self._files[file].read(number - start))

    def _parse(self, record: bytes) -> dict[str, Any]:
        return self._features.deserialize_example_np(record, decoders=self._decoders)


class _RecordFile:
    """`take` records of a file after the first `skip`, in order or by number."""

    def __init__(self, path: str, skip: int, take: int):
        self._path = path
        self._skip = skip
        self._take = take
        self._file: pa.NativeFile | None = None
        self._places: np.ndarray | None = None  # Lengths and starts, [take, 2] int64.
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return self._take

    def __iter__(self) -> Iterator[bytes]:
        places = []
        position = 0
        file = open_random(self._path)
        for number in range(self._skip + self._take):
            record = self._next(file)
            if number >= self._skip:
                places.append((len(record), position + _HEADER_SIZE))
                yield record
            position += _HEADER_SIZE + len(record) + _FOOTER_SIZE
        self._file, self._places = file, np.array(places, np.int64)

    def _next(self, file: pa.NativeFile) -> bytes:
        header = file.read(_HEADER_SIZE)
        if len(header) == _HEADER_SIZE:
            (length,) = _LENGTH.unpack_from(header)
            record = file.read(length + _FOOTER_SIZE)
            if len(record) == length + _FOOTER_SIZE:
                return record[:length]
        raise CatalogError(f"{self._path} is cut off. Copy or write it again.")

    def read(self, number: int) -> bytes:
        with self._lock:
            if self._places is None:
                for _ in self:
                    pass
        return self._file.read_at(*self._places[number].tolist())
