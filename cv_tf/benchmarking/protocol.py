"""The protocol of the benchmark: how the vectors of a system are measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cv_tf.catalog import Catalog, CatalogError
from cv_tf.config import EvaluationSettings
from cv_tf.embeddings import Embeddings, EmbeddingsError, find_copies
from cv_tf.errors import UserError
from cv_tf.grouping import PairModel, calibrate_on, expected_threshold, group
from cv_tf.metrics import (
    ProductResults,
    QueryFigures,
    Resampling,
    figures_among_all,
    pair_counts,
    query_figures,
)
from cv_tf.spelling import find_unmatched

# The number of what is measured, and how: figures of two numbers are not compared.
PROTOCOL = 1

_RETRIEVAL = (
    *("recall_at_1_in_block", "map_at_r_in_block", "recall_at_1", "map_at_r"),
    *("recall_at_1_in_block_as_searched", "map_at_r_in_block_as_searched"),
)
_GROUPS = ("fms", "pairwise_f1", "pairwise_precision", "pairwise_recall")
_AMONG_ALL = "_among_all"
# Vectors of equal products get a random direction of this length in some dimensions
# more: far enough apart not to be copies, too little to change an order.
_HAIR, _HAIR_DIMENSIONS = 0.002, 8


@dataclass(frozen=True)
class BenchmarkParts:
    """The labelled products of a benchmark, in the order of their catalogue.

    Attributes:
      catalog: All products, with styles and blocks.
      is_known: [n] bool, products of `train`: thresholds and models may learn from
        them. The others, of `validation`, are reported on.
    """

    catalog: Catalog
    is_known: np.ndarray


def parts_of(catalog: Catalog, train: str, validation: str) -> BenchmarkParts:
    """The products of the two splits of a catalogue.

    Raises:
      CatalogError: If a split is missing, or has no two products of one style.
    """
    selected = [catalog.where_split(train), catalog.where_split(validation)]
    for name, part in zip((train, validation), selected, strict=True):
        styles = part.style[part.style >= 0]
        if len(np.unique(styles)) == len(styles):
            raise CatalogError(
                f"{catalog.name}: no two products of the split '{name}' share a "
                "style_id. A benchmark needs color variants in both splits."
            )
    assert catalog.split is not None  # noqa: S101 (where_split has looked)
    is_known = catalog.split == train
    rows = np.flatnonzero(is_known | (catalog.split == validation))
    return BenchmarkParts(catalog.select(rows), is_known[rows])


def align_vectors(found: Embeddings, catalog: Catalog) -> Embeddings:
    """The vectors of exactly the products of a catalogue, with its styles and blocks.

    Raises:
      EmbeddingsError: If a product has no vector: each product that is missing would
        make the others easier to find.
    """
    row_of = {product: row for row, product in enumerate(found.product_id.tolist())}
    unmatched = find_unmatched(catalog.product_id.tolist(), row_of)
    if unmatched.number:
        text = (
            f"{found.name} has no vector of {unmatched.number:,} of {len(catalog):,} "
            f"products of {catalog.name}, such as {unmatched.example!r}. Every product "
            "of the benchmark needs one."
        )
        raise EmbeddingsError(unmatched.with_hint(text))
    rows = np.array([row_of[product] for product in catalog.product_id], int)
    vectors = np.array(found.vectors[rows], np.float32)
    # Lengths of 1 up to rounding; what is left of it would put a split before another.
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    lab = None if found.lab is None else found.lab[rows]
    return replace(Embeddings.of_catalog(catalog, vectors, lab), name=found.name)


def measure_system(products: Embeddings, is_known: np.ndarray) -> dict[str, Any]:
    """Measures the vectors of one system by the protocol of the benchmark.

    Queries are the products of `validation` that have a variant. They are looked for
    among `validation` alone and among all products, in their block and in all blocks.
    Groups are found in `validation`, at the threshold that is expected to be best
    without labels, and at the one that is best in `train`. All intervals are of 95%,
    by a bootstrap over styles.

    Args:
      products: All products, with vectors, styles and blocks; `lab` is used where it
        is known, as `cv_tf.group` does.
      is_known: [n] bool, which of them are of `train`.

    Returns:
      `retrieval`, with `validation` and `all`, and `groups`, with `without_labels` and
      `train_labels`: figures by their names in `metrics.json`, each with `value`, `low`
      and `high`, and the `threshold` of groups. What cannot be measured is left out.

    Raises:
      UserError: If vectors are not finite and of length 1.

    Example:
      >>> import numpy as np
      >>> from cv_tf.embeddings import Embeddings
      >>> directions = np.eye(8, dtype=np.float32).repeat(2, axis=0)
      >>> vectors = directions + 0.1 * np.roll(directions, 3, axis=0)
      >>> vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
      >>> products = Embeddings.of_arrays(vectors, style=np.arange(16) // 2)
      >>> found = measure_system(products, np.arange(16) < 8)
      >>> found["retrieval"]["all"]["recall_at_1"]["value"]
      1.0
    """
    settings = EvaluationSettings(retrieval="exact")
    # What is equally similar is found in the order of rows, which says nothing here.
    order = np.random.default_rng(0).permutation(len(is_known))
    products, is_known = products.select(order), is_known[order]
    told_apart = replace(products, vectors=_apart(products))
    known, reported = told_apart.select(is_known), told_apart.select(~is_known)
    own = query_figures(reported, settings)
    among = figures_among_all(reported, known, settings, all_blocks=True)
    retrieval = {
        "validation": _summaries(reported, own),
        "all": _summaries(reported, among, _AMONG_ALL),
    }
    known, reported = products.select(is_known), products.select(~is_known)
    groups = {}
    for name, choose in _THRESHOLDS.items():
        try:
            threshold, model = choose(known, reported, settings)
        except UserError:  # No two products are near enough to be grouped.
            continue
        found = group(reported, threshold, settings, model=model)
        pairs = pair_counts(found, reported.known_style)
        scores = _scores(reported, {}, _GROUPS, pairs)
        groups[name] = {"threshold": threshold, **scores}
    return {"retrieval": retrieval, "groups": groups}


def _apart(products: Embeddings) -> np.ndarray:
    """The vectors, none of them equal to another, [n, dimensions] float32.

    Elsewhere, equal vectors are taken for one photo that is listed twice, and count
    once. Here each product has a photo of its own, and what a system cannot tell apart
    is found in a random order. In groups, such products are together.
    """
    vectors = np.asarray(products.vectors, np.float32)
    if not find_copies(vectors, np.zeros(len(vectors), int), products.lab).num_copies:
        return vectors
    hair = np.random.default_rng(0).standard_normal((len(vectors), _HAIR_DIMENSIONS))
    hair *= _HAIR / np.linalg.norm(hair, axis=1, keepdims=True)
    longer = np.concatenate([vectors, hair.astype(np.float32)], axis=1)
    return longer / np.linalg.norm(longer, axis=1, keepdims=True)


def _expected(
    known: Embeddings, reported: Embeddings, settings: EvaluationSettings
) -> tuple[float, PairModel | None]:
    """The threshold of `cv_tf.group` without labels: it sees `reported` alone."""
    del known
    threshold, model = expected_threshold(reported, settings)
    return float(threshold), model


def _best_in_train(
    known: Embeddings, reported: Embeddings, settings: EvaluationSettings
) -> tuple[float, PairModel | None]:
    """The threshold with the best F1 in `known`, for blocks of these sizes."""
    chosen = calibrate_on(known, settings, settings.criterion, reported.distinct.block)
    return chosen.threshold, chosen.model


_THRESHOLDS = {"without_labels": _expected, "train_labels": _best_in_train}


def _summaries(
    reported: Embeddings, found: QueryFigures, suffix: str = ""
) -> dict[str, dict[str, float]]:
    """The figures of queries by their names without the suffix, with intervals."""
    values = {}
    for name in _RETRIEVAL:
        column = np.full(len(reported), np.nan)
        column[found.rows] = found.values[f"{name}{suffix}"]
        values[name] = column
    return _scores(reported, values, _RETRIEVAL)


def _scores(
    reported: Embeddings,
    values: Mapping[str, np.ndarray],
    names: tuple[str, ...],
    pairs: Any = None,
) -> dict[str, dict[str, float]]:
    styles = reported.known_style
    results = ProductResults(reported.product_id, styles, values, pairs)
    scores = results.scores(Resampling(styles))
    return {name: scores[name].summary() for name in names if name in scores}
