"""Which way of grouping finds the variants of a real catalogue best.

    python benchmarks/grouping_methods.py --embeddings=all.parquet --catalog=CATALOG.csv

Every method groups the same vectors (`python -m cv_tf.embed`) within blocks. What it
can be tuned by (a threshold, HDBSCAN's choice of clusters) is chosen on the products of
the split `train` for the best pairwise F1, for thresholds with the number of wrong
pairs scaled to the size of the reported split; figures are of `validation`, whose
styles are others. Writes benchmarks/results/grouping_methods.md.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
from collections.abc import Callable
from pathlib import Path

import numpy as np
from cv_tf.grouping.linking import crowd
from scipy.cluster import hierarchy
from scipy.spatial.distance import squareform
from sklearn.cluster import HDBSCAN

from cv_tf.catalog import read_catalog
from cv_tf.config import GroupingSettings
from cv_tf.embeddings import Embeddings, read_embeddings
from cv_tf.grouping import (
    Dendrograms,
    Similarity,
    calibrate,
    calibrate_on,
    find_neighbors,
    group,
    guess_threshold,
    link,
)
from cv_tf.metrics import grouping_figures
from cv_tf.retrieval import rows_by_block

RESULT = Path(__file__).parent / "results" / "grouping_methods.md"
FIGURES = {
    "cgacc": "CGacc",
    "ari": "ARI",
    "fms": "FMS",
    "pairwise_f1": "F1",
    "pairwise_precision": "precision",
    "pairwise_recall": "recall",
}
# How HDBSCAN may choose clusters. Its distance to merge below cannot be tried:
# scikit-learn 1.9 fails on it with NumPy 2.4.
OPTIONS = [(selection, count) for selection in ("eom", "leaf") for count in (1, 2)]


@dataclasses.dataclass(frozen=True, eq=False)
class Labelled:
    """Products with vectors and styles."""

    embeddings: Embeddings
    styles: np.ndarray


def main() -> None:
    """Measures every method, prints the table and writes it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--embeddings", required=True)
    parser.add_argument("--catalog", required=True)
    arguments = parser.parse_args()
    known, reported = (
        read_labelled(arguments.embeddings, arguments.catalog, split)
        for split in ("train", "validation")
    )
    methods: dict[str, Callable[[Labelled, Labelled], np.ndarray]] = {
        "single linkage": lambda *products: by_linkage("single", *products),
        "complete linkage": lambda *products: by_linkage("complete", *products),
        "average linkage": lambda *products: by_linkage("average", *products),
        "HDBSCAN": by_hdbscan,
        "cv_tf, without color": lambda *products: by_cv_tf(0.0, *products),
        "cv_tf, threshold guessed without labels": by_guess,
        "**cv_tf**": lambda *products: by_cv_tf(0.5, *products),
    }
    rows = []
    for title, find in methods.items():
        figures = grouping_figures(find(known, reported), reported.styles)
        cells = [title, *(f"{figures[name]:.3f}" for name in FIGURES)]
        rows.append(f"| {' | '.join(cells)} |")
        print(rows[-1], flush=True)
    RESULT.write_text("\n".join([*preamble(len(reported.styles)), *rows, ""]))


def read_labelled(embeddings: str, catalog: str, split: str) -> Labelled:
    """The products of a split."""
    products = read_catalog(catalog).where_split(split)
    read = read_embeddings(embeddings)
    row_of = {product: row for row, product in enumerate(read.product_id)}
    rows = np.array([row_of[product] for product in products.product_id])
    return Labelled(read.select(rows), products.style)


def by_linkage(method: str, known: Labelled, reported: Labelled) -> np.ndarray:
    """SciPy's linkage of all pairs of a block."""
    dendrograms = dendrograms_of(known.embeddings, method)
    calibration = calibrate(
        dendrograms,
        known.styles,
        crowding=crowd(reported.embeddings.block) / crowd(known.embeddings.block),
    )
    return dendrograms_of(reported.embeddings, method).cut(calibration.threshold)


