"""Finds the TFDS builder of a data set, and prepares its files."""

from __future__ import annotations

import contextlib
import importlib
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tensorflow_datasets as tfds
from etils import epath

from cv_tf.catalog.columns import CatalogError, UnknownDatasetError
from cv_tf.files import did_you_mean, expanded, is_file, is_remote
from cv_tf.progress import Progress, draws_bars, is_quiet

_OWN_BUILDERS = {
    "catalog": "cv_tf.catalog.catalog_builder",
    "synthetic_color_variants": "cv_tf.datasets.synthetic_color_variants",
    "deepfashion_inshop": "cv_tf.datasets.deepfashion_inshop",
    "fashion_product_images": "cv_tf.datasets.fashion_product_images",
    "hm_personalized_fashion": "cv_tf.datasets.hm_personalized_fashion",
}


def prepare_builder(
    builder: tfds.core.DatasetBuilder,
    progress: bool = True,
    file_format: str | None = None,
) -> None:
    """Downloads or generates a data set, unless it is there.

    Data sets of this package have one progress bar; others keep the bars of TFDS, which
    show their downloads, on a terminal. The format of the shards is "array_record" or
    "tfrecord"; None for "array_record", or in a bucket, where that cannot be written,
    "tfrecord".

    Raises:
      CatalogError: If the download fails, or must be done by hand; or if shards of
        this format cannot be written there.
    """
    if builder.is_prepared():
        return
    in_bucket = is_remote(str(builder.data_dir))
    if in_bucket and file_format == "array_record":
        raise CatalogError(
            f"{builder.info.full_name} cannot be written to {builder.data_dir} as "
            "array_record, which needs a disk. In a bucket, choose 'tfrecord'."
        )
    file_format = file_format or ("tfrecord" if in_bucket else "array_record")
    is_local = type(builder).__module__.startswith("cv_tf.")
    bars = _one_bar(builder, progress) if is_local else _bars_of_tfds(progress)
    try:
        with bars:
            builder.download_and_prepare(file_format=file_format)
    except AssertionError as error:  # TFDS raises it for manual downloads.
        raise CatalogError(f"{builder.info.full_name}: {error}") from error
    except OSError as error:  # The errors of `requests` are OSErrors, too.
        raise CatalogError(
            f"{builder.info.full_name} could not be downloaded to {builder.data_dir}: "
            f"{error}"
        ) from error


def find_builder(
    name: str, data_dir: str | Path | None = None
) -> tfds.core.DatasetBuilder:
    """Finds the builder of a data set: of this package, of TFDS, or of prepared files.

    Name and `data_dir` are as for `load_dataset`.

    Raises:
      CatalogError: If there is none.
    """
    name, data_dir = expanded(name), expanded(data_dir or "") or None
    if is_file(f"{name}/dataset_info.json"):
        return tfds.builder_from_directory(name)
    family = re.split("[/:]", name)[0]
    if family in _OWN_BUILDERS:
        importlib.import_module(_OWN_BUILDERS[family])
    try:
        if family == "catalog":  # Its configs are tables: only their shards name them.
            _check_folder(name, data_dir)
            read_only = tfds.core.read_only_builder
            return read_only.builder_from_files(name, data_dir=data_dir)
        return tfds.builder(name, data_dir=data_dir)
    except tfds.core.DatasetNotFoundError as error:
        known = {*_OWN_BUILDERS, *tfds.list_builders(with_community_datasets=False)}
        message = (
            f"There is no data set {name!r}, neither in TFDS nor in "
            f"{data_dir or 'the default data_dir'}. {did_you_mean(family, known)}"
        )
        raise UnknownDatasetError(message.strip()) from error
    except (ValueError, RuntimeError) as error:
        configs = ", ".join(tfds.builder_cls(family).builder_configs)
        raise CatalogError(
            f"TFDS cannot make the data set {name!r} (its configs: {configs or None}). "
            f"It says: {error}"
        ) from error


@contextlib.contextmanager
def _one_bar(
    builder: tfds.core.GeneratorBasedBuilder, progress: bool
) -> Iterator[None]:
    """Counts the examples that are generated, and silences the bars of TFDS."""
    generate = builder._generate_examples
    bar = Progress(f"Preparing {builder.name}", unit="products", shown=progress)

    def counted(*args: Any, **kwargs: Any) -> Iterator[Any]:
        for example in generate(*args, **kwargs):
            yield example
            bar.update()

    builder._generate_examples = counted
    tfds.disable_progress_bar()
    try:
        with bar, contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        tfds.enable_progress_bar()
        del builder._generate_examples


@contextlib.contextmanager
def _bars_of_tfds(progress: bool) -> Iterator[None]:
    """Lets TFDS draw its bars where bars can be drawn."""
    if not progress or is_quiet() or not draws_bars():
        tfds.disable_progress_bar()
    try:
        yield
    finally:
        tfds.enable_progress_bar()


def _check_folder(name: str, data_dir: str | Path | None) -> None:
    """Raises for buckets, too, what TFDS raises for missing folders on disk only."""
    folder = epath.Path(data_dir or "", name.partition(":")[0])
    if data_dir and not folder.exists():
        raise tfds.core.DatasetNotFoundError(name)
