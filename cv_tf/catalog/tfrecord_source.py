"""Random access to TFRecord files, which many data sets are prepared as."""

from __future__ import annotations

import bisect
import itertools
import os
import struct
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from cv_tf.catalog.storage import open_binary

_LENGTH = struct.Struct("<Q")
_HEADER_SIZE = 12  # The record's length (8 bytes) and that length's checksum (4).
_FOOTER_SIZE = 4  # The record's checksum.


class TFRecordSource:
    """The examples of a split by number, like `builder.as_data_source`.

    TFRecord files have no index: where records start is found out once, by
    hopping from one record's length to the next. Checksums are not looked at.

    Args:
      builder: Of a data set prepared as TFRecord.
      split: Name of the split, slices allowed.
      decoders: As for `builder.as_data_source`.
    """

    def __init__(
        self, builder: tfds.core.DatasetBuilder, split: str, decoders: dict[str, Any]
    ):
        self._features = builder.info.features
        self._decoders = decoders
        shards = builder.info.splits[split].file_instructions
        self._files = [os.fspath(shard.filename) for shard in shards]
        self._starts = [
            _record_starts(file, shard.skip, shard.take)
            for file, shard in zip(self._files, shards, strict=True)
        ]
        self._ends = list(itertools.accumulate(map(len, self._starts)))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __getitem__(self, number: int) -> dict[str, Any]:
        if not 0 <= number < len(self):
            raise IndexError(f"There is no example {number} of {len(self)}.")
        shard = bisect.bisect_right(self._ends, number)
        start = self._starts[shard][number - self._ends[shard]]
        with open_binary(self._files[shard]) as file:
            file.seek(int(start))
            (length,) = _LENGTH.unpack(file.read(_HEADER_SIZE)[: _LENGTH.size])
            record = file.read(length)
        return self._features.deserialize_example_np(record, decoders=self._decoders)


def _record_starts(path: str, skip: int, take: int) -> np.ndarray:
    """Where the records wanted of a file start; `take` -1 stands for all."""
    starts = []
    with open_binary(path) as file:
        position = 0
        while header := file.read(_HEADER_SIZE):
            starts.append(position)
            (length,) = _LENGTH.unpack(header[: _LENGTH.size])
            position += _HEADER_SIZE + length + _FOOTER_SIZE
            file.seek(position)
    end = None if take < 0 else skip + take
    return np.array(starts[skip:end], np.int64)
