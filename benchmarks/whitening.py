"""Whitening of few and of many photos, on labelled catalogues.

    python benchmarks/whitening.py --catalogs hm_dev/catalog.csv myntra_dev/catalog.csv

Vectors are those of the untrained network by parts (224 pixels). Of each catalogue,
subsets of whole styles are whitened by themselves in several ways and searched by
themselves, as people's own catalogues are; and where the table has the column `split`,
whitening of subsets of `train` is also tried on all of `validation`, which it has not
seen. Writes benchmarks/results/whitening.md. Figures are means of three draws.
"""

from __future__ import annotations

import argparse
import dataclasses
import platform
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from labelled import Found, Products, describe, gain, search
from sklearn.covariance import ledoit_wolf_shrinkage

from cv_tf.config import Config
from cv_tf.embeddings import Embeddings
from cv_tf.grouping import group
from cv_tf.metrics import grouping_figures
from cv_tf.training import sample_styles
from cv_tf.training.fit_whitening import whiten

RESULTS = Path(__file__).parent / "results" / "whitening.md"
SIZES = (20, 100, 300, 700, 1000, 1500, 2000, 4000)
NUM_DRAWS = 3
DIMENSIONS = 1024
NONE, UNDAMPED, OURS = "not whitened", "full", "damped"
GROUPS = "damped, and by found groups (the default)"


Transform = Callable[[np.ndarray], np.ndarray]


def main() -> None:
    """Measures every catalogue and writes the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--catalogs", nargs="+", required=True)
    parser.add_argument("--cache_dir", default="")
    arguments = parser.parse_args()
    catalogs = " ".join(arguments.catalogs)
    text = [
        "# Whitening of few and of many photos",
        f"`python benchmarks/whitening.py --catalogs {catalogs}` on "
        f"{platform.machine()}, Python {platform.python_version()}. Recall@1 / mAP@R "
        f"in block by the vectors alone, up to {DIMENSIONS:,} dimensions. Full: "
        "divided by the standard deviations as they are. Damped: by the root of the "
        "variance plus all variances over the number of photos, which is what "
        "`--whiten=pca` does. The last column but one is the default of the recipes, "
        "`--whiten=groups`; the last is its mAP@R less that without whitening, with a "
        "95% interval (bootstrap over styles).",
    ]
    for path in arguments.catalogs:
        products = describe(path, arguments.cache_dir)
        text += measure(Path(path).parent.name, products)
    RESULTS.write_text("\n\n".join(text) + "\n")
    print("\n\n".join(text))


def measure(name: str, products: Products) -> list[str]:
    """The tables of a catalogue, as Markdown."""
    num_products = len(products.catalog)
    sizes = [size for size in SIZES if size < num_products] + [num_products]
    everything = np.arange(num_products)
    text = [f"## {name}, whitened by the photos that are searched"]
    text += tables(products, everything, sizes, None)
    split = products.catalog.split
    if split is not None:
        train = np.flatnonzero(split == "train")
        sizes = [size for size in SIZES if size < len(train)] + [len(train)]
        text.append(f"## {name}, whitened by photos of `train`, searched `validation`")
        other = products.select(np.flatnonzero(split == "validation"))
        text += tables(products, train, sizes, other)
    return text


def tables(
    products: Products,
    rows: np.ndarray,
    sizes: Sequence[int],
    searched: Products | None,
) -> list[str]:
    """Retrieval and groups, a row a number of photos.

    Args:
      products: Products of the whole catalog.
      rows: Row numbers that subsets are drawn from.
      sizes: Numbers of products of the subsets.
      searched: Products that are searched; None for the subset itself.
    """
    retrieval, groups = [], []
    for size in sizes:
        drawn = [rows]
        if size < len(rows):
            styles = products.catalog.style[rows]
            drawn = [
                rows[sample_styles(styles, size, seed)] for seed in range(NUM_DRAWS)
            ]
        found: dict[str, list[Found]] = {}
        scores: dict[str, list[float]] = {}
        for draw in drawn:
            learned = products.select(draw)
            for way, transform in ways(learned).items():
                target = searched or learned
                vectors = unit(transform(target.descriptors))
                embedded = dataclasses.replace(target.described, vectors=vectors)
                found.setdefault(way, []).append(search(embedded))
                if way in (NONE, UNDAMPED, OURS, GROUPS):
                    scores.setdefault(way, []).append(fms(embedded))
        retrieval.append((size, found))
        groups.append((size, scores))
        print(size, {way: spell(of) for way, of in found.items()}, flush=True)
    return [retrieval_table(retrieval), groups_table(groups)]


def ways(learned: Products) -> dict[str, Transform]:
    """From the name of each way of whitening to its function, fitted on products."""
    vectors = learned.descriptors.astype(np.float64)
    mean, num_photos = vectors.mean(axis=0), len(vectors)
    variances, directions = principal_components(vectors - mean)
    width = vectors.shape[1]
    shrinkage = ledoit_wolf_shrinkage(vectors)
    shrunk = (1 - shrinkage) * variances + shrinkage * variances.sum() / width

    def project(variances: np.ndarray, most: int = DIMENSIONS) -> Transform:
        scaled = (directions[:, :most] / np.sqrt(variances[:most])).astype(np.float32)
        return lambda others: (others - mean).astype(np.float32) @ scaled

    def fitted(how: str) -> Transform:
        config = Config(whiten=how, whiten_dimensions=DIMENSIONS)
        whitened = whiten(learned.embedder, learned.described, config)
        return lambda others: whitened.whitening(others).numpy()

    return {
        NONE: lambda others: others,
        UNDAMPED: project(variances),
        "full, n/4 dimensions": project(variances, max(num_photos // 4, 1)),
        "Ledoit-Wolf": project(shrunk),
        OURS: fitted("pca"),
        GROUPS: fitted("groups"),
    }


def principal_components(centered: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Variances, descending, and directions `[width, m]` that a sample spans."""
    num_photos, width = centered.shape
    if num_photos <= width:
        squares, left = np.linalg.eigh(centered @ centered.T)
        squares, left = squares[:0:-1], left[:, :0:-1]  # The mean has taken one.
        directions = centered.T @ (left / np.sqrt(np.maximum(squares, 1e-12)))
    else:
        squares, directions = np.linalg.eigh(centered.T @ centered)
        squares, directions = squares[::-1], directions[:, ::-1]
    spans = squares > 1e-8 * squares[0]
    return squares[spans] / (num_photos - 1), directions[:, spans]


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors of length 1, float32."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.maximum(lengths, 1e-12)).astype(np.float32)


