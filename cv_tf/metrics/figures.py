"""What figures are called, and what they mean, for people to read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Definition(NamedTuple):
    """How a reader calls a figure, and what it says."""

    label: str
    meaning: str


_QUERIES = "products that have a variant"

# By their names in `metrics.json`, in the order in which they are read.
FIGURES = {
    "recall_at_1": Definition(
        "recall@1",
        f"Share of the {_QUERIES} whose nearest neighbor, among all products, is one.",
    ),
    "recall_at_5": Definition(
        "recall@5", "The same, with a variant among the five nearest."
    ),
    "recall_at_10": Definition(
        "recall@10", "The same, with a variant among the ten nearest."
    ),
    "map_at_r": Definition(
        "mAP@R",
        f"Mean over the {_QUERIES}. Of a product with R variants, the first R "
        "neighbors count: the mean of the precision at the places of variants, and of "
        "0 at the others (arXiv 2003.08505).",
    ),
    "recall_at_1_in_block": Definition(
        "recall@1 in block", "The same as recall@1, looking in the product's block."
    ),
    "map_at_r_in_block": Definition(
        "mAP@R in block", "The same as mAP@R, looking in the product's block."
    ),
    "recall_at_1_in_block_with_color": Definition(
        "recall@1 in block, with color",
        "The same as recall@1 in block, products of the query's own color ranked "
        "further behind, as cv_tf.search does.",
    ),
    "map_at_r_in_block_with_color": Definition(
        "mAP@R in block, with color", "The same as mAP@R in block, ranked in this way."
    ),
    "cgacc": Definition(
        "CGacc",
        "Share of the true groups of two or more that a predicted group matches "
        "exactly, no product missing and none too many.",
    ),
    "ari": Definition(
        "ARI",
        "Adjusted Rand index: agreement over all pairs of products, 0 for groups "
        "drawn at random and 1 for the true ones.",
    ),
    "fms": Definition(
        "FMS",
        "Fowlkes-Mallows score: the geometric mean of pairwise precision and recall.",
    ),
    "nmi": Definition(
        "NMI",
        "Normalized mutual information of predicted and true groups. High wherever "
        "most products are alone.",
    ),
    "pairwise_precision": Definition(
        "pairwise precision", "Share of the pairs grouped together that are variants."
    ),
    "pairwise_recall": Definition(
        "pairwise recall", "Share of the pairs of variants that are grouped together."
    ),
    "pairwise_f1": Definition(
        "pairwise F1", "The harmonic mean of pairwise precision and recall."
    ),
    "threshold": Definition(
        "threshold", "Mean likeness at which groups of products become one."
    ),
    "num_products": Definition("products", "Reported on."),
    "num_rejects": Definition("rejects", "Left out, as their photos cannot be used."),
}


def defined(figures: Mapping[str, float]) -> list[tuple[Definition, float]]:
    """Figures that have a definition with it, in the order in which they are read."""
    return [(FIGURES[name], figures[name]) for name in FIGURES if name in figures]
