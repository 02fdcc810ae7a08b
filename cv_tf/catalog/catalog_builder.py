"""The TFDS builder `catalog`: a user's table as shards, for object storage.

folder = write_shards("my.csv", data_dir="gs://bucket/data")
catalog = cv_tf.catalog.load_dataset(folder)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from cv_tf.catalog.columns import CatalogError, raise_problems
from cv_tf.catalog.quiet import quiet_logs
from cv_tf.catalog.sources import read_catalog
from cv_tf.catalog.table import Catalog
from cv_tf.catalog.tfds_builders import prepare_builder
from cv_tf.files import expanded, is_file, open_binary
from cv_tf.spelling import clean

_NUM_THREADS = 32
# What TFDS understands as a split.
_SPLIT_NAME = re.compile(r"(?!all$)[\w-]+", re.IGNORECASE)
_OWN_FEATURES = ("image", "box")
_CHUNK_SIZE = 256  # Photos that are read ahead.


@dataclass(eq=False, kw_only=True)
class CatalogConfig(tfds.core.BuilderConfig):
    """The table that is turned into shards; see `write_shards`."""

    table: str = ""
    block_columns: tuple[str, ...] = ()
    on_bad_image: str = "fail"


class CatalogBuilder(tfds.core.GeneratorBasedBuilder):
    """The unchanged photos, ids, styles and blocks of a table in a `CatalogConfig`."""

    name = "catalog"
    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "Initial release."}  # noqa: RUF012 (as TFDS declares it)

    def _info(self) -> tfds.core.DatasetInfo:
        text = ("product_id", "style_id", "color", *self.builder_config.block_columns)
        return tfds.core.DatasetInfo(
            builder=self,
            description="A catalogue of products, one photo each.",
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(),
                    "box": tfds.features.Tensor(shape=(4,), dtype=np.float32),
                    **{name: tfds.features.Text() for name in text},
                }
            ),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Iterator]:  # noqa: ARG002
        config = self.builder_config
        catalog = read_catalog(config.table, config.block_columns)
        unsplit = np.full(len(catalog), "train", object)
        split = unsplit if catalog.split is None else catalog.split
        _check(catalog, split, config.on_bad_image)
        return {
            name: self._generate_examples(catalog, np.flatnonzero(split == name))
            for name in sorted(set(split))
        }

    def _generate_examples(
        self, catalog: Catalog, rows: np.ndarray
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        features = self.info.features.items()
        text = [name for name, f in features if isinstance(f, tfds.features.Text)]
        no_box = np.full(4, np.nan, np.float32)
        cells = {"product_id": catalog.product_id, **catalog.extras}
        for name in ("style_id", "color", "split"):
            if (column := getattr(catalog, name)) is not None:
                cells[name] = column
        with ThreadPoolExecutor(_NUM_THREADS) as pool:
            for start in range(0, len(rows), _CHUNK_SIZE):
                chunk = rows[start : start + _CHUNK_SIZE]
                encoded = pool.map(_read_or_empty, catalog.image[chunk])
                for row, image in zip(chunk, encoded, strict=True):
                    box = no_box if catalog.box is None else catalog.box[row]
                    texts = {
                        name: cells[name][row] if name in cells else "" for name in text
                    }
                    yield int(row), {"image": image, "box": box, **texts}


def _check(catalog: Catalog, split: np.ndarray, on_bad_image: str) -> None:
    """Raises `CatalogError` if rows cannot be stored, and lists them."""
    problems = [
        (int(line), f"split is {name!r}" if name else "split is empty")
        for line, name in zip(catalog.line, split, strict=True)
        if not _SPLIT_NAME.fullmatch(name)
    ]
    advice = (
        "Fill it, or leave the column out. A split of a data set is named by letters, "
        "digits, '_' and '-', and not 'all'."
    )
    raise_problems(catalog.name, problems, advice)
    if on_bad_image == "reject":
        return
    with ThreadPoolExecutor(_NUM_THREADS) as pool:
        there = list(pool.map(is_file, catalog.image))
    problems = [
        (int(catalog.line[i]), f"image {catalog.image[i]!r} does not exist")
        for i in np.flatnonzero(~np.array(there))
    ]
    advice = (
        "Mend them, or pass on_bad_image='reject' to keep these products without a "
        "photo; training will then name them among its rejects."
    )
    raise_problems(catalog.name, problems, advice)


def _read_or_empty(image: str) -> bytes:
    """The bytes of a photo; none if the file is missing, which training rejects."""
    if not is_file(image):
        return b""
    with open_binary(image) as file:
        return file.read()


def write_shards(
    table: str | Path,
    data_dir: str | Path | None = None,
    name: str | None = None,
    block_columns: Sequence[str] = ("category",),
    *,
    on_bad_image: str = "fail",
    file_format: str | None = None,
    progress: bool = True,
) -> str:
    """Writes a table and its photos as the TFDS data set `catalog/<name>`.

    Photos are stored as they are. Read it back with
    `load_dataset(<the folder returned>)`, wherever it was copied.

    Args:
      table: Path of the table, as for `read_catalog`; it is checked first.
      data_dir: Folder or bucket of data sets; None for the default of TFDS.
      name: Name of the data set; None for the table's name.
      block_columns: Columns that make the blocks.
      on_bad_image: "fail", or "reject" to store products without their photo where the
        file is missing; training names these among its rejects.
      file_format: File format of the shards, as for `prepare_builder`.
      progress: Whether to draw a progress bar.

    Returns:
      The folder of the data set.

    Raises:
      CatalogError: If the table or, with "fail", a photo cannot be read; or if shards
        of this format cannot be written there.
    """
    table = expanded(table)
    block_columns = tuple(map(clean, block_columns))
    if taken := sorted(set(block_columns) & set(_OWN_FEATURES)):
        raise CatalogError(
            f"A data set has the photos and boxes as {' and '.join(_OWN_FEATURES)}, so "
            f"that no block can be made of {taken[0]!r}. Rename the column."
        )
    read_catalog(table, block_columns)  # Says here what TFDS is too quiet to say.
    file_name = Path(table).name.removesuffix(".gz")
    config = CatalogConfig(
        name=name or Path(file_name).stem,
        table=table,
        block_columns=block_columns,
        on_bad_image=on_bad_image,
    )
    data_dir = expanded(data_dir or "") or None
    with quiet_logs():
        builder = CatalogBuilder(config=config, data_dir=data_dir)
        if builder.is_prepared():
            raise CatalogError(
                f"{builder.info.full_name} is already in {builder.data_dir}. Choose "
                "another name for this table, or delete that folder."
            )
        prepare_builder(builder, progress, file_format)
    return str(builder.data_dir)
