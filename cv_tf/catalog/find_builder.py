"""Finds the TFDS builder that a name stands for."""

from __future__ import annotations

import difflib
import importlib
import re
from pathlib import Path

import tensorflow_datasets as tfds
from etils import epath

from cv_tf.catalog.problems import CatalogError
from cv_tf.files import is_file

_OWN_BUILDERS = {
    "catalog": "cv_tf.catalog.catalog_builder",
    "synthetic_color_variants": "cv_tf.datasets.synthetic_color_variants",
    "deepfashion_inshop": "cv_tf.datasets.deepfashion_inshop",
    "fashion_product_images": "cv_tf.datasets.fashion_product_images",
    "hm_personalized_fashion": "cv_tf.datasets.hm_personalized_fashion",
}


def find_builder(
    name: str, data_dir: str | Path | None = None
) -> tfds.core.DatasetBuilder:
    """Finds a data set's builder: ours, that of TFDS, or that of prepared files.

    Args:
      name: As for `load_dataset`.
      data_dir: Where data sets are kept; None for the default of TFDS.

    Raises:
      CatalogError: If there is none.
    """
    if is_file(f"{name}/dataset_info.json"):
        return tfds.builder_from_directory(name)
    family = re.split("[/:]", name)[0]
    if family in _OWN_BUILDERS:
        importlib.import_module(_OWN_BUILDERS[family])
    try:
        if family == "catalog":  # Its tables are known to their shards only.
            _check_folder(name, data_dir)
            return tfds.core.read_only_builder.builder_from_files(
                name, data_dir=data_dir
            )
        return tfds.builder(name, data_dir=data_dir)
    except tfds.core.DatasetNotFoundError as error:
        known = {*_OWN_BUILDERS, *tfds.list_builders(with_community_datasets=False)}
        near = difflib.get_close_matches(family, known, n=3)
        hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
        raise CatalogError(
            f"There is no data set {name!r}, neither in TFDS nor in "
            f"{data_dir or 'the default data_dir'}.{hint}"
        ) from error
    except (ValueError, RuntimeError) as error:
        configs = ", ".join(tfds.builder_cls(family).builder_configs)
        raise CatalogError(
            f"TFDS cannot make the data set {name!r} (its configs: {configs or None}). "
            f"It says: {error}"
        ) from error


def _check_folder(name: str, data_dir: str | Path | None) -> None:
    """Raises for buckets what TFDS raises for disks alone."""
    if not data_dir:
        return
    folder = epath.Path(data_dir, name.partition(":")[0]).expanduser()
    if not folder.exists():
        raise tfds.core.DatasetNotFoundError(name)
