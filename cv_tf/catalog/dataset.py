"""Any TensorFlow data set with an image and a style label, as a catalogue."""

from __future__ import annotations

import bisect
import itertools
import os
import struct
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import tensorflow_datasets as tfds
from tqdm import tqdm

from cv_tf.catalog.columns import CatalogError, Problem, check_ids, raise_problems
from cv_tf.catalog.table import Catalog, number_blocks, number_styles
from cv_tf.catalog.tfds_builders import find_builder, prepare_builder, quiet_logs
from cv_tf.files import is_remote, open_random

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


_STYLE_GUESSES = ("style_id", "style", "item_id", "label")


class _Records:
    """Encoded images by their number, across several sources."""

    def __init__(self, sources: Sequence[Any], image: str):
        self._sources = sources
        self._image = image
        self._ends = list(itertools.accumulate(len(source) for source in sources))

    def __call__(self, number: int) -> bytes:
        source = bisect.bisect_right(self._ends, number)
        start = self._ends[source - 1] if source else 0
        return self._sources[source][number - start][self._image]


@quiet_logs()
def load_dataset(
    name: str,
    data_dir: str | Path | None = None,
    split: str = "all",
    block_columns: Sequence[str] = ("category",),
    *,
    image: str | None = None,
    style: str | None = None,
    progress: bool = True,
) -> Catalog:
    """Reads a data set of TFDS as a catalogue; prepares it where it is not yet.

    Images stay encoded and are read by number, so the data set is prepared as
    ArrayRecord files, or in a bucket as TFRecord files. These are read through once,
    for the labels, whenever the data set is loaded.

    Args:
      name: As `tfds.builder` takes it: "name", "name/config" or
        "name/config:version"; or a folder that holds a prepared data set.
      data_dir: Where data sets are kept; None for the default of TFDS. A bucket
        works too.
      split: "all", or splits joined with "+", slices allowed: "train[:50%]".
      block_columns: Features whose values make the blocks.
      image: Name of the image feature; None to take the one there is.
      style: Name of the style feature, text or class; None to take one that is
        called `style_id`, `style`, `item_id` or `label`, if there is one. Empty
        text and negative classes are unknown styles.
      progress: Whether to draw progress bars.

    Returns:
      The catalogue. The features `product_id`, `color` and `box` (x, y, width,
      height) are used where they are there.

    Raises:
      CatalogError: If the data set cannot be used.
    """
    builder = find_builder(name, data_dir)
    features = dict(builder.info.features)
    full_name = builder.info.full_name
    image = image or _guess_image(full_name, features)
    style = style or next((f for f in _STYLE_GUESSES if f in features), None)
    _check_features(full_name, features, [image, style, *block_columns], block_columns)
    prepare_builder(builder, progress)
    splits = _splits(builder, split)
    sources = [_source(builder, part, image) for part in splits]
    labels = [style, *block_columns, "product_id", "color", "box"]
    columns = _read(sources, features, labels, progress)

    num_rows = sum(len(source) for source in sources)
    if not num_rows:
        raise CatalogError(f"{full_name}: split {split!r} holds no products.")
    split_of_row = np.repeat(
        np.array([part.split("[")[0] for part in splits], object),
        [len(source) for source in sources],
    )
    block_values = [columns[name] for name in block_columns]
    block, block_names = number_blocks(block_values, num_rows)
    ids = columns.get("product_id")
    if ids is None:
        ids = [f"{part}-{i:07}" for i, part in enumerate(split_of_row)]
    _raise_if_repeated(full_name, ids)
    return Catalog(
        name=full_name if split == "all" else f"{full_name}:{split}",
        product_id=np.array(ids, object),
        image=np.full(num_rows, "", object),
        style=number_styles(columns.get(style, [""] * num_rows)),
        block=block,
        block_names=block_names,
        split=split_of_row,
        color=np.array(columns["color"], object) if "color" in columns else None,
        box=_boxes(columns),
        line=np.arange(1, num_rows + 1, dtype=np.int32),
        records=_Records(sources, image),
        record=np.arange(num_rows),
        folder=str(builder.data_dir),
        style_id=np.array(columns[style], object) if style else None,
    )


