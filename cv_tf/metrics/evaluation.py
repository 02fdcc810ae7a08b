"""Figures of retrieval and of grouping together, of vectors and groups of any tool."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from absl import logging

from cv_tf.catalog import number_styles, objects
from cv_tf.config import EvaluationSettings
from cv_tf.embeddings import Copies, Embeddings
from cv_tf.errors import UserError
from cv_tf.grouping import (
    GroupsError,
    PairModel,
    calibrate_on,
    find_neighbors,
    group,
    link_by_model,
    read_copies,
    read_groups,
)
from cv_tf.metrics.grouping import grouping_figures, pair_counts
from cv_tf.metrics.product_results import ProductResults
from cv_tf.metrics.retrieval import (
    QueryFigures,
    count_variants,
    figures_among_all,
    means_of,
    query_figures,
)
from cv_tf.retrieval import Neighbors
from cv_tf.spelling import find_unmatched


class StoredGroups(NamedTuple):
    """Groups that some run or tool has found.

    Attributes:
      group_of: Name of the group of each product.
      threshold: Mean similarity at which groups were joined; None where unknown.
      source: Name of the file that they come from, for messages.
      copy_of: First product with the same photo, of each product that is a copy.
    """

    group_of: Mapping[str, str]
    threshold: float | None
    source: str
    copy_of: Mapping[str, str] = {}

    @classmethod
    def read(cls, path: str, threshold: float | None = None) -> StoredGroups:
        """The groups of a file of `cv_tf.group` or another tool.

        Raises:
          UserError: If the file cannot be used.
        """
        return cls(read_groups(path), threshold, Path(path).name, read_copies(path))


class Measurement(NamedTuple):
    """Figures, and what each product adds to them.

    Attributes:
      figures: Figures by their names in `metrics.json`.
      results: Results of each product, with the numbers of the true styles.
    """

    figures: dict[str, Any]
    results: ProductResults


class Truth(NamedTuple):
    """Products, and which of them are known to be variants.

    Attributes:
      product_id: [n] object (str).
      styles: [n] int32, true styles; -1 where unknown.
      num_missing: Number of labelled products that are not among them.
    """

    product_id: np.ndarray
    styles: np.ndarray
    num_missing: int = 0


def match_truth(
    labels: Mapping[str, str], source: str, embeddings: Embeddings | None
) -> Truth:
    """Finds the styles of embedded products, or else of all that are labelled.

    Args:
      labels: Style of each product; "" where unknown.
      source: Name of the file that the labels come from, for messages.
      embeddings: Embeddings of the products; None for the products of `labels`.

    Raises:
      GroupsError: If no product is labelled and embedded, or no two share a style.
    """
    known = {product: style for product, style in labels.items() if style}
    ids = objects(list(known)) if embeddings is None else embeddings.product_id
    styles = number_styles([known.get(product, "") for product in ids])
    num_found = int((styles >= 0).sum())
    where = source if embeddings is None else f"{source} and {embeddings.name}"
    unmatched = find_unmatched(known, ids.tolist())
    if known and not num_found:
        raise GroupsError(
            f"{where} have no product in common: ids are such as "
            f"{unmatched.example!r} and {ids[0]!r}. "
            f"{unmatched.hint or 'Both must call products the same.'}"
        )
    if embeddings is not None and unmatched.number:
        text = (
            f"{unmatched.number:,} of {len(known):,} labelled products have no vector "
            f"in {embeddings.name}, such as {unmatched.example!r}, and are left out."
        )
        logging.warning("%s", unmatched.with_hint(text))
    if not count_variants(styles).any():
        raise GroupsError(
            f"No two products of {where} share a style_id, so there is nothing to "
            "measure. Label some color variants."
        )
    return Truth(ids, styles, len(known) - num_found)


def stored_figures(
    truth: Truth,
    embeddings: Embeddings | None,
    groups: StoredGroups | None,
    settings: EvaluationSettings,
) -> dict[str, Any]:
    """Measures vectors, groups, or both.

    Every labelled product with a variant is a query, and all products are candidates.
    Nothing is learned and nothing held out. The threshold of the groups is the one that
    `python -m cv_tf.group` would take without labels, or that of `settings`; the best
    one is chosen on the very labels that the figures are of.

    Args:
      truth: Products, and which of them are variants.
      embeddings: Embeddings of the same products; None to measure groups alone.
      groups: Groups to measure; None for those that `group` finds.
      settings: Settings of the search and of the grouping.

    Returns:
      The figures of `retrieval_figures` and `grouping_figures`, `threshold` where it is
      known, `num_products`, `num_labelled` and `num_labels_without_vector`. With
      vectors, `at_best_threshold` has the figures of the groups at the best threshold,
      and that, if variants are near enough to be grouped; `expected` has the intervals
      of precision, recall and F1 that are expected of the groups without any label.

    Raises:
      ValueError: As these functions.
      GroupsError: If `groups` has none of the labelled products.
    """
    return measure_stored(truth, embeddings, groups, settings).figures


def measure_stored(
    truth: Truth,
    embeddings: Embeddings | None,
    groups: StoredGroups | None,
    settings: EvaluationSettings,
) -> Measurement:
    """Measures vectors, groups, or both, as `stored_figures`, product by product."""
    figures: dict[str, Any] = {}
    found: list[QueryFigures] = []
    best: dict[str, float] = {}
    numbers = threshold = None
    rows = np.arange(len(truth.styles))
    if groups is not None:
        numbers, threshold = _numbers(groups, truth), groups.threshold
        rows = _copies(groups.copy_of, truth.product_id).rows_to_measure(truth.styles)
    if embeddings is not None:
        labelled = dataclasses.replace(embeddings, style=truth.styles)
        neighbors = find_neighbors(labelled, settings)
        found = [query_figures(labelled, settings)]
        figures |= means_of(found[0], labelled)
        best = _at_best_threshold(labelled, neighbors, settings)
        if numbers is None:
            numbers, threshold, expected = _found_groups(labelled, neighbors, settings)
            figures |= expected
        rows = labelled.rows_to_measure
    if numbers is None:
        raise GroupsError("There is nothing to measure. Pass embeddings or groups.")
    figures |= grouping_figures(numbers[rows], truth.styles[rows])
    num_copies = len(truth.styles) - len(rows)
    if num_copies and "num_copies" not in figures:
        figures["num_copies"] = num_copies
    if threshold is not None:
        figures["threshold"] = threshold
    figures |= {
        "num_products": len(truth.product_id),
        "num_labelled": int((truth.styles >= 0).sum()),
        "num_labels_without_vector": truth.num_missing,
    }
    figures |= {"at_best_threshold": best} if best else {}
    results = _results(truth.product_id, truth.styles, rows, found, numbers)
    return Measurement(figures, results)


def _results(
    product_id: np.ndarray,
    styles: np.ndarray,
    rows: np.ndarray,
    found: Sequence[QueryFigures],
    groups: np.ndarray | None,
) -> ProductResults:
    """What the labelled ones of measured products add to the figures.

    Args:
      product_id: [n] object (str).
      styles: [n] int, true styles; -1 where unknown.
      rows: [l] int, products that are measured, each photo of a style once.
      found: Figures of the queries, whose rows are some of `rows`.
      groups: [n] int, groups that were found; None without groups.
    """
    known = rows[styles[rows] >= 0]
    values = {}
    for queries in found:
        for name, of in queries.values.items():
            column = np.full(len(styles), np.nan)
            column[queries.rows] = of
            values[name] = column[known]
    pairs = None if groups is None else pair_counts(groups[known], styles[known])
    return ProductResults(product_id[known], styles[known], values, pairs)


def _found_groups(
    labelled: Embeddings, neighbors: Neighbors, settings: EvaluationSettings
) -> tuple[np.ndarray, float, dict[str, Any]]:
    """Groups that look at no label, their threshold, and what to expect of them."""
    threshold = settings.given_threshold
    linked = link_by_model(labelled.distinct, neighbors, settings, threshold=threshold)
    groups, threshold = linked.cut(threshold)
    expected = linked.expect(threshold)
    figures = {} if expected is None else {"expected": expected.summary()}
    return groups[labelled.copies.place], threshold, figures


def _at_best_threshold(
    labelled: Embeddings, neighbors: Neighbors, settings: EvaluationSettings
) -> dict[str, float]:
    how = settings.criterion
    try:
        best = calibrate_on(labelled, settings, how, neighbors=neighbors)
    except UserError:  # No variants are near enough to be grouped at any threshold.
        return {}
    threshold = best.threshold
    groups = group(labelled, threshold, settings, neighbors, best.model)
    return _of_groups(groups, labelled) | {"threshold": threshold}


def _of_groups(groups: np.ndarray, labelled: Embeddings) -> dict[str, float]:
    """The figures of groups, [n] int, in which each photo of one style counts once."""
    rows = labelled.rows_to_measure
    return grouping_figures(groups[rows], labelled.known_style[rows])


def _copies(copy_of: Mapping[str, str], product_id: np.ndarray) -> Copies:
    """Which of some products, [n] object (str), are copies of an earlier one of them.

    The first product of a photo may be none of them, as it has no label.
    """
    lowest: dict[str, int] = {}
    photos = [copy_of.get(product, product) for product in product_id]
    return Copies(
        np.array([lowest.setdefault(photo, i) for i, photo in enumerate(photos)], int)
    )


def _numbers(groups: StoredGroups, truth: Truth) -> np.ndarray:
    """The number of each product's group; a product without a group is alone."""
    names = [groups.group_of.get(product) for product in truth.product_id]
    labelled = truth.product_id[truth.styles >= 0].tolist()
    unmatched = find_unmatched(labelled, groups.group_of)
    if unmatched.number == len(labelled):
        raise GroupsError(
            f"None of the labelled products is in {groups.source}: ids are such as "
            f"{unmatched.example!r}, and there such as "
            f"{next(iter(groups.group_of))!r}. "
            f"{unmatched.hint or 'Both must call products the same.'}"
        )
    if unmatched.number:
        text = (
            f"{unmatched.number:,} labelled products are not in {groups.source}, such "
            f"as {unmatched.example!r}: they count as groups of one."
        )
        logging.warning("%s", unmatched.with_hint(text))
    number: dict[Any, int] = {}
    keys = [(row,) if name is None else name for row, name in enumerate(names)]
    return np.array([number.setdefault(key, len(number)) for key in keys], np.int64)


