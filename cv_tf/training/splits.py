"""Which products are learned from, and which are reported on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cv_tf.catalog import Catalog, CatalogError

_HELD_OUT = 0.25


class Split(NamedTuple):
    """Row numbers of the products of a catalogue, by their use."""

    train: np.ndarray  # `[n]`, to learn from, to fit whitening and to calibrate on.
    evaluation: np.ndarray  # `[m]`, to report on; other styles, none without labels.
    source: str  # How the products were split.


def check_split(catalog: Catalog, train_split: str, eval_split: str) -> None:
    """Checks that the column `split` can be used, if the catalogue has one.

    It needs no photo, so a mistake is found before any is read.

    Raises:
      CatalogError: If one of the two splits has no product, or they share a style.
    """
    if catalog.split is None:
        return
    train = catalog.where_split(train_split)
    evaluation = catalog.where_split(eval_split)
    shared = np.intersect1d(train.style, evaluation.style)
    if num_shared := int((shared >= 0).sum()):
        raise CatalogError(
            f"{catalog.name}: {num_shared} styles are both in the split "
            f"'{train_split}' and in '{eval_split}', so figures would be of products "
            "that were learned. Split by style."
        )


def split_catalog(
    catalog: Catalog, train_split: str, eval_split: str, seed: int = 0
) -> Split:
    """Splits by the column `split`; without one, holds out a quarter of the styles.

    The products are those whose photos can be used. Without labels every one is learned
    from, and none is reported on. The seed chooses the styles that are held out.

    Raises:
      CatalogError: See `check_split`.
    """
    check_split(catalog, train_split, eval_split)
    if catalog.split is not None:
        return Split(
            np.flatnonzero(catalog.split == train_split),
            np.flatnonzero(catalog.split == eval_split),
            f"splits '{train_split}' and '{eval_split}'",
        )
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
    """Tells whether two products share a style, `[n]` integers, -1 where unknown."""
    _, counts = np.unique(styles[styles >= 0], return_counts=True)
    return bool((counts > 1).any())


def sample_styles(styles: np.ndarray, most: int, seed: int) -> np.ndarray:
    """Draws whole styles: half a style would make variants rarer than they are.

    Args:
      styles: `[n]` integers; -1 where unknown, each of which is a style of its own.
      most: Largest number of products; the first style is drawn in any case.
      seed: Seed of the draw.

    Returns:
      Row numbers of the products, ascending.
    """
    keys = np.where(styles >= 0, styles, -1 - np.arange(len(styles)))
    _, style, sizes = np.unique(keys, return_inverse=True, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(sizes))
    taken = int((np.cumsum(sizes[order]) <= most).sum())
    return np.flatnonzero(np.isin(style, order[: max(taken, 1)]))
