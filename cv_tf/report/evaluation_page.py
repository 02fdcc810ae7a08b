"""An evaluation as a page: figures, failures first, the threshold, and a map."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cv_tf.config import EvaluationSettings
from cv_tf.embeddings import Embeddings
from cv_tf.grouping import calibrate_on
from cv_tf.metrics import defined, rank_queries
from cv_tf.report.curve import Curve, lay_out_curve
from cv_tf.report.embedding_map import lay_out_map
from cv_tf.report.page import (
    PageSettings,
    blocks_to_tell,
    product_columns,
    thousandths,
    write_page,
)
from cv_tf.report.thumbnails import fit_photos

_MOST_QUERIES = 5000
_NUM_NEIGHBORS = 6


class QueryRows(NamedTuple):
    """Queries as the script of a page reads them.

    Attributes:
      columns: Of queries, and of the products that they or their neighbors are.
      rows: `[n]` the row of each of these products, in the order in which they are
        first seen.
      num_left_out: Queries that are not shown, those that went best.
    """

    columns: dict[str, Any]
    rows: np.ndarray
    num_left_out: int


def write_evaluation_page(
    path: Path,
    figures: Mapping[str, float],
    products: Embeddings,
    styles: np.ndarray,
    photo: Callable[[int], str | bytes],
    settings: EvaluationSettings,
    limits: PageSettings,
    title: str,
) -> None:
    """Writes the page; it appears whole or not at all.

    Args:
      path: Of the file.
      figures: As `evaluate` writes them.
      products: The n products that they are of.
      styles: `[n]` integers, the true styles; -1 where unknown.
      photo: From a row to where the photo is, or its bytes; "" where there is none.
      settings: How to search and to group.
      limits: How many photos the page may hold.
      title: What was evaluated.
    """
    queries = lay_out_queries(products, styles, settings.retrieval)
    photos = fit_photos(
        range(len(queries.rows)), lambda number: photo(queries.rows[number]), limits
    )
    write_page(
        path,
        "evaluation.html.j2",
        scripts=("deck.js", "queries.js"),
        title=title,
        name=products.name,
        figures=defined(figures),
        num_products=len(products),
        num_queries=figures["num_queries"],
        num_left_out=queries.num_left_out,
        curve=_curve(products, styles, settings, figures.get("threshold")),
        map=lay_out_map(
            products.vectors, products.product_id, products.block, products.block_names
        ),
        notes=photos.notes(),
        data=queries.columns | {"photos": photos.of},
    )


def lay_out_queries(
    products: Embeddings, styles: np.ndarray, retrieval: str, most: int = _MOST_QUERIES
) -> QueryRows:
    """Looks for the variants of each product, and lays out what is found.

    Args:
      products: n products.
      styles: `[n]` integers, the true styles; -1 where unknown.
      retrieval: Retrieval of the search.
      most: Queries to show; the worst are.
    """
    queries = rank_queries(
        products.vectors, styles, products.block, _NUM_NEIGHBORS, retrieval
    )
    shown = slice(most)
    asked = queries.rows[shown]
    near = queries.neighbors.indices[shown, :_NUM_NEIGHBORS]
    similarity = queries.neighbors.similarities[shown, :_NUM_NEIGHBORS]
    seen = np.concatenate([asked[:, None], near], axis=1).reshape(-1)
    rows, first = np.unique(seen[seen >= 0], return_index=True)
    rows = rows[np.argsort(first)]
    number = np.full(len(products) + 1, -1)  # The last place is that of row -1.
    number[rows] = np.arange(len(rows))
    columns = {
        "query": {
            "product": number[asked].tolist(),
            "variants": queries.num_variants[shown].tolist(),
            "precision": thousandths(queries.precision[shown]),
            "neighbors": number[near].tolist(),
            "similarity": [
                thousandths(of) for of in np.where(near >= 0, similarity, 0)
            ],
        },
        "product": product_columns(
            products.product_id[rows],
            None if products.color is None else products.color[rows],
            styles[rows],
        )
        | {"block": products.block[rows].tolist()},
        "blocks": blocks_to_tell(products.block_names),
    }
    return QueryRows(columns, rows, len(queries.rows) - len(asked))


def _curve(
    products: Embeddings,
    styles: np.ndarray,
    settings: EvaluationSettings,
    threshold: float | None,
) -> Curve | None:
    """The curve of the products themselves; None where none can be drawn."""
    if threshold is None:
        return None
    try:
        calibration = calibrate_on(
            products.vectors, products.block, products.lab, styles, settings
        )
    except ValueError:  # No variants are near enough to be grouped at any threshold.
        return None
    return lay_out_curve(calibration.curve, threshold)