def evaluate_embeddings(
    labelled: Embeddings,
    threshold: float,
    settings: EvaluationSettings | None = None,
    model: PairModel | None = None,
) -> dict[str, float]:
    """Measures retrieval, and grouping at a threshold, which is among the figures.

    Args:
      labelled: Embeddings with the `style` of some products at least; -1 elsewhere.
      threshold: Mean similarity from which on groups merge, chosen on other products
        than these (`cv_tf.grouping.calibrate_on`).
      settings: Settings of the search and of the grouping; None for the defaults.
      model: Model of the pairs that the threshold was chosen with; None to learn one.

    Raises:
      ValueError: As `retrieval_figures`, `group` and `grouping_figures`.
    """
    return measure_embeddings(labelled, threshold, settings, model).figures


def measure_embeddings(
    labelled: Embeddings,
    threshold: float | None,
    settings: EvaluationSettings | None = None,
    model: PairModel | None = None,
    known: Embeddings | None = None,
) -> Measurement:
    """Measures retrieval and grouping as `evaluate_embeddings`, product by product.

    Args:
      labelled: Embeddings with the `style` of some products at least; -1 elsewhere.
      threshold: Mean similarity from which on groups merge; None for no groups.
      settings: Settings of the search and of the grouping; None for the defaults.
      model: Model of the pairs that the threshold was chosen with; None to learn one.
      known: All other products of the catalogue, with the same numbers of blocks and
        styles, for the figures `_among_all`; None to leave these out.

    Raises:
      ValueError: As `evaluate_embeddings`.
    """
    settings = settings or EvaluationSettings()
    found = [query_figures(labelled, settings)]
    figures = means_of(found[0], labelled)
    if known is not None:
        found.append(figures_among_all(labelled, known, settings))
        figures |= found[1].means()
    groups = None
    if threshold is not None:
        groups = group(labelled, threshold, settings, model=model)
        figures |= _of_groups(groups, labelled) | {"threshold": float(threshold)}
    rows, styles = labelled.rows_to_measure, labelled.known_style
    return Measurement(
        figures, _results(labelled.product_id, styles, rows, found, groups)
    )
