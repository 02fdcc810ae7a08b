"""Several photos of a product: which vector stands for it best.

    python benchmarks/several_photos.py --workdirs=runs/A,runs/B --catalogs=A.csv,B.csv

The products of catalogues with one photo each get further ones, made from it: a view
from another side (mirrored, in perspective, smaller), and a detail (a window of 45% of
each side), in random order; three products in ten lose the photo itself. The Embedder
of its workdir embeds the photos of each catalogue, once for each of three seeds by
which they are made. Writes benchmarks/results/several_photos.md and .json.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping
from pathlib import Path

from stored_tables import write_results  # First, so that TensorFlow has Keras 2.

# isort: split
import numpy as np
from PIL import Image

from cv_tf.catalog import Catalog, read_catalog
from cv_tf.embeddings import embed, load_embedder
from cv_tf.pipeline import find_packshots, load_photos
from cv_tf.training import Workdir

RESULTS = Path(__file__).parent / "results" / "several_photos.md"
SEEDS = (0, 1, 2)
WITHOUT_PACKSHOT, DETAIL, RESAMPLES = 0.3, 0.45, 1000
FRONT = ("given", "found")
HEAD = """# Several photos of a product

Made by `benchmarks/several_photos.py`, which says how the photos are made, with
Embedders that are whitened by the photos of each catalogue (`train --steps=0`).
Recall@1 and mAP@R within blocks, by vectors alone: means of three seeds, and 95%
intervals by a bootstrap over styles.

"""


def other_side(photo: Image.Image, random: np.random.Generator) -> Image.Image:
    """The product mirrored, turned in perspective, and smaller, on its background."""
    width, height = photo.size
    background = photo.getpixel((0, 0))
    canvas = Image.new("RGB", (width, height), background)
    small = photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    share = random.uniform(0.7, 0.9)
    small = small.resize((int(width * share), int(height * share)))
    canvas.paste(small, ((width - small.width) // 2, (height - small.height) // 2))
    lean = random.uniform(0.05, 0.12) * height
    corners = (0, -lean, 0, height + lean, width, height - lean, width, lean)
    quad = Image.Transform.QUAD
    return canvas.transform((width, height), quad, corners, fillcolor=background)


def detail(photo: Image.Image, random: np.random.Generator) -> Image.Image:
    """A window of the photo, around its middle."""
    width, height = (int(DETAIL * side) for side in photo.size)
    left, top = random.uniform(0.15, 0.4, 2) * photo.size
    return photo.crop((int(left), int(top), int(left) + width, int(top) + height))


def make_photos(catalog: Catalog, folder: Path, seed: int) -> Path:
    """Writes the photos, and a table with a row for each, the rows of one together."""
    random = np.random.default_rng(seed)
    lines = ["product_id,product,image\n"]
    for row, path in enumerate(catalog.image):
        photo = Image.open(path).convert("RGB")
        made = [other_side(photo, random), detail(photo, random)]
        made += [photo] if random.random() >= WITHOUT_PACKSHOT else []
        for number, place in enumerate(random.permutation(len(made))):
            name = f"{row}-{number}.jpg"
            made[place].save(folder / name, quality=90)
            lines.append(f"{row}-{number},{row},{name}\n")
    (folder / "photos.csv").write_text("".join(lines))
    return folder / "photos.csv"


def similarities(
    vectors: np.ndarray, product: np.ndarray, outcomes: np.ndarray
) -> Mapping[str, np.ndarray]:
    """The similarity of each two products by each way, [n, n] float32."""
    starts = np.flatnonzero(np.diff(product, prepend=-1))
    is_front = np.isin(outcomes, FRONT)
    has_front = np.maximum.reduceat(is_front, starts)
    in_front = np.where(has_front[product], is_front, True)

    def mean(weights: np.ndarray) -> np.ndarray:
        sums = np.add.reduceat(vectors * weights[:, None], starts)
        return sums / np.linalg.norm(sums, axis=1, keepdims=True)

    each = vectors @ vectors.T
    best = np.maximum.reduceat(np.maximum.reduceat(each, starts), starts, axis=1)
    ways = {
        "the first photo": vectors[starts],
        "the packshot": vectors[find_packshots(product, outcomes)],
        "mean of all": mean(np.ones(len(vectors))),
        "mean of those whole on a plain background": mean(in_front.astype(float)),
    }
    return {k: v @ v.T for k, v in ways.items()} | {"best match of all": best}


def recall_and_precision(
    similarity: np.ndarray, style: np.ndarray, block: np.ndarray
) -> np.ndarray:
    """Recall@1 and average precision at R of each query, [m, 2]; and none of others."""
    figures = np.full((len(style), 2), np.nan)
    for row in range(len(style)):
        others = np.flatnonzero((block == block[row]) & (np.arange(len(style)) != row))
        right = style[others] == style[row]
        if style[row] < 0 or not right.any():
            continue
        order = np.argsort(-similarity[row, others], kind="stable")[: right.sum()]
        hits = right[order]
        precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
        figures[row] = hits[0], (precision * hits).sum() / right.sum()
    return figures


def interval(figures: np.ndarray, style: np.ndarray) -> tuple[float, float, float]:
    """The mean and its 95% interval by a bootstrap over styles."""
    random = np.random.default_rng(0)
    _, style = np.unique(style, return_inverse=True)
    sums = np.bincount(style, figures)
    counts = np.bincount(style)
    drawn = random.integers(len(sums), size=(RESAMPLES, len(sums)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    return float(figures.mean()), *np.quantile(means, (0.025, 0.975)).tolist()


def main() -> None:
    """Measures every way on every catalogue."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workdirs", required=True)
    parser.add_argument("--catalogs", required=True)
    arguments = parser.parse_args()
    lines = ["| catalog | way | R@1 | mAP@R |", "| --- | --- | ---: | ---: |"]
    places = (arguments.workdirs.split(","), arguments.catalogs.split(","))
    for workdir, name in zip(*places, strict=True):
        embedder = load_embedder(str(Workdir(workdir).embedder))
        catalog = read_catalog(name)
        found: dict[str, list[np.ndarray]] = {}
        for seed in SEEDS:
            with tempfile.TemporaryDirectory() as folder:
                table = make_photos(catalog, Path(folder), seed)
                photos = load_photos(
                    read_catalog(table, ()), embedder.image_size, progress=False
                )
                vectors = embed(embedder, photos)
            product = photos.catalog.extras["product"].astype(int)
            for way, matrix in similarities(vectors, product, photos.outcomes).items():
                figures = recall_and_precision(matrix, catalog.style, catalog.block)
                found.setdefault(way, []).append(figures)
        for way, runs in found.items():
            figures = np.mean(runs, axis=0)
            known = ~np.isnan(figures[:, 0])
            cells = [
                "{:.3f} ({:.3f} to {:.3f})".format(
                    *interval(figures[known, column], catalog.style[known])
                )
                for column in (0, 1)
            ]
            lines.append(f"| {Path(name).parent.name} | {way} | {' | '.join(cells)} |")
    text = HEAD + "\n".join(lines) + "\n"
    write_results(RESULTS, text)
    print(text)


if __name__ == "__main__":
    main()
