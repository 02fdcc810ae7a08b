r"""Prepares a data set, and counts what is in it.

    cv_tf prepare --dataset=hm_personalized_fashion/strict \
        --manual_dir=downloads/hm
    cv_tf prepare --dataset=deepfashion_inshop --manual_dir=downloads/inshop
    cv_tf prepare --dataset=fashion_product_images \
        --manual_dir=downloads/myntra

After that, the other commands take it with the same --dataset (and --data_dir). If the
files are missing, the error says where to download them.
hm_personalized_fashion/variants is the public benchmark of color variants: which of its
articles are missing, and whether figures are comparable, is printed.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, ClassVar

import cv_tf
from cv_tf import command
from cv_tf.settings import ConfigError, check_all, setting

if TYPE_CHECKING:
    from cv_tf.datasets import Prepared


@dataclasses.dataclass(kw_only=True)
class PrepareConfig:
    """Settings of a preparation.

    Raises:
      ConfigError: At construction, if a value cannot be used.
    """

    main_flags: ClassVar[tuple[str, ...]] = (
        "dataset",
        "manual_dir",
        "data_dir",
        "block_columns",
    )

    dataset: str = setting(
        "",
        "hm_personalized_fashion (/all, /solid, /strict, /variants), "
        "deepfashion_inshop, "
        "fashion_product_images, or any data set of TFDS with an image.",
    )
    manual_dir: str = setting(
        "",
        "Folder of the owner's files, unpacked; empty for downloads/manual in "
        "--data_dir.",
    )
    data_dir: str = setting("", "Where TFDS keeps its data sets; empty for its own.")
    block_columns: tuple[str, ...] = setting(
        ("category",),
        "Columns whose values products must share to be compared, comma-separated.",
    )

    def __post_init__(self):
        check_all(self)
        if not self.dataset:
            raise ConfigError(
                "--dataset is not set. Name one, such as "
                "--dataset=hm_personalized_fashion."
            )


def run(config: PrepareConfig) -> Prepared:
    """Prepares a data set unless it is there, and prints what is in it.

    Raises:
      CatalogError: If it cannot be prepared: its name is unknown, or its files are
        missing or cannot be read.
    """
    prepared = cv_tf.datasets.prepare_dataset(
        config.dataset, config.manual_dir, config.data_dir or None, config.block_columns
    )
    print(cv_tf.datasets.format_prepared(prepared))
    return prepared


if __name__ == "__main__":
    command.run(run, PrepareConfig)
