"""An evaluation as a page: figures, failures first, the threshold, and a map."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import cv_tf
from cv_tf.config import EvaluationSettings
from cv_tf.embeddings import Embeddings
from cv_tf.errors import UserError
from cv_tf.report.curve import Curve, lay_out_curve
from cv_tf.report.embedding_map import lay_out_map
from cv_tf.report.page import (
    EvaluationPageSettings,
    blocks_to_tell,
    product_columns,
    thousandths,
    write_page,
)
from cv_tf.report.thumbnails import fit_photos

_MOST_QUERIES = 5000
_NUM_NEIGHBORS = 6


class QueryRows(NamedTuple):
    """Columns of queries and of the products shown, as the script of a page reads them.

    `rows`, [n] int64, are the row numbers of these products in the order in which they
    are first seen. The queries that are left out are those that went best.
    """

    columns: dict[str, Any]
    rows: np.ndarray
    num_left_out: int


def write_evaluation_page(
    path: Path,
    title: str,
    figures: Mapping[str, Any],
    labelled: Embeddings,
    settings: EvaluationPageSettings,
    photo: Callable[[int], str | bytes] | None = None,
) -> None:
    """Writes the page; it appears whole or not at all.

    Args:
      path: HTML file to write.
      title: What was evaluated, such as "The Embedder of runs/my".
      figures: Figures and their intervals by name, as `cv_tf.evaluate` writes them.
      labelled: Embeddings of the products that the figures are of, with their styles.
      settings: Settings of the figures, and the largest number of photos.
      photo: From a row number to the path, URI or bytes of the photo, "" where there is
        none; None for the column `image`.
    """
    photo = photo or labelled.image.__getitem__
    queries = lay_out_queries(labelled, settings.retrieval)
    photos = fit_photos(
        range(len(queries.rows)), lambda number: photo(queries.rows[number]), settings
    )
    write_page(
        path,
        "evaluation.html.j2",
        scripts=("deck.js", "queries.js"),
        title=title,
        name=labelled.name,
        figures=cv_tf.metrics.defined(figures),
        intervals=figures.get("intervals", {}),
        num_products=len(labelled),
        num_queries=figures["num_queries"],
        num_left_out=queries.num_left_out,
        curve=_curve(labelled, settings, figures.get("threshold")),
        map=lay_out_map(
            labelled.vectors, labelled.product_id, labelled.block, labelled.block_names
        ),
        notes=photos.notes(),
        data=queries.columns | {"photos": photos.of},
    )


def lay_out_queries(
    labelled: Embeddings, retrieval: str, most: int = _MOST_QUERIES
) -> QueryRows:
    """Looks for the variants of each product, and lays out the `most` worst queries."""
    queries = cv_tf.metrics.rank_queries(labelled, _NUM_NEIGHBORS, retrieval)
    shown = slice(most)
    asked = queries.rows[shown]
    near = queries.neighbors.indices[shown, :_NUM_NEIGHBORS]
    similarity = queries.neighbors.similarities[shown, :_NUM_NEIGHBORS]
    seen = np.concatenate([asked[:, None], near], axis=1).reshape(-1)
    rows, first = np.unique(seen[seen >= 0], return_index=True)
    rows = rows[np.argsort(first)]
    number = np.full(len(labelled) + 1, -1)  # The last place is that of row -1.
    number[rows] = np.arange(len(rows))
    columns = {
        "query": {
            "product": number[asked].tolist(),
            "variants": queries.num_variants[shown].tolist(),
            "precision": thousandths(queries.precision[shown]),
            "neighbors": number[near].tolist(),
            "similarity": list(map(thousandths, np.where(near >= 0, similarity, 0))),
        },
        "product": product_columns(
            labelled.product_id[rows],
            None if labelled.color is None else labelled.color[rows],
            labelled.known_style[rows],
        )
        | {"block": labelled.block[rows].tolist()},
        "blocks": blocks_to_tell(labelled.block_names),
    }
    return QueryRows(columns, rows, len(queries.rows) - len(asked))


def _curve(
    labelled: Embeddings, settings: EvaluationSettings, threshold: float | None
) -> Curve | None:
    """The curve of the products themselves; None where none can be drawn."""
    if threshold is None:
        return None
    try:
        calibration = cv_tf.grouping.calibrate_on(labelled, settings)
    except UserError:  # No variants are near enough to be grouped at any threshold.
        return None
    return lay_out_curve(calibration.curve, threshold)
