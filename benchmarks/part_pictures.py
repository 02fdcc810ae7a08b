"""Draws products that only parts or only whole vectors retrieve correctly.

    python benchmarks/part_pictures.py

This uses the embedded data set and the pretrained network. Each column is a product,
its nearest neighbor by parts, and by the whole. Writes docs/parts_right.png and
docs/wholes_right.png (with matplotlib, which the extra `dev` installs).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from cv_tf.catalog import read_products
from cv_tf.config import Config
from cv_tf.embeddings import embed
from cv_tf.methods import build_embedder
from cv_tf.pipeline import Photos, photos_of
from cv_tf.retrieval import nearest
from cv_tf.training import split_catalog
from cv_tf.training.fit_whitening import embed_whitened

DOCS = Path(__file__).parents[1] / "docs"
SETTINGS = {"image_size": 128, "whiten": "pca", "whiten_power": 0.5}
PARTS = Config(**SETTINGS)
WHOLE = Config(**SETTINGS, embedding="whole", feature_stride=32)


def main() -> None:
    """Finds the products of both kinds and draws some of each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=6)
    rows = parser.parse_args().rows
    photos = photos_of(read_products(PARTS), PARTS, PARTS.image_size)
    split = split_catalog(photos.catalog, PARTS.train_split, PARTS.eval_split)
    known, reported = photos.select(split.train), photos.select(split.evaluation)
    by_parts, by_whole = (first_neighbor(c, known, reported) for c in (PARTS, WHOLE))
    style = reported.catalog.style
    parts_right, whole_right = style[by_parts] == style, style[by_whole] == style
    neighbors = {"by parts": by_parts, "by the whole": by_whole}
    for name, cases in (
        ("parts_right", parts_right & ~whole_right),
        ("wholes_right", whole_right & ~parts_right),
    ):
        print(f"{name}: {cases.sum()} of {len(cases)} products")
        spread = np.flatnonzero(cases)
        chosen = spread[np.linspace(0, len(spread) - 1, rows).astype(int)]
        draw(DOCS / f"{name}.png", reported, chosen, neighbors)


def first_neighbor(config: Config, known: Photos, reported: Photos) -> np.ndarray:
    """The row of each reported product's nearest neighbor in its block."""
    embedder = build_embedder(config)
    embedder, *_ = embed_whitened(embedder, known, config, "Fitting")
    vectors = embed(embedder, reported, progress="Embedding")
    return nearest(vectors, 1, reported.catalog.block).indices[:, 0]


def draw(
    path: Path, photos: Photos, rows: np.ndarray, neighbors: dict[str, np.ndarray]
) -> None:
    """Draws a column a product: the product and its neighbors."""
    import matplotlib  # noqa: PLC0415 (slow, and needed only at the end)

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    style = photos.catalog.style
    shape = 1 + len(neighbors), len(rows)
    figure, axes = plt.subplots(
        *shape, figsize=(1.5 * len(rows), 5), layout="constrained"
    )
    for column, row in enumerate(rows):
        shown = {"product": row, **{name: of[row] for name, of in neighbors.items()}}
        for axis, (name, other) in zip(axes[:, column], shown.items(), strict=True):
            axis.imshow(photos.pixels[photos.places[other]])
            axis.set_xticks([])
            axis.set_yticks([])
            right = style[other] == style[row]
            color = "black" if other == row else "#2a7f62" if right else "#b4232d"
            for spine in axis.spines.values():
                spine.set(color=color, linewidth=1 if other == row else 3)
            if column == 0:
                axis.set_ylabel(name)
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, dpi=80)
    plt.close(figure)


if __name__ == "__main__":
    main()
