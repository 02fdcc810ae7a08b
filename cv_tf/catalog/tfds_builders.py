"""Prepares a TFDS builder with one calm progress bar."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from typing import Any

import tensorflow_datasets as tfds
from absl import logging
from tqdm import tqdm

from cv_tf.catalog.problems import CatalogError
from cv_tf.files import is_remote


def prepare_builder(
    builder: tfds.core.DatasetBuilder,
    progress: bool = True,
    file_format: str | None = None,
) -> None:
    """Downloads or generates a data set, unless it is there.

    Data sets that download keep the bars of TFDS, which tell how far the
    download is.

    Args:
      builder: Of the data set.
      progress: Whether to draw a progress bar.
      file_format: Of the shards; None for "array_record", or in a bucket, where that
        cannot be written, "tfrecord".

    Raises:
      CatalogError: If the download fails, or is to be done by hand; or if shards of
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
    quiet = _one_bar(builder, progress) if is_local else contextlib.nullcontext()
    try:
        with quiet:
            builder.download_and_prepare(file_format=file_format)
    except AssertionError as error:  # What TFDS raises for manual downloads.
        raise CatalogError(f"{builder.info.full_name}: {error}") from error
    except OSError as error:  # That of `requests` is one, too.
        raise CatalogError(
            f"{builder.info.full_name} could not be downloaded to {builder.data_dir}: "
            f"{error}"
        ) from error


@contextlib.contextmanager
def quiet_logs() -> Iterator[None]:
    """Keeps the warnings of TFDS about its own folders from the terminal."""
    level = logging.get_verbosity()
    logging.set_verbosity(logging.ERROR)
    try:
        yield
    finally:
        logging.set_verbosity(level)


@contextlib.contextmanager
def _one_bar(
    builder: tfds.core.GeneratorBasedBuilder, progress: bool
) -> Iterator[None]:
    """Counts the examples that are generated, and silences the bars of TFDS."""
    generate = builder._generate_examples
    bar = tqdm(desc=f"Preparing {builder.name}", unit="", disable=not progress)

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
