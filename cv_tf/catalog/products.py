"""The products that settings name."""

from __future__ import annotations

import cv_tf
from cv_tf.catalog.table import Catalog, read_catalog
from cv_tf.config import CatalogSettings


def read_products(settings: CatalogSettings, split: str = "") -> Catalog:
    """The user's table, or else the data set.

    Args:
      settings: Which one.
      split: Only products with this value of the column `split`; "" for all.

    Raises:
      CatalogError: If it cannot be used, or has no such split.
    """
    catalog = _read(settings)
    return catalog.where_split(split) if split else catalog


def _read(settings: CatalogSettings) -> Catalog:
    if settings.catalog:
        return read_catalog(settings.catalog, settings.block_columns)

    return cv_tf.catalog.load_dataset(
        settings.dataset,
        data_dir=settings.data_dir or None,
        block_columns=settings.block_columns,
    )
