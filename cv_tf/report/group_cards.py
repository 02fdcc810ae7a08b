"""Groups as the script of a page reads them: columns, the doubtful groups first."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from cv_tf.embeddings import Embeddings
from cv_tf.grouping import Grouped
from cv_tf.metrics.pair_errors import PairErrors, pair_errors
from cv_tf.report.page_products import blocks_to_tell, product_columns, thousandths


class GroupCards(NamedTuple):
    """What a page of groups holds.

    Attributes:
      columns: Groups, and products group by group. Where styles are known, also the
        styles that were missed, and the groups that are false merges, worst first.
      rows: `[n]` int64, the row of each product of the page.
      shown_first: Numbers of all products of the page in the order in which they are
        seen: those of failures before others, products that are alone at the end.
    """

    columns: dict[str, Any]
    rows: np.ndarray
    shown_first: np.ndarray


def lay_out_groups(
    grouped: Grouped, embeddings: Embeddings, styles: np.ndarray | None = None
) -> GroupCards:
    """Orders groups by doubt, and products by their groups.

    Args:
      grouped: The groups.
      embeddings: Of the same products, in the same rows.
      styles: `[n]` integers, the true styles; -1 where unknown, None if all are.
    """
    names, group = np.unique(grouped.named.group_id, return_inverse=True)
    sizes = np.bincount(group)
    confidence = np.bincount(group, grouped.verdicts.confidence) / sizes
    order = np.lexsort((np.arange(len(sizes)), confidence.round(9), sizes == 1))
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    group = place[group]
    rows = np.argsort(group, kind="stable")
    first = rows[np.cumsum(sizes[order]) - sizes[order]]
    columns = {
        "group": {
            "name": names[order].tolist(),
            "block": embeddings.block[first].tolist(),
            "size": sizes[order].tolist(),
            "confidence": thousandths(confidence[order]),
        },
        "product": _products(grouped, embeddings, styles, rows),
        "blocks": blocks_to_tell(embeddings.block_names),
    }
    shown_first = np.arange(len(rows))
    if styles is not None:
        errors = pair_errors(group, styles)
        columns |= _failures(errors, group, styles)
        worst = np.maximum(errors.missed, errors.wrong)[rows]
        shown_first = np.lexsort((shown_first, -worst))
    return GroupCards(columns, rows, shown_first)


def _products(
    grouped: Grouped,
    embeddings: Embeddings,
    styles: np.ndarray | None,
    rows: np.ndarray,
) -> dict[str, Any]:
    verdicts = grouped.verdicts
    number = np.empty(len(rows), np.int64)
    number[rows] = np.arange(len(rows))
    other = verdicts.nearest_other[rows]
    has_other = other >= 0
    return product_columns(
        grouped.product_id[rows],
        None if embeddings.color is None else embeddings.color[rows],
        None if styles is None else styles[rows],
    ) | {
        "confidence": thousandths(verdicts.confidence[rows]),
        "other": np.where(has_other, number[other], -1).tolist(),
        "similarity": thousandths(np.where(has_other, verdicts.similarity[rows], 0)),
    }


def _failures(
    errors: PairErrors, group: np.ndarray, styles: np.ndarray
) -> dict[str, Any]:
    return {
        "missed": _worst(styles, errors.missed),
        "merged": _worst(group, errors.wrong),
    }


def _worst(sets: np.ndarray, pairs: np.ndarray) -> dict[str, list[int]]:
    """The sets with pairs that are wrong, those with the most first."""
    numbers, first = np.unique(sets, return_index=True)
    pairs = pairs[first]
    order = np.argsort(-pairs, kind="stable")
    order = order[pairs[order] > 0]
    return {"of": numbers[order].tolist(), "pairs": pairs[order].tolist()}
