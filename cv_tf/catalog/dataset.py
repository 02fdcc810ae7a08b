"""Any TensorFlow data set with an image and a style label, as a catalogue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import tensorflow_datasets as tfds

from cv_tf.catalog.cells import Values
from cv_tf.catalog.columns import CatalogError, Problem, check_ids, raise_problems
from cv_tf.catalog.ids_and_labels import read_cells
from cv_tf.catalog.quiet import quiet_logs
from cv_tf.catalog.table import Catalog, number_blocks, number_styles, objects
from cv_tf.catalog.tfds_builders import find_builder, prepare_builder
from cv_tf.catalog.tfrecord_source import Concatenated, TFRecordSource
from cv_tf.files import is_remote
from cv_tf.progress import Progress

_STYLE_GUESSES = ("style_id", "style", "item_id", "label")


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
    """Reads a data set of TFDS as a catalogue; prepares it first where it is not yet.

    Images stay encoded and are read by number. For that, the data set is prepared as
    ArrayRecord files, or in a bucket as TFRecord files. They are read through once, for
    the labels, whenever the data set is loaded.

    Args:
      name: Name for `tfds.builder`, such as "name/config:version", or a folder that
        holds a prepared data set.
      data_dir: Folder or bucket of data sets; None for the default of TFDS.
      split: "all", or splits joined with "+", slices allowed: "train[:50%]".
      block_columns: Features whose values make the blocks.
      image: Name of the image feature; None if there is only one.
      style: Name of the style feature, text or class; None for `style_id`, `style`,
        `item_id` or `label`, if any. Empty text, "nan" and the like, and negative
        numbers are unknown.
      progress: Whether to draw progress bars.

    Returns:
      The catalogue, with `product_id`, `color` and `box` (x, y, width, height) where
      these features exist.

    Raises:
      CatalogError: If the data set cannot be used.
    """
    with quiet_logs():
        builder = find_builder(name, data_dir)
        full_name, features = builder.info.full_name, dict(builder.info.features)
        image = image or _guess_image(full_name, features)
        style = style or next((f for f in _STYLE_GUESSES if f in features), "")
        wanted = [image, style, *block_columns]
        _check_features(full_name, features, wanted, block_columns)
        prepare_builder(builder, progress)

        splits, examples = _examples(builder, split, image)
        labels = [style, *block_columns, "product_id", "color", "box"]
        columns = _read_labels(examples, features, labels, progress)
    columns = _to_text(full_name, columns, features, style)
    catalog = _from_labels(columns, full_name, style, block_columns, len(examples))
    names = objects([part.split("[")[0] for part in splits])
    split_of_row = np.repeat(names, [len(source) for source in examples.sources])
    return replace(
        catalog,
        name=full_name if split == "all" else f"{full_name}:{split}",
        product_id=_product_ids(full_name, columns, split_of_row),
        split=split_of_row,
        records=lambda number: examples[number][image],
        record=np.arange(len(examples)),
        folder=str(builder.data_dir),
    )


def _from_labels(
    columns: dict[str, list],
    name: str,
    style: str,
    block_columns: Sequence[str],
    num_rows: int,
) -> Catalog:
    """The labels of a data set as a catalogue without photos, ids and splits."""
    block_values = [columns[column] for column in block_columns]
    block, block_names = number_blocks(block_values, num_rows)
    nothing = np.full(num_rows, "", object)
    return Catalog(
        name=name,
        product_id=nothing,
        image=nothing,
        style=number_styles(columns.get(style, [""] * num_rows)),
        block=block,
        block_names=block_names,
        split=None,
        color=objects(columns["color"]) if "color" in columns else None,
        box=_boxes(columns),
        line=np.arange(1, num_rows + 1, dtype=np.int32),
        style_id=objects(columns[style]) if style else None,
    )


def _examples(
    builder: tfds.core.DatasetBuilder, split: str, image: str
) -> tuple[list[str], Concatenated]:
    """The parts of a split, and the examples of all of them."""
    splits = _splits(builder, split)
    examples = Concatenated([_source(builder, part, image) for part in splits])
    if not len(examples):
        name = builder.info.full_name
        raise CatalogError(f"{name}: split {split!r} holds no products.")
    return splits, examples


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
            "which has no random access. Pass another --data_dir to have it "
            "prepared anew, as array_record."
        ) from error


def _guess_image(name: str, features: dict[str, Any]) -> str:
    images = [key for key, f in features.items() if isinstance(f, tfds.features.Image)]
    if "image" in images:
        return "image"
    if len(images) == 1:
        return images[0]
    raise CatalogError(
        f"{name}: cannot tell which feature is the photo; there are "
        f"{_describe(features)}. Name it."
    )


def check_blocks(builder: Any, block_columns: Sequence[str]) -> None:
    """Checks that a data set has the features that make the blocks.

    Raises:
      CatalogError: If it has not; it says which there are.
    """
    info = builder.info
    _check_features(info.full_name, dict(info.features), block_columns, block_columns)


def _check_features(
    name: str,
    features: dict[str, Any],
    wanted: Sequence[str],
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


def _read_labels(
    examples: Concatenated,
    features: dict[str, Any],
    wanted: Sequence[str],
    progress: bool,
) -> dict[str, list[Any]]:
    """Reads the wanted features of all examples; classes as text."""
    readers = {name: _reader(features[name]) for name in wanted if name in features}
    columns: dict[str, list[Any]] = {name: [] for name in readers}
    title, total = "Reading labels", len(examples)
    with Progress(title, total, "labels", shown=progress, leave=False) as bar:
        for example in examples:
            for name, read in readers.items():
                columns[name].append(read(example[name]))
            bar.update()
    return columns


def _reader(feature: Any) -> Callable[[Any], Any]:
    """A function from a value of a feature to text, a number or an array."""
    if isinstance(feature, tfds.features.ClassLabel):
        return lambda value: feature.int2str(int(value)) if value >= 0 else ""
    if feature.shape:
        return np.asarray
    return lambda value: value.decode() if isinstance(value, bytes) else value


def _to_text(
    name: str, columns: dict[str, list[Any]], features: dict[str, Any], style: str
) -> dict[str, list[Any]]:
    """Columns of values as text; those of arrays stay. Raises `CatalogError`."""
    text: dict[str, list[Any]] = {}
    problems: list[Problem] = []
    for column, values in columns.items():
        if features[column].shape:
            text[column] = values
            continue
        dtype = features[column].np_dtype
        is_class = isinstance(features[column], tfds.features.ClassLabel)
        known: Values = values
        if np.issubdtype(dtype, np.number) and not is_class:
            numbers = np.array(values, dtype)
            if dtype == np.float64:  # Examples of TFDS are stored in single precision.
                numbers = numbers.astype(np.float32)
            known = pa.array(numbers, mask=numbers < 0)
        labels = [column] if column != "product_id" else []
        text[column], wrong = read_cells(
            name, column, known, ids=("product_id", style), labels=labels
        )
        problems += [(place + 1, what) for place, what in wrong]
    raise_problems(name, problems)
    return text


def _boxes(columns: dict[str, list[Any]]) -> np.ndarray | None:
    values = columns.get("box", [])
    if not values or any(np.shape(value) != (4,) for value in values):
        return None  # A feature of this name that holds something else.
    boxes = np.asarray(values, np.float32)
    return None if np.isnan(boxes).all() else boxes


def _product_ids(
    name: str, columns: dict[str, list[Any]], splits: np.ndarray
) -> np.ndarray:
    """The ids, checked, or numbers where the data set has none, `[n]` object."""
    ids = columns.get("product_id")
    if ids is None:
        ids = [f"{split}-{number:07}" for number, split in enumerate(splits)]
    problems: list[Problem] = []
    check_ids(name, ids, range(1, len(ids) + 1), problems)
    raise_problems(name, problems)
    return objects(ids)
