"""The photos that settings name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cv_tf.catalog import Catalog
from cv_tf.config import DataSettings

if TYPE_CHECKING:
    from cv_tf.pipeline import Photos


def prepare_photos(catalog: Catalog, settings: DataSettings, image_size: int) -> Photos:
    """The photos of a catalogue as squares of some size.

    Raises:
      CatalogError: If photos cannot be used and `--on_bad_image` is "fail".
    """
    # Tables are read without TensorFlow, so that errors in them come at once.
    from cv_tf.pipeline import prepare  # noqa: PLC0415

    return prepare(
        catalog,
        image_size,
        frame=settings.frame,
        on_bad_image=settings.on_bad_image,
        cache_dir=settings.cache_dir or None,
        memory_gigabytes=settings.memory_gigabytes,
    )
