"""The agreement of predicted groups with true styles."""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np

from cv_tf.errors import UserError


def grouping_figures(groups: np.ndarray, styles: np.ndarray) -> dict[str, float]:
    """Compares predicted groups with true styles.

    Only labelled products (style >= 0) count; the others are left out of the predicted
    groups, for nothing is known of them. The name `cgacc` is that of arXiv 2104.08581;
    the definition is our reading of it.

    Args:
      groups: [n] int, predicted group of each product, its own if it has no variants.
      styles: [n] int, true styles; -1 where unknown.

    Returns:
      `cgacc`, the share of the true groups of two products or more which a predicted
      group matches exactly; `ari` (adjusted Rand index), `fms` (Fowlkes-Mallows score)
      and `nmi` (normalized mutual information, arithmetic mean) as scikit-learn defines
      them; `pairwise_precision`, `pairwise_recall` and `pairwise_f1` over pairs of
      products, 0 where no pair is predicted; `num_groups_predicted` and
      `num_groups_true`, of two products or more.

    Raises:
      ValueError: If the two differ in length, or no style has two products.
    """
    from sklearn import metrics  # noqa: PLC0415 (takes a second to load)

    groups, styles = np.asarray(groups), np.asarray(styles)
    if groups.ndim != 1 or groups.shape != styles.shape:
        raise UserError(
            f"Groups have shape {groups.shape} and styles {styles.shape}; expected one "
            "of each a product. Pass both for the same rows in the same order."
        )
    groups, styles = groups[styles >= 0], styles[styles >= 0]
    group_of, group_sizes, style_of, style_sizes, overlaps = _contingency(
        groups, styles
    )
    num_true = int((style_sizes > 1).sum())
    if num_true == 0:
        raise UserError(
            "No style has two products, so there are no groups to find. Evaluate on a "
            "catalog whose style_id column repeats for color variants."
        )
    exact = (overlaps == group_sizes[group_of]) & (overlaps == style_sizes[style_of])
    right, predicted, true = map(_num_pairs, (overlaps, group_sizes, style_sizes))
    return {
        "cgacc": float((exact & (overlaps > 1)).sum() / num_true),
        "ari": float(metrics.adjusted_rand_score(styles, groups)),
        "fms": float(metrics.fowlkes_mallows_score(styles, groups)),
        "nmi": float(metrics.normalized_mutual_info_score(styles, groups)),
        "pairwise_precision": right / max(predicted, 1),
        "pairwise_recall": right / true,
        "pairwise_f1": 2 * right / (predicted + true),
        "num_groups_predicted": int((group_sizes > 1).sum()),
        "num_groups_true": num_true,
    }


def _contingency(
    groups: np.ndarray, styles: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The filled cells of the table of groups by styles, and its margins."""
    count = functools.partial(np.unique, return_inverse=True, return_counts=True)
    _, group_of, group_sizes = count(groups)
    _, style_of, style_sizes = count(styles)
    # One int64 a cell: group and style together.
    cells, overlaps = np.unique(
        group_of.astype(np.int64) * len(style_sizes) + style_of, return_counts=True
    )
    group_of, style_of = np.divmod(cells, max(len(style_sizes), 1))
    return group_of, group_sizes, style_of, style_sizes, overlaps


def _num_pairs(sizes: np.ndarray) -> int:
    """The number of pairs within sets of these sizes, exactly."""
    sizes = sizes.astype(np.int64)
    return int((sizes * (sizes - 1) // 2).sum())


class PairCounts(NamedTuple):
    """What each of n labelled products adds to the figures of groups.

    Numbers of other products, so that a sum over all products has each pair twice.

    Attributes:
      right: [n] int64, products of its style in its group.
      grouped: [n] int64, products in its group.
      true: [n] int64, products of its style.
      is_exact: [n] bool, whether its group is its style, with no product missing and
        none too many.
    """

    right: np.ndarray
    grouped: np.ndarray
    true: np.ndarray
    is_exact: np.ndarray


def pair_counts(groups: np.ndarray, styles: np.ndarray) -> PairCounts:
    """Counts the pairs that each product is in.

    Args:
      groups: [n] int, predicted group of each product.
      styles: [n] int, true styles, 0 or more.

    Example:
      >>> counts = pair_counts(np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1]))
      >>> counts.right.tolist(), counts.grouped.tolist(), counts.true.tolist()
      ([1, 1, 0, 0], [2, 2, 2, 0], [1, 1, 1, 1])
    """
    _, style, style_size = np.unique(styles, return_inverse=True, return_counts=True)
    _, group, group_size = np.unique(groups, return_inverse=True, return_counts=True)
    # One int64 a cell of the table of groups by styles.
    cells = group.astype(np.int64) * max(len(style_size), 1) + style
    _, cell, overlap = np.unique(cells, return_inverse=True, return_counts=True)
    right, grouped, true = (
        of.astype(np.int64) - 1
        for of in (overlap[cell], group_size[group], style_size[style])
    )
    return PairCounts(right, grouped, true, (right == grouped) & (right == true))


class PairErrors(NamedTuple):
    """Numbers of wrong pairs of labelled products, for each of n products.

    Attributes:
      missed: [n] int64, pairs of its style in two groups; 0 where that is unknown.
      wrong: [n] int64, number of pairs of two styles in the product's group.
    """

    missed: np.ndarray
    wrong: np.ndarray


def pair_errors(groups: np.ndarray, styles: np.ndarray) -> PairErrors:
    """Counts the pairs that predicted groups miss, and those that they make wrongly.

    Args:
      groups: [n] int, predicted group of each product.
      styles: [n] int, true styles; -1 where unknown: such products are in no pair.
    """
    styles = np.asarray(styles)
    _, group = np.unique(groups, return_inverse=True)
    known = np.flatnonzero(styles >= 0)
    # One int64 a cell of the table of groups by styles.
    cells = group[known].astype(np.int64) * (styles.max(initial=0) + 1) + styles[known]
    _, cell, overlaps = np.unique(cells, return_inverse=True, return_counts=True)
    # A product is rightly together with the others of its cell; each pair has two.
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