def _splits(builder: tfds.core.DatasetBuilder, split: str) -> list[str]:
    there = list(builder.info.splits)
    if split == "all":
        return there
    parts = [part.strip() for part in split.split("+")]
    unknown = [part for part in parts if part.split("[")[0] not in there]
    if unknown:
        raise CatalogError(
            f"{builder.info.full_name}: no split {unknown[0]!r}; there are {there}."
        )
    return parts


def _source(builder: tfds.core.DatasetBuilder, split: str, image: str) -> Any:
    decoders = {image: tfds.decode.SkipDecoding()}
    file_format = builder.info.file_format.value
    if file_format == "tfrecord":
        return TFRecordSource(builder, split, decoders)
    if is_remote(str(builder.data_dir)):
        raise CatalogError(
            f"{builder.info.full_name} is kept in {builder.data_dir} as {file_format}, "
            "and only tfrecord can be read from a bucket. Copy that folder to a disk, "
            "or pass another --data_dir to have it prepared anew."
        )
    try:
        return builder.as_data_source(split=split, decoders=decoders)
    except NotImplementedError as error:
        raise CatalogError(
            f"{builder.info.full_name} is kept in {builder.data_dir} as {file_format}, "
            "which cannot be read in any order. Pass another --data_dir to have it "
            "prepared anew, as array_record."
        ) from error


def _guess_image(name: str, features: dict[str, Any]) -> str:
    images = [
        feature
        for feature, kind in features.items()
        if isinstance(kind, tfds.features.Image)
    ]
    if "image" in images:
        return "image"
    if len(images) == 1:
        return images[0]
    raise CatalogError(
        f"{name}: cannot tell which feature is the photo; there are "
        f"{_describe(features)}. Name it."
    )


def _check_features(
    name: str,
    features: dict[str, Any],
    wanted: Sequence[str | None],
    block_columns: Sequence[str],
) -> None:
    missing = [feature for feature in wanted if feature and feature not in features]
    if not missing:
        return
    advice = ""
    if set(missing) & set(block_columns):
        advice = " Choose others with --block_columns; --block_columns= compares all."
    raise CatalogError(
        f"{name}: no feature {', '.join(map(repr, missing))}; there are "
        f"{_describe(features)}.{advice}"
    )


def _describe(features: dict[str, Any]) -> str:
    return ", ".join(f"{name} ({type(f).__name__})" for name, f in features.items())


def _read(
    sources: Sequence[Any],
    features: dict[str, Any],
    wanted: Sequence[str | None],
    progress: bool,
) -> dict[str, list[Any]]:
    """Reads the labels of all records; text and classes as text."""
    readers = {name: _reader(features[name]) for name in wanted if name in features}
    columns: dict[str, list[Any]] = {name: [] for name in readers}
    total = sum(len(source) for source in sources)
    records = itertools.chain.from_iterable(sources)
    bar = tqdm(
        records, "Reading labels", total, unit="", leave=False, disable=not progress
    )
    for record in bar:
        for name, read in readers.items():
            columns[name].append(read(record[name]))
    return columns


def _reader(feature: Any) -> Any:
    """How one value of a feature becomes text; arrays stay arrays."""
    if isinstance(feature, tfds.features.ClassLabel):
        return lambda value: feature.int2str(int(value)) if value >= 0 else ""
    if feature.shape:
        return np.asarray
    if np.issubdtype(feature.np_dtype, np.number):
        return lambda value: str(value) if value >= 0 else ""
    return lambda value: value.decode() if isinstance(value, bytes) else str(value)


def _boxes(columns: dict[str, list[Any]]) -> np.ndarray | None:
    boxes = np.asarray(columns.get("box", np.full((1, 4), np.nan)), np.float32)
    if boxes.shape[1:] != (4,) or np.isnan(boxes).all():
        return None
    return boxes


def _raise_if_repeated(name: str, ids: Sequence[str]) -> None:
    problems: list[Problem] = []
    check_ids(ids, range(1, len(ids) + 1), problems)
    raise_problems(name, problems)
