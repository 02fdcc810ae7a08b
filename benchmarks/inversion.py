"""One pass of the network a photo instead of two: what replaces the inversion.

    python benchmarks/inversion.py --data=DATA --runs=runs/inversion

`--average=inverse` averages the vectors of a photo and of its lightness inversion, so
each photo goes through the network twice. Here, other ways are measured beside it, by
the untrained network by parts (224 pixels) with whitening without labels. DATA holds
the folders of catalogues with a `catalog.csv`. A way is to be chosen on the split
`train` of hm_dev; its `validation` is whitened by `train`, the other catalogues by
their own photos. Descriptors are kept in `--runs`. Writes
benchmarks/results/inversion.md and .json.
"""

from __future__ import annotations

import argparse
import dataclasses
import platform
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from stored_tables import write_results

from cv_tf.atomic import whole_file  # First, so that TensorFlow has Keras 2.

# isort: split
import numpy as np
import tensorflow as tf
import tf_keras as keras
from labelled import f1_score, pairs_of, search, whitened

from cv_tf.catalog import Catalog, read_products
from cv_tf.config import Config, GroupingSettings
from cv_tf.embeddings import Embeddings
from cv_tf.grouping import find_neighbors, group
from cv_tf.methods import build_embedder
from cv_tf.metrics import Resampling, Score
from cv_tf.models import Embedder, Whitening, compiled
from cv_tf.models.folding import fold_norms
from cv_tf.pipeline import in_order, photos_of
from cv_tf.training import sample_styles
from cv_tf.training.fit_whitening import (
    GROUPING,
    known_variants,
    learning_threshold,
    whiten,
)
from cv_tf.vision import color_input, product_color

RESULTS = Path(__file__).parent / "results" / "inversion.md"
SIZE = 224
BATCH, ROUNDS = 16, 5  # Of the measured times.
COLORS = {"off": "vectors alone", "auto": "with color"}
FIGURES = ("R@1", "mAP@R", "F1")
# The last layer of each block after which both maps are averaged.
BLOCKS = {
    "the stem": "stem_activation",
    "block 1": "block1a_project_bn",
    "block 2": "block2b_add",
    "block 3": "block3b_add",
    "block 4": "block4c_add",
}

Describe = Callable[[tf.Tensor], tf.Tensor]
Figures = dict[tuple[str, str], Score]


class Chosen(NamedTuple):
    """Products of a shop: of a split, if it has some, and about so many at most."""

    shop: str
    split: str = ""
    most: int = 2000


class Way(NamedTuple):
    """A way to make vectors.

    Attributes:
      name: What the table calls it.
      parts: Renderings whose descriptors are added up, see `renderings`.
      trust: Weight in the whitening of each photo and its inversion, as a pair of
        variants; 0 for none.
      dark: Whether the inversion takes the place of photos of dark products.
    """

    name: str
    parts: tuple[str, ...]
    trust: float = 0.0
    dark: bool = False


TWO = Way("photo and inversion, two passes", ("photo", "inverse"))
ONE = Way("photo alone, one pass", ("photo",))
TOLD = [
    Way(f"one pass, whitening told of inversions, trust {it:g}", ("photo",), it)
    for it in (0.3, 1.0)
]
MERGED = Way("maps averaged after block 2", ("block 2",))
OTHERS = [
    Way("dark products alone inverted", ("photo",), dark=True),
    Way("inversion as the green channel", ("channel",)),
    Way("distance from the border's lightness", ("border",)),
    Way("strength of edges (Sobel)", ("edges",)),
    *(Way(f"maps averaged after {block}", (block,)) for block in BLOCKS),
]


def renderings(embedder: Embedder) -> dict[str, Describe]:
    """From names to functions from grey pixels, `[batch, S, S, 3]`, to descriptors."""
    network = fold_norms(embedder.backbone, in_training=False)

    def of(pixels: tf.Tensor) -> tf.Tensor:
        return embedder.pool(network(pixels, training=False))

    def channel(grey: tf.Tensor) -> tf.Tensor:
        return of(tf.concat([grey[..., :1], 255.0 - grey[..., :1], grey[..., :1]], -1))

    def border(grey: tf.Tensor) -> tf.Tensor:
        sides = [grey[:, 0], grey[:, -1], grey[:, :, 0], grey[:, :, -1]]
        level = tf.reduce_mean(tf.concat(sides, axis=1), axis=1)
        return of(255.0 - tf.abs(grey - level[:, tf.newaxis, tf.newaxis]))

    def edges(grey: tf.Tensor) -> tf.Tensor:
        strength = tf.norm(tf.image.sobel_edges(grey), axis=-1)
        return of(tf.clip_by_value(255.0 - strength, 0.0, 255.0))

    def merged(last: str) -> Describe:
        names = [layer.name for layer in network.layers]
        end = names.index(last) + 1

        def describe(grey: tf.Tensor) -> tf.Tensor:
            both = (replay(network.layers[:end], it) for it in (grey, 255.0 - grey))
            mean = tf.add_n([*both]) / 2.0
            return embedder.pool(replay(network.layers[end - 1 :], mean))

        return describe

    return {
        "photo": of,
        "inverse": lambda grey: of(255.0 - grey),
        "channel": channel,
        "border": border,
        "edges": edges,
        **{block: merged(last) for block, last in BLOCKS.items()},
    }


