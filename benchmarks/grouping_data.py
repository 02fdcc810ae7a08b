"""Generated catalogues for grouping.py, in memory or in a file of embeddings."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

# How many of hm_dev's designs have 1, 2, 3, ... colors.
SIZES = (2691, 777, 250, 111, 33, 17, 8, 6, 3, 2, 1, 1)
STRAYS = 0.02
# Products that are generated at a time for a file.
PIECE = 100_000


class Kind(NamedTuple):
    """A kind of products.

    Attributes:
      title: What the results call it.
      dimensions: Width of the vectors.
      spread: Length of the difference of a variant from its design, divided by that of
        the design; the median where it varies.
      deviation: Standard deviation of the spread's logarithm between designs.
      has_structure: Whether dimensions differ in their variance.
    """

    title: str
    dimensions: int
    spread: float
    deviation: float = 0.0
    has_structure: bool = True

    @property
    def spectrum(self) -> np.ndarray:
        """Standard deviations of the dimensions, [dimensions] float32."""
        number = np.arange(self.dimensions, dtype=np.float32)
        if not self.has_structure:
            return np.ones_like(number)
        if self.dimensions == 1024:  # As measured on whitened vectors of real photos.
            return np.exp(-number / 740)
        return (number + 1) ** -0.5


KINDS = {
    "decaying": Kind("128, decaying", 128, 0.4),
    "whitened": Kind("1,024, as embed's", 1024, 1.3, 0.4),
    "even": Kind("128, even", 128, 0.25, has_structure=False),
}


class Products(NamedTuple):
    """Vectors [n, dimensions], their designs [n] and their blocks [n]."""

    vectors: np.ndarray
    designs: np.ndarray
    blocks: np.ndarray


def generate(kind: Kind, num_products: int, num_blocks: int, seed: int) -> Products:
    """Products in memory, float32, of length 1."""
    random = np.random.default_rng(seed)
    share = np.array(SIZES) / sum(SIZES)
    sizes = random.choice(np.arange(1, len(SIZES) + 1), num_products, p=share)
    design = np.repeat(np.arange(num_products), sizes)[:num_products]
    block_of_design = random.integers(num_blocks, size=num_products)
    spectrum, dimensions = kind.spectrum, kind.dimensions
    spread = np.full(num_products, kind.spread, np.float32)
    if kind.deviation:
        spread *= np.exp(kind.deviation * random.standard_normal(num_products))
    vectors = np.empty((num_products, dimensions), np.float32)
    # Designs are drawn as they are needed: those of a million would fill memory twice.
    starts = np.flatnonzero(np.diff(design, prepend=-1))
    for begin in range(0, len(starts), 50_000):
        end = starts[begin + 50_000] if begin + 50_000 < len(starts) else num_products
        own = slice(starts[begin], end)
        number = design[own] - design[starts[begin]]
        shape = (number[-1] + 1, dimensions)
        designs = random.standard_normal(shape, np.float32) * spectrum
        noise = random.standard_normal((len(number), dimensions), np.float32)
        vectors[own] = designs[number] + spread[design[own], None] * noise * spectrum
    strays = random.random(num_products) < STRAYS
    drawn = random.standard_normal((int(strays.sum()), dimensions), np.float32)
    vectors[strays] = drawn * spectrum
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    order = random.permutation(num_products)
    return Products(vectors[order], design[order], block_of_design[design[order]])


def write(kind: Kind, num_products: int, num_blocks: int, folder: Path) -> None:
    """Writes products as `embed` does, in pieces, and their designs beside them."""
    lists = pa.list_(pa.float32(), kind.dimensions)
    names = {"product_id": pa.string(), "block": pa.string(), "embedding": lists}
    schema, designs = pa.schema(names), []
    with pq.ParquetWriter(folder / "my.parquet", schema) as writer:
        for start in range(0, num_products, PIECE):
            number = min(PIECE, num_products - start)
            piece = generate(kind, number, num_blocks, seed=start + 2)
            designs.append(start + piece.designs)
            columns = [
                pa.array([str(start + row) for row in range(number)]),
                pa.array([str(block) for block in piece.blocks]),
                pa.FixedSizeListArray.from_arrays(
                    pa.array(piece.vectors.reshape(-1)), kind.dimensions
                ),
            ]
            writer.write_table(pa.table(columns, schema=schema))
    np.save(folder / "designs.npy", np.concatenate(designs))


def rows_of_blocks(blocks: np.ndarray) -> list[np.ndarray]:
    """The rows of each block, in the order of the blocks."""
    order = np.argsort(blocks, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(blocks[order])) + 1)
