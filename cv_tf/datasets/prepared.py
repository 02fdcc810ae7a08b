"""Prepares a data set, and counts what is in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cv_tf.catalog import (
    Catalog,
    CatalogError,
    check_blocks,
    find_builder,
    load_dataset,
    prepare_builder,
    quiet_logs,
)
from cv_tf.command import aligned
from cv_tf.datasets.manual import ManualBuilder
from cv_tf.datasets.variants_benchmark import Completeness, completeness_of

_BENCHMARK = ("hm_personalized_fashion", "variants")
_SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Prepared:
    """A data set that is ready to be used.

    Attributes:
      catalog: Products of the data set.
      left_out: Reason to the number of items left out for it ("count") and the first of
        them ("example"); empty if the data set does not count them.
      is_new: Whether the data set was prepared now, not before.
      completeness: Share of the benchmark of color variants that is there, and what
        is missing; None for other data sets.
    """

    catalog: Catalog
    left_out: Mapping[str, Mapping[str, Any]]
    is_new: bool
    completeness: Completeness | None = None


@quiet_logs()
def prepare_dataset(
    name: str,
    manual_dir: str = "",
    data_dir: str | None = None,
    block_columns: Sequence[str] = ("category",),
    *,
    progress: bool = True,
) -> Prepared:
    """Prepares a data set unless it is there, and reads it.

    Args:
      name: Name of the data set, as for `cv_tf.catalog.load_dataset`.
      manual_dir: Folder of files that were downloaded by hand; "" for the one of TFDS.
      data_dir: Folder where data sets are kept; None for the default of TFDS.
      block_columns: Features whose values make the blocks.
      progress: Whether to draw progress bars.

    Raises:
      CatalogError: If the data set cannot be prepared.
    """
    builder = find_builder(name, data_dir)
    is_new = not builder.is_prepared()
    if manual_dir:
        if not isinstance(builder, ManualBuilder):
            raise CatalogError(
                f"{builder.info.full_name} takes no --manual_dir: it is not downloaded "
                "by hand, or looks in <data_dir>/downloads/manual."
            )
        builder.manual_dir = manual_dir
    check_blocks(builder, block_columns)
    prepare_builder(builder, progress)
    catalog = load_dataset(
        name, data_dir, block_columns=block_columns, progress=progress
    )
    metadata = builder.info.metadata
    left_out = metadata.get("left_out", {}) if isinstance(metadata, dict) else {}
    config = builder.builder_config
    is_benchmark = (builder.name, config and config.name) == _BENCHMARK
    completeness = completeness_of(catalog) if is_benchmark else None
    return Prepared(catalog, left_out, is_new, completeness)


def format_prepared(prepared: Prepared) -> str:
    """Tables of the contents of a data set by split, and of what was left out.

    Of the benchmark, a sentence says whether its figures are comparable.
    """
    catalog = prepared.catalog
    text = [
        f"{catalog.name} {'is now' if prepared.is_new else 'was already'} in "
        f"{catalog.folder}",
        *([] if prepared.is_new else ["(delete that folder to have it built anew)"]),
        "",
        *aligned(_counts(catalog)),
    ]
    if prepared.left_out:
        rows = [["left out", "times", "such as"]]
        left_out = sorted(
            prepared.left_out.items(), key=lambda item: (-item[1]["count"], item[0])
        )
        for reason, cell in left_out:
            rows.append([reason, f"{cell['count']:,}", str(cell["example"])])
        text += ["", *aligned(rows)]
    if prepared.completeness is not None:
        text += ["", prepared.completeness.sentence()]
    return "\n".join(text)


def _counts(catalog: Catalog) -> list[list[str]]:
    """The cells of the table of splits."""
    there = [] if catalog.split is None else list(dict.fromkeys(catalog.split))
    splits = sorted(there, key=lambda split: [*_SPLITS, split].index(split))
    columns = [catalog.where_split(split) for split in splits]
    rows = [["", *splits, "all"]]
    counted = [_count(part) for part in (*columns, catalog)]
    for label in counted[0]:
        rows.append([label, *(f"{counts[label]:,}" for counts in counted)])
    return rows


def _count(catalog: Catalog) -> dict[str, int]:
    is_known = catalog.style >= 0
    _, sizes = np.unique(catalog.style[is_known], return_counts=True)
    return {
        "products": len(catalog),
        "  without a style": int((~is_known).sum()),
        "styles": len(sizes),
        "  of two or more": int((sizes > 1).sum()),
        "blocks": len(np.unique(catalog.block)),
    }
