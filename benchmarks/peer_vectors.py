"""The side of peers.py that makes the vectors of one peer, in a Python of its own.

    PYTHON benchmarks/peer_vectors.py PEER PHOTOS OUTPUT.parquet

PHOTOS is a folder of ID.jpg. Each peer is used as its documentation begins: hashes and
fastdup see the whole photo, HOG the box of the product in grey. Cells of 8 pixels were
chosen for HOG on 1,784 products of `train`: recall@1 0.498, with 16 pixels 0.435. SIFT
as VLAD of 64 words and 512 dimensions has 0.248 there, and is left out.
"""

from __future__ import annotations

import functools
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

# Difference to the background from which on a pixel is the product's, of 255.
_INK = 12
_HOG_SIDE, _HOG_CELL = 128, 8
_FASTDUP_DIMENSIONS = 576
Vectors = np.ndarray


def hashes(paths: list[Path], kind: str, size: int) -> Vectors:
    """A perceptual hash of imagehash; 1 and -1, so that products are counts of bits."""
    import imagehash  # noqa: PLC0415 (each peer has packages of its own)

    of_image = getattr(imagehash, kind)
    bits = [of_image(Image.open(path), hash_size=size).hash.ravel() for path in paths]
    return np.where(bits, 1.0, -1.0)


def product(path: Path, side: int) -> np.ndarray:
    """The product's box in grey, centered on a white square, [side, side] uint8."""
    grey = np.asarray(Image.open(path).convert("L"))
    edge = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    is_product = np.abs(grey.astype(int) - int(np.median(edge))) > _INK
    rows, columns = (np.flatnonzero(is_product.any(axis)) for axis in (1, 0))
    if len(rows) and len(columns):
        grey = grey[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    image = Image.fromarray(grey)
    scale = side / max(image.size)
    size = tuple(max(1, round(edge * scale)) for edge in image.size)
    square = Image.new("L", (side, side), 255)
    place = ((side - size[0]) // 2, (side - size[1]) // 2)
    square.paste(image.resize(size, Image.Resampling.BICUBIC), place)
    return np.asarray(square)


def hog(paths: list[Path]) -> Vectors:
    """Histograms of oriented gradients of scikit-image."""
    from skimage.feature import hog as describe  # noqa: PLC0415

    cell = (_HOG_CELL, _HOG_CELL)
    return np.stack(
        [
            describe(
                product(path, _HOG_SIDE), pixels_per_cell=cell, cells_per_block=(2, 2)
            )
            for path in paths
        ]
    )


def fastdup(paths: list[Path]) -> Vectors:
    """Features of fastdup's own model."""
    import fastdup as package  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder:
        photos, work = Path(folder, "photos"), Path(folder, "work")
        photos.mkdir()
        for path in paths:
            shutil.copyfile(path, photos / path.name)
        package.run(str(photos), str(work), run_mode=1, num_threads=1)
        features = np.fromfile(work / "atrain_features.dat", np.float32)
        features = features.reshape(-1, _FASTDUP_DIMENSIONS)
        lines = (work / "atrain_features.dat.csv").read_text().splitlines()[1:]
    names = [Path(line.split(",")[1]).stem for line in lines]
    row_of = {name: row for row, name in enumerate(names)}
    return features[[row_of[path.stem] for path in paths]]


PEERS: dict[str, Callable[[list[Path]], Vectors]] = {
    "phash": functools.partial(hashes, kind="phash", size=8),
    "phash of 256 bits": functools.partial(hashes, kind="phash", size=16),
    "dhash": functools.partial(hashes, kind="dhash", size=8),
    "whash": functools.partial(hashes, kind="whash", size=8),
    "HOG": hog,
    "fastdup": fastdup,
}


def main(peer: str, photos: str, output: str) -> None:
    """Writes the vectors of length 1 of all photos of a folder."""
    paths = sorted(Path(photos).glob("*.jpg"))
    vectors = PEERS[peer](paths).astype(np.float32)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    table = {"product_id": [path.stem for path in paths], "embedding": list(vectors)}
    pq.write_table(pa.table(table), output)


if __name__ == "__main__":
    main(*sys.argv[1:])