def fms(embeddings: Embeddings) -> float:
    """FMS of the groups that `cv_tf.group` finds without labels, with color."""
    return grouping_figures(group(embeddings), embeddings.known_style)["fms"]


def retrieval_table(rows: Sequence[tuple[int, dict[str, list[Found]]]]) -> str:
    """Recall@1 and mAP@R of each way."""
    names = [*rows[0][1], "gain of mAP@R"]
    lines = [f"| photos | {' | '.join(names)} |", "| ---: |" + " ---: |" * len(names)]
    for size, found in rows:
        cells = [*map(spell, found.values()), interval(found[GROUPS], found[NONE])]
        lines.append(f"| {size:,} | {' | '.join(cells)} |")
    return "\n".join(lines)


def groups_table(rows: Sequence[tuple[int, dict[str, list[float]]]]) -> str:
    """FMS of each way."""
    lines = [
        "FMS of the groups that `python -m cv_tf.group` finds without labels:",
        "",
        f"| photos | {' | '.join(rows[0][1])} |",
        "| ---: |" + " ---: |" * len(rows[0][1]),
    ]
    for size, scores in rows:
        cells = [f"{np.mean(of):.3f}" for of in scores.values()]
        lines.append(f"| {size:,} | {' | '.join(cells)} |")
    return "\n".join(lines)


def spell(draws: Sequence[Found]) -> str:
    """Means over the draws."""
    recall = np.mean([found.first.mean() for found in draws])
    precision = np.mean([found.precision.mean() for found in draws])
    return f"{recall:.3f} / {precision:.3f}"


def interval(ours: Sequence[Found], theirs: Sequence[Found]) -> str:
    """The difference of mAP@R, and what 95% of resamplings of styles have."""
    differences, weights = [], []
    for one, other in zip(ours, theirs, strict=True):
        _, style = np.unique(one.styles, return_inverse=True)
        differences.append(np.bincount(style, one.precision - other.precision))
        weights.append(np.bincount(style))
    return gain(np.concatenate(differences), np.concatenate(weights))


if __name__ == "__main__":
    main()
