"""Examples of data sets, read by number: from TFRecord files, across several splits."""

from __future__ import annotations

import bisect
import itertools
import os
import struct
import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow_datasets as tfds

from cv_tf.catalog.columns import CatalogError
from cv_tf.files import open_random

if TYPE_CHECKING:
    import pyarrow as pa

_LENGTH = struct.Struct("<Q")
_HEADER_SIZE = 12  # The record's length (8 bytes) and that length's checksum (4).
_FOOTER_SIZE = 4  # The record's checksum.


class Concatenated:
    """The items of several sequences by one number, which goes on where one ends."""

    def __init__(self, sources: Sequence[Any]):
        self.sources = sources
        self._ends = list(itertools.accumulate(map(len, sources)))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __iter__(self) -> Iterator[Any]:
        return itertools.chain.from_iterable(self.sources)

    def __getitem__(self, number: int) -> Any:
        if not 0 <= number < len(self):
            raise IndexError(f"There is no example {number} of {len(self)}.")
        source = bisect.bisect_right(self._ends, number)
        start = self._ends[source - 1] if source else 0
        return self.sources[source][number - start]


class TFRecordSource:
    """The examples of a split by number, like `builder.as_data_source`.

    TFRecord files have no index: where records start is known only after a file was
    read through. Iterating does that, in a bucket with one request for each file.
    Afterwards, each example read by its number is one request for its bytes alone;
    before, that reads through the file first. Checksums are not verified.

    Raises:
      CatalogError: When read, if a file ends before its last record.
    """

    def __init__(
        self, builder: tfds.core.DatasetBuilder, split: str, decoders: dict[str, Any]
    ):
        self._features = builder.info.features
        self._decoders = decoders
        files = [
            _RecordFile(os.fspath(shard.filename), shard.skip, shard.take)
            for shard in builder.info.splits[split].file_instructions
        ]
        self._records = Concatenated(files)

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return map(self._parse, self._records)

    def __getitem__(self, number: int) -> dict[str, Any]:
        return self._parse(self._records[number])

    def _parse(self, record: bytes) -> dict[str, Any]:
        return self._features.deserialize_example_np(record, decoders=self._decoders)


class _RecordFile:
    """`take` records of a file after the first `skip`, in order or by number."""

    def __init__(self, path: str, skip: int, take: int):
        self._path = path
        self._skip = skip
        self._take = take
        # The open file, and lengths and starts of its records, [take, 2] int64.
        self._index: tuple[pa.NativeFile, np.ndarray] | None = None
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
        self._index = file, np.array(places, np.int64)

    def __getitem__(self, number: int) -> bytes:
        with self._lock:
            while self._index is None:
                for _ in self:
                    pass
        file, places = self._index
        return file.read_at(*places[number].tolist())

    def _next(self, file: pa.NativeFile) -> bytes:
        header = file.read(_HEADER_SIZE)
        if len(header) == _HEADER_SIZE:
            (length,) = _LENGTH.unpack_from(header)
            record = file.read(length + _FOOTER_SIZE)
            if len(record) == length + _FOOTER_SIZE:
                return record[:length]
        raise CatalogError(f"{self._path} is cut off. Copy or write it again.")
