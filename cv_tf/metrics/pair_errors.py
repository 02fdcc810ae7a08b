"""Which true groups are missed, and which predicted ones are false."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class PairErrors(NamedTuple):
    """Pairs of labelled products that groups get wrong, as each product sees them.

    Attributes:
      missed: `[n]` int64, pairs of the product's style that are in two groups; 0
        where the style is unknown.
      wrong: `[n]` int64, pairs of two styles in the product's group.
    """

    missed: np.ndarray
    wrong: np.ndarray


def pair_errors(groups: np.ndarray, styles: np.ndarray) -> PairErrors:
    """Counts the pairs that predicted groups miss, and those that they make wrongly.

    Args:
      groups: `[n]` integers, the predicted group of each product.
      styles: `[n]` integers, the true styles; -1 where unknown: such products are in
        no pair.
    """
    styles = np.asarray(styles)
    _, group = np.unique(groups, return_inverse=True)
    known = np.flatnonzero(styles >= 0)
    # One int64 a cell of the table of groups by styles.
    cells = group[known].astype(np.int64) * (styles.max(initial=0) + 1) + styles[known]
    _, cell, overlaps = np.unique(cells, return_inverse=True, return_counts=True)
    # A product is together, rightly, with the others of its cell; each pair has two.
    others = np.zeros(len(styles), np.int64)
    others[known] = overlaps[cell] - 1
    return PairErrors(
        _pairs_lost(np.where(styles >= 0, styles, -1), styles >= 0, others),
        _pairs_lost(group, styles >= 0, others),
    )


def _pairs_lost(sets: np.ndarray, known: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Pairs of known products of each product's set, less those that are right."""
    _, number = np.unique(sets, return_inverse=True)
    size = np.bincount(number, known).astype(np.int64)
    right = np.bincount(number, others).astype(np.int64)
    return ((size * (size - 1) - right) // 2)[number]