def dendrograms_of(embeddings: Embeddings, method: str) -> Dendrograms:
    """All merges of all blocks."""
    merges, levels = [np.empty((0, 2), np.int32)], [np.empty(0)]
    for _, rows in rows_by_block(embeddings.block, len(embeddings)):
        if len(rows) < 2:
            continue
        vectors = embeddings.vectors[rows].astype(np.float64)
        distances = np.maximum(1 - vectors @ vectors.T, 0)
        np.fill_diagonal(distances, 0)
        linkage = hierarchy.linkage(squareform(distances, checks=False), method)
        first = list(range(len(rows)))
        for left, right in linkage[:, :2].astype(int):
            pair = sorted((first[left], first[right]))
            first.append(pair[0])
            merges.append(rows[[pair]].astype(np.int32))
        levels.append(1 - linkage[:, 2])
    joined = np.concatenate(levels)
    order = np.argsort(-joined, kind="stable")
    return Dendrograms(len(embeddings), np.concatenate(merges)[order], joined[order])


def by_hdbscan(known: Labelled, reported: Labelled) -> np.ndarray:
    """scikit-learn's HDBSCAN; what it calls noise has no variants."""

    def score(options: tuple[str, int]) -> float:
        groups = hdbscan(known.embeddings, *options)
        return grouping_figures(groups, known.styles)["pairwise_f1"]

    return hdbscan(reported.embeddings, *max(OPTIONS, key=score))


def hdbscan(embeddings: Embeddings, selection: str, min_samples: int) -> np.ndarray:
    """The groups of every block, of two products or more."""
    groups, used = np.empty(len(embeddings), np.int64), 0
    for _, rows in rows_by_block(embeddings.block, len(embeddings)):
        found = np.full(len(rows), -1)
        if len(rows) > 2:
            clustering = HDBSCAN(
                2, min_samples, cluster_selection_method=selection, copy=True
            )
            found = clustering.fit_predict(embeddings.vectors[rows])
        alone = found < 0
        found[alone] = found.max() + 1 + np.arange(alone.sum())
        groups[rows] = found + used
        used += found.max() + 1
    return groups


def by_cv_tf(same_color: float, known: Labelled, reported: Labelled) -> np.ndarray:
    """Ours, as `python -m cv_tf.group --calibrate` does it."""
    settings = GroupingSettings(same_color=same_color)
    calibration = calibrate_on(
        known.embeddings.vectors,
        known.embeddings.block,
        known.embeddings.lab,
        known.styles,
        settings,
        for_blocks=reported.embeddings.block,
    )
    products = reported.embeddings
    return group(
        products.vectors, products.block, products.lab, calibration.threshold, settings
    )


def by_guess(_: Labelled, reported: Labelled) -> np.ndarray:
    """Ours, as `python -m cv_tf.group` does it without --calibrate."""
    settings, products = GroupingSettings(), reported.embeddings
    neighbors = find_neighbors(products.vectors, products.block, settings)
    similarity = Similarity(products.vectors, products.lab, settings.same_color)
    threshold = guess_threshold(similarity, neighbors)
    return link(similarity, neighbors, threshold).cut(threshold)


def preamble(num_products: int) -> list[str]:
    """What the table is of."""
    today = datetime.datetime.now(tz=datetime.timezone.utc)
    return [
        "# Ways of grouping, on a real catalogue",
        "",
        "`python benchmarks/grouping_methods.py --embeddings=all.parquet "
        f"--catalog=CATALOG.csv`, {today:%Y-%m-%d}.",
        "",
        f"{num_products:,} products whose styles no method has seen. "
        + " ".join(__doc__.split("\n\n")[2].split()),
        "",
        f"| | {' | '.join(FIGURES.values())} |",
        f"| --- |{' ---: |' * len(FIGURES)}",
    ]


if __name__ == "__main__":
    main()
