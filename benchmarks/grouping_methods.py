"""Which way of grouping finds the variants of a real catalogue best.

    python benchmarks/grouping_methods.py --embeddings=all.parquet --catalog=CATALOG.csv

Every method groups the same vectors (`python -m cv_tf.embed`) within blocks. What it
can be tuned by (a threshold, HDBSCAN's choice of clusters) is chosen on the products of
the split `train` for the best pairwise F1, for thresholds with the number of wrong
pairs scaled to the size of the reported split; figures are of `validation`, whose
styles are others. Writes benchmarks/results/grouping_methods.md and .json.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.cluster import hierarchy
from scipy.spatial.distance import squareform
from sklearn.cluster import HDBSCAN
from stored_tables import write_results

from cv_tf.catalog import read_catalog
from cv_tf.config import GroupingSettings
from cv_tf.embeddings import Embeddings, read_embeddings
from cv_tf.grouping import Dendrograms, calibrate, calibrate_on, group
from cv_tf.grouping.calibration import crowd
from cv_tf.metrics import FIGURES, grouping_figures
from cv_tf.retrieval import rows_by_block

RESULT = Path(__file__).parent / "results" / "grouping_methods.md"
PAIRS = ("pairwise_f1", "pairwise_precision", "pairwise_recall")
COLUMNS = tuple(FIGURES[name] for name in ("cgacc", "ari", "fms", *PAIRS))
# How HDBSCAN may choose clusters. Its distance to merge below cannot be tried:
# scikit-learn 1.9 fails on it with NumPy 2.4.
OPTIONS = [(selection, count) for selection in ("eom", "leaf") for count in (1, 2)]


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
    methods: dict[str, Callable[[Embeddings, Embeddings], np.ndarray]] = {
        "single linkage": lambda *products: by_linkage("single", *products),
        "complete linkage": lambda *products: by_linkage("complete", *products),
        "average linkage": lambda *products: by_linkage("average", *products),
        "HDBSCAN": by_hdbscan,
        "cv_tf, without color": lambda *products: by_cv_tf("off", *products),
        "cv_tf, without labels": without_labels,
        "**cv_tf**": lambda *products: by_cv_tf("auto", *products),
    }
    rows = []
    for title, find in methods.items():
        figures = grouping_figures(find(known, reported), reported.style)
        cells = [title, *(f"{figures[figure.name]:.3f}" for figure in COLUMNS)]
        rows.append(f"| {' | '.join(cells)} |")
        print(rows[-1], flush=True)
    write_results(RESULT, "\n".join([*preamble(len(reported)), *rows, ""]))


def read_labelled(embeddings: str, catalog: str, split: str) -> Embeddings:
    """The products of a split."""
    products = read_catalog(catalog).where_split(split)
    read = read_embeddings(embeddings)
    row_of = {product: row for row, product in enumerate(read.product_id)}
    rows = np.array([row_of[product] for product in products.product_id])
    return dataclasses.replace(read.select(rows), style=products.style)


def by_linkage(method: str, known: Embeddings, reported: Embeddings) -> np.ndarray:
    """SciPy's linkage of all pairs of a block."""
    dendrograms = dendrograms_of(known, method)
    calibration = calibrate(
        dendrograms, known.style, crowding=crowd(reported.block) / crowd(known.block)
    )
    return dendrograms_of(reported, method).cut(calibration.threshold)


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


def by_hdbscan(known: Embeddings, reported: Embeddings) -> np.ndarray:
    """scikit-learn's HDBSCAN; what it calls noise has no variants."""

    def score(options: tuple[str, int]) -> float:
        groups = hdbscan(known, *options)
        return grouping_figures(groups, known.style)["pairwise_f1"]

    return hdbscan(reported, *max(OPTIONS, key=score))


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


def by_cv_tf(color: str, known: Embeddings, reported: Embeddings) -> np.ndarray:
    """Ours, as `python -m cv_tf.group --calibrate` does it."""
    settings = GroupingSettings(color=color)
    calibration = calibrate_on(known, settings, for_blocks=reported.block)
    return group(reported, calibration.threshold, settings, model=calibration.model)


def without_labels(_: Embeddings, reported: Embeddings) -> np.ndarray:
    """Ours, as `python -m cv_tf.group` does it without --calibrate."""
    return group(reported)


def preamble(num_products: int) -> list[str]:
    """The head of the table."""
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
        f"| | {' | '.join(figure.label for figure in COLUMNS)} |",
        f"| --- |{' ---: |' * len(COLUMNS)}",
    ]


if __name__ == "__main__":
    main()