def replay(layers: Sequence[keras.layers.Layer], values: tf.Tensor) -> tf.Tensor:
    """Runs layers of a network; the output of the first of them is given."""
    outputs = {layers[0].name: values}
    for layer in layers[1:]:
        before = tf.nest.flatten(layer.inbound_nodes[0].inbound_layers)
        inputs = [outputs[it.name] for it in before]
        outputs[layer.name] = layer(inputs if len(inputs) > 1 else inputs[0])
    return outputs[layers[-1].name]


class Descriptors:
    """Descriptors of the products of shops, computed once.

    Args:
      data: Folder of the shops.
      runs: Folder of kept descriptors.
    """

    def __init__(self, data: Path, runs: Path):
        self._data, self._runs = data, runs
        self.embedder = build_embedder(Config(image_size=SIZE))
        self.renderings = renderings(self.embedder)
        self._whitenings: dict[tuple[Chosen, Way], Whitening] = {}

    def catalog(self, chosen: Chosen) -> Catalog:
        """The chosen products."""
        catalog = read_products(self._config(chosen.shop))
        if chosen.split:
            catalog = catalog.select(np.flatnonzero(catalog.split == chosen.split))
        if len(catalog) > chosen.most:
            rows = sample_styles(catalog.style, chosen.most, seed=0)
            catalog = catalog.select(np.sort(rows))
        return catalog

    def embeddings(self, chosen: Chosen, rendering: str) -> Embeddings:
        """Products with descriptors of a rendering."""
        catalog = self.catalog(chosen)
        name = f"{chosen.shop}-{chosen.split}-{rendering}-{len(catalog)}.npz"
        path = self._runs / name.replace(" ", "_")
        if not path.is_file():
            self._runs.mkdir(parents=True, exist_ok=True)
            photos = photos_of(catalog, self._config(chosen.shop), SIZE)
            describe = self.renderings[rendering]

            def model(images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
                return describe(color_input(images, "grey")), product_color(images)

            graph = compiled(model, SIZE)
            outputs = [graph(batch["image"]) for batch in in_order(photos)]
            vectors, lab = map(np.concatenate, zip(*outputs, strict=True))
            with whole_file(path) as unfinished, unfinished.open("wb") as file:
                np.savez(file, vectors=vectors, lab=lab)
        with np.load(path, allow_pickle=False) as kept:
            return Embeddings.of_catalog(catalog, kept["vectors"], kept["lab"])

    def of_way(self, chosen: Chosen, way: Way) -> Embeddings:
        """Products with the descriptors of a way, of length 1."""
        each = [self.embeddings(chosen, part) for part in way.parts]
        vectors = np.sum([it.vectors for it in each], axis=0)
        if way.dark:
            inverse = self.embeddings(chosen, "inverse").vectors
            vectors = np.where(each[0].lab[:, :1] < 50, inverse, vectors)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return dataclasses.replace(each[0], vectors=vectors)

    def whitening(self, chosen: Chosen, way: Way) -> Whitening:
        """The whitening of a way, fitted on products without their labels."""
        key = chosen, way
        if key not in self._whitenings:
            described = self.of_way(chosen, way)
            if way.trust:
                inverse = self.embeddings(chosen, "inverse")
                made = whiten_with_inversions(
                    self.embedder, described, inverse, way.trust
                )
            else:
                made = whiten(self.embedder, described, Config()).whitening
            self._whitenings[key] = made
        return self._whitenings[key]

    def _config(self, shop: str) -> Config:
        return Config(
            catalog=str(self._data / shop / "catalog.csv"),
            image_size=SIZE,
            cache_dir=str(self._runs),
        )


def figures_of(embeddings: Embeddings) -> Figures:
    """Recall@1 and mAP@R in block and F1 of the groups, without color and with it."""
    embeddings = embeddings.measured
    resampling = Resampling(embeddings.known_style)
    figures: Figures = {}
    for color in COLORS:
        found = search(embeddings, color=color)
        groups = group(embeddings, settings=GroupingSettings(color=color))
        scores = (
            resampling.of_queries(found.first, found.styles),
            resampling.of_queries(found.precision, found.styles),
            f1_score(resampling, pairs_of(embeddings.known_style, groups)),
        )
        figures |= {(color, it): of for it, of in zip(FIGURES, scores, strict=True)}
    return figures


def whiten_with_inversions(
    embedder: Embedder, described: Embeddings, inverse: Embeddings, trust: float
) -> Whitening:
    """`whiten`, with the difference of each photo and its inversion as one of variants.

    Args:
      embedder: The network.
      described: Descriptors of n photos.
      inverse: Descriptors of their inversions, in the same order.
      trust: Weight of each of these n pairs; a pair that is known counts 1.
    """
    principal = whiten(embedder, described, Config(whiten="pca")).whitening
    vectors = whitened(described, principal)
    neighbors = find_neighbors(vectors, GROUPING)
    threshold = learning_threshold(vectors, neighbors)
    found = known_variants(group(vectors, threshold, GROUPING, neighbors))
    number = len(described)
    inverted = np.stack([np.arange(number), np.arange(number) + number], axis=1)
    weights = [len(found) / (len(found) + 3 * principal.dimensions), trust]
    return principal.refine(
        np.concatenate([described.vectors, inverse.vectors]),
        np.concatenate([found, inverted]),
        np.repeat(weights, [len(found), number]),
    )


def table(
    descriptors: Descriptors, learned: Chosen, searched: Chosen, ways: Sequence[Way]
) -> str:
    """A row a way: figures, and what they differ by from those of the first way."""
    columns = [f"{it}, {text}" for text in COLORS.values() for it in FIGURES]
    lines = [f"| way | {' | '.join(columns)} |", "| --- |" + " ---: |" * len(columns)]
    first: Figures = {}
    for way in ways:
        whitening = descriptors.whitening(learned, way)
        embeddings = whitened(descriptors.of_way(searched, way), whitening)
        figures = figures_of(embeddings)
        first = first or figures
        cells = [spell(of, first[it]) for it, of in figures.items()]
        lines.append(f"| {way.name} | {' | '.join(cells)} |")
        print(lines[-1], flush=True)
    return "\n".join(lines)


def spell(score: Score, first: Score) -> str:
    """A figure, and the 95% interval of its difference from the first way's."""
    if score is first:
        return f"{score.value:.3f}"
    gain = (score - first).summary()
    interval = f"{gain['value']:+.3f}, {gain['low']:+.3f} to {gain['high']:+.3f}"
    return f"{score.value:.3f} ({interval})"


def costs(descriptors: Descriptors) -> str:
    """Time of each rendering as a share of two passes, measured in turns."""
    pixels = np.random.default_rng(0).uniform(0, 255, (BATCH, SIZE, SIZE, 3))
    pixels = tf.constant(pixels, tf.float32)
    functions = {
        name: tf.function(describe, autograph=False)
        for name, describe in descriptors.renderings.items()
    }
    times = {name: [] for name in functions}
    for turn in range(ROUNDS + 1):
        for name, function in functions.items():
            began = time.perf_counter()
            function(pixels).numpy()
            if turn:  # The first turn traces the graph.
                times[name].append(time.perf_counter() - began)
    both = np.add(times["photo"], times["inverse"])
    lines = ["| rendering | time, two passes = 1 |", "| --- | ---: |"]
    for name, seconds in times.items():
        lines.append(f"| {name} | {np.median(seconds / both):.2f} |")
    return "\n".join(lines)


def main() -> None:
    """Measures all sets and writes the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, required=True)
    arguments = parser.parse_args()
    descriptors = Descriptors(arguments.data, arguments.runs)
    text = [
        "# One pass of the network a photo",
        "`python benchmarks/inversion.py --data=DATA --runs=runs/inversion` on "
        f"{platform.machine()}, Python {platform.python_version()}. The untrained "
        f"network by parts ({SIZE} pixels). Recall@1 and mAP@R in block, and F1 of the "
        "groups that `python -m cv_tf.group` finds without labels; in parentheses, the "
        "difference from two passes and its 95% interval (bootstrap over styles). Told "
        "of inversions: one pass a photo, but whitening is fitted on photos and their "
        "inversions, each two as a pair of variants with a weight, beside the groups "
        "that are found. Maps averaged: the photo and its inversion go through the "
        "first blocks by themselves, and their mean through the others.",
    ]
    train, few = (Chosen("hm_dev", "train", most) for most in (2000, 400))
    sets = {
        "hm_dev, train": (train, train, [TWO, ONE, MERGED, *TOLD]),
        "hm_dev, validation, whitened by train": (
            train,
            Chosen("hm_dev", "validation"),
            [TWO, ONE, MERGED, *TOLD],
        ),
    }
    for shop in ("hm_print", "myntra_dev", "hm_random"):
        sets[shop] = Chosen(shop), Chosen(shop), [TWO, ONE, MERGED, *TOLD]
    sets["hm_dev, train, other ways"] = few, few, [TWO, ONE, *OTHERS]
    for title, (learned, searched, ways) in sets.items():
        number = len(descriptors.catalog(searched))
        text.append(f"## {title}: {number:,} products")
        print(text[-1], flush=True)
        text.append(table(descriptors, learned, searched, ways))
        write_results(RESULTS, "\n\n".join(text) + "\n")
    text += ["## Time", costs(descriptors)]
    write_results(RESULTS, "\n\n".join(text) + "\n")


if __name__ == "__main__":
    main()
