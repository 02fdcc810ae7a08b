"""Which products are learned from, and which are reported on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cv_tf.catalog import Catalog, CatalogError

_HELD_OUT = 0.25


class Split(NamedTuple):
    """Rows of a catalogue.

    Attributes:
      train: To learn from, to fit whitening on, and to calibrate on.
      evaluation: To report on; disjoint from `train` in styles. Empty without labels.
      source: Where the split comes from, in words.
    """

    train: np.ndarray
    evaluation: np.ndarray
    source: str


def split_catalog(
    catalog: Catalog, train_split: str, eval_split: str, seed: int = 0
) -> Split:
    """Chooses by the column `split`, or else holds out a quarter of the styles.

    Without labels every product is learned from, and none is reported on.

    Raises:
      CatalogError: If the column lacks one of the two values, or the two share a
        style.
    """
    if catalog.split is not None:
        rows = [
            np.flatnonzero(catalog.split == split)
            for split in (train_split, eval_split)
        ]
        for split, found in zip((train_split, eval_split), rows, strict=True):
            if not len(found):
                catalog.where_split(split)  # Names the splits that there are.
        shared = np.intersect1d(*(catalog.style[found] for found in rows))
        if len(shared[shared >= 0]):
            raise CatalogError(
                f"{catalog.name}: {len(shared[shared >= 0])} styles are both in the "
                f"split '{train_split}' and in '{eval_split}', so figures would be of "
                "products that were learned. Split by style."
            )
        return Split(*rows, f"splits '{train_split}' and '{eval_split}'")
    styles = np.unique(catalog.style[catalog.style >= 0])
    if not len(styles):
        return Split(np.arange(len(catalog)), np.arange(0), "no labels")
    held_out = np.random.default_rng(seed).permutation(styles)
    held_out = held_out[: max(1, round(_HELD_OUT * len(styles)))]
    is_held_out = np.isin(catalog.style, held_out)
    return Split(
        np.flatnonzero(~is_held_out),
        np.flatnonzero(is_held_out),
        f"{len(held_out)} of {len(styles)} styles held out",
    )


def has_variants(styles: np.ndarray) -> bool:
    """Whether two products share a style, so that there is something to find."""
    _, counts = np.unique(styles[styles >= 0], return_counts=True)
    return bool((counts > 1).any())


def sample_styles(styles: np.ndarray, most: int, seed: int) -> np.ndarray:
    """Draws whole styles: half a style would make variants rarer than they are.

    Args:
      styles: `[n]` integers; -1 where unknown, each of which is by itself.
      most: How many products are wanted at most; the first style is taken in any case.
      seed: Of the draw.

    Returns:
      Rows of the products, ascending.
    """
    keys = np.where(styles >= 0, styles, -1 - np.arange(len(styles)))
    _, style, sizes = np.unique(keys, return_inverse=True, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(sizes))
    taken = int((np.cumsum(sizes[order]) <= most).sum())
    return np.flatnonzero(np.isin(style, order[: max(taken, 1)]))
