"""Groups as a page, failures first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cv_tf.embeddings import Embeddings
from cv_tf.grouping import DOUBTFUL_BELOW, STATES, Calibration, Grouped
from cv_tf.metrics import defined, grouping_figures, pair_errors
from cv_tf.report.curve import lay_out_curve
from cv_tf.report.group_summary import summary_lines
from cv_tf.report.page import (
    PageSettings,
    Styles,
    blocks_to_tell,
    product_columns,
    thousandths,
    write_page,
)
from cv_tf.report.thumbnails import fit_photos

# Columns of a table that are shown with each product, and letters of each, at most.
FACTS = ("title", "brand", "size", "price")
_MOST_LETTERS = 80


class GroupCards(NamedTuple):
    """The data of a page of groups.

    Attributes:
      columns: Columns of the groups, and of the products group by group. Where styles
        are known, also the styles with missed pairs, and the groups with wrong pairs,
        those with the most first.
      rows: [n] int64, row number of each product of the page.
      shown_first: [n] int64, numbers of the products of the page in the order in which
        they are seen: those of failures before others, products that are alone last.
    """

    columns: dict[str, Any]
    rows: np.ndarray
    shown_first: np.ndarray


def lay_out_groups(
    grouped: Grouped, embeddings: Embeddings, styles: np.ndarray | None = None
) -> GroupCards:
    """Orders groups by doubt, and products by their groups.

    All are in the same rows; `styles` are -1 where unknown, None if none is known.
    """
    names, group = np.unique(grouped.named.group_id, return_inverse=True)
    sizes = np.bincount(group)
    confidence = np.bincount(group, grouped.confidence.probability) / sizes
    order = np.lexsort((np.arange(len(sizes)), confidence.round(9), sizes == 1))
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    group = place[group]
    rows = np.argsort(group, kind="stable")
    first = rows[np.cumsum(sizes[order]) - sizes[order]]
    number = np.empty(len(rows), np.int64)
    number[rows] = np.arange(len(rows))
    states = [STATES.index(state) for state in grouped.state[first]]
    columns = {
        "group": {
            "name": names[order].tolist(),
            "block": embeddings.block[first].tolist(),
            "size": sizes[order].tolist(),
            "confidence": thousandths(confidence[order]),
            "state": states,
            "representative": number[grouped.representative[first]].tolist(),
        },
        "product": _products(grouped, embeddings, styles, rows, number),
        "blocks": blocks_to_tell(embeddings.block_names),
    }
    shown_first = np.arange(len(rows))
    if styles is not None:
        counted = np.full_like(styles, -1)  # As in the figures, copies count once.
        once = grouped.copies.rows_to_measure(styles)
        counted[once] = styles[once]
        errors = pair_errors(group, counted)
        columns["missed"] = _worst(counted, errors.missed)
        columns["merged"] = _worst(group, errors.wrong)
        worst = np.maximum(errors.missed, errors.wrong)[rows]
        shown_first = np.lexsort((shown_first, -worst))
    return GroupCards(columns, rows, shown_first)


def _products(
    grouped: Grouped,
    embeddings: Embeddings,
    styles: np.ndarray | None,
    rows: np.ndarray,
    number: np.ndarray,
) -> dict[str, Any]:
    confidence = grouped.confidence
    other = confidence.nearest_other[rows]
    has_other = other >= 0
    copies = {}
    if grouped.copies.num_copies:
        first = np.where(grouped.copies.is_copy, number[grouped.copies.first], -1)
        copies = {"copy_of": first[rows].tolist()}
    return product_columns(
        grouped.product_id[rows],
        None if embeddings.color is None else embeddings.color[rows],
        None if styles is None else styles[rows],
    ) | {
        "confidence": thousandths(confidence.probability[rows]),
        "other": np.where(has_other, number[other], -1).tolist(),
        "similarity": thousandths(np.where(has_other, confidence.similarity[rows], 0)),
        **copies,
    }


def _worst(sets: np.ndarray, pairs: np.ndarray) -> dict[str, list[int]]:
    """The sets with wrong or missed pairs, those with the most first."""
    numbers, first = np.unique(sets, return_index=True)
    pairs = pairs[first]
    order = np.argsort(-pairs, kind="stable")
    order = order[pairs[order] > 0]
    return {"of": numbers[order].tolist(), "pairs": pairs[order].tolist()}


def write_group_page(
    path: Path,
    grouped: Grouped,
    embeddings: Embeddings,
    summary: Mapping[str, Any],
    settings: PageSettings,
    styles: Styles | None = None,
    calibration: Calibration | None = None,
    labels_chose: bool = False,
) -> None:
    """Writes the page; it appears whole or not at all.

    Args:
      path: HTML file to write.
      grouped: The groups.
      embeddings: Embeddings of the same products, in the same rows.
      summary: Content of `groups.summary.json`.
      settings: Largest number of photos, and of their megabytes.
      styles: True styles, at least two products of one; None if none are known.
      calibration: Calibration of the threshold; None without one.
      labels_chose: Whether the threshold was chosen on the same labels.
    """
    cards = lay_out_groups(grouped, embeddings, styles.number if styles else None)
    image = embeddings.image[cards.rows]
    has_photo = cards.shown_first[image[cards.shown_first] != ""]
    photos = fit_photos(has_photo.tolist(), image.__getitem__, settings)
    write_page(
        path,
        "groups.html.j2",
        scripts=("deck.js", "groups.js"),
        name=embeddings.name,
        threshold_source=summary["threshold_source"],
        facts=summary_lines(summary),
        figures=defined(_figures(grouped, embeddings, styles)),
        labels_chose=labels_chose,
        num_labelled=int((styles.number >= 0).sum()) if styles else 0,
        curve=calibration and lay_out_curve(calibration.curve, calibration.threshold),
        notes=photos.notes(),
        doubtful_below=DOUBTFUL_BELOW,
        data=cards.columns
        | {
            "styles": styles.names if styles else (),
            "states": STATES,
            "photos": photos.of,
            "facts": _facts(embeddings, cards.rows, photos.of),
        },
    )


def _facts(
    embeddings: Embeddings, rows: np.ndarray, shown: Iterable[int]
) -> dict[int, str]:
    """What the table says of the products whose photos are shown, by their numbers."""
    columns = [embeddings.extras[name] for name in FACTS if name in embeddings.extras]
    facts = {}
    for number in shown if columns else ():
        told = filter(None, (column[rows[number]] for column in columns))
        facts[number] = " · ".join(it[:_MOST_LETTERS] for it in told)
    return facts


def _figures(
    grouped: Grouped, embeddings: Embeddings, styles: Styles | None
) -> dict[str, float]:
    if styles is None:
        return {}
    # Comparing numbers is many times as fast as comparing names.
    _, group = np.unique(grouped.named.group_id, return_inverse=True)
    rows = replace(embeddings, style=styles.number).rows_to_measure
    return grouping_figures(group[rows], styles.number[rows])
