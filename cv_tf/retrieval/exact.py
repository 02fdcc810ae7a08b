"""Exact nearest neighbors by blocked matrix products."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from cv_tf.retrieval.index import Index
from cv_tf.retrieval.neighbors import Neighbors
from cv_tf.retrieval.top_k import top_k

# The most queries and similarities that are held at once: on a CPU 64 MiB of these,
# which keep it busy; on a GPU 512 MiB, since starting its kernels takes long.
MAX_QUERIES = 512
_AT_ONCE = MAX_QUERIES, 2**24
_AT_ONCE_ON_DEVICE = 4096, 2**27
# Fewer similarities are had from a CPU in seconds, without loading TensorFlow.
_WORTH_TENSORFLOW = 2**33
_FILE = "embeddings.npy"


class ExactIndex(Index):
    """Compares each query with every product.

    Equally similar products are in the order of their rows; which of those that tie
    for the last place is found is not defined. The similarities of all queries with
    all products are never held at once. Large searches run on the GPU where TensorFlow
    sees one; all others in NumPy, which is faster than TensorFlow on CPUs.

    Args:
      embeddings: `[num_products, dim]` float32, L2-normalised and C-contiguous; held,
        not copied.
      model: As in `Index`.
      device: TensorFlow's name of the device that searches; None: as above.
    """

    engine = "exact"

    def __init__(
        self, embeddings: np.ndarray, model: str = "", device: str | None = None
    ):
        super().__init__(embeddings.shape[1], model)
        self.device = device
        self._embeddings = embeddings

    @property
    def num_products(self) -> int:
        """How many products can be found."""
        return len(self._embeddings)

    @classmethod
    def read(cls, folder: Path, about: dict[str, Any]) -> ExactIndex:
        """As `Index.read`."""
        return cls(np.load(folder / _FILE), about["model"])

    def _write(self, folder: Path) -> None:
        np.save(folder / _FILE, self._embeddings)

    def _add(self, embeddings: np.ndarray) -> None:
        self._embeddings = np.concatenate([self._embeddings, embeddings])

    def _search(self, queries: np.ndarray, k: int) -> Neighbors:
        products = self._embeddings
        size = len(queries) * len(products)
        device = self.device or (_gpu() if size >= _WORTH_TENSORFLOW else None)
        largest, (max_queries, max_similarities) = _on_cpu, _AT_ONCE
        if device:
            largest = functools.partial(_on_device, device=device)
            max_queries, max_similarities = _AT_ONCE_ON_DEVICE
        num_queries = min(max_queries, len(queries))
        found = Neighbors.none(len(queries), k)
        for block in _slices(len(products), max_similarities // num_queries):
            for part in _slices(len(queries), num_queries):
                above = found.similarities[part, -1]
                columns, values = largest(queries[part], products[block], k, above)
                _merge(found, part, columns, values, first=block.start)
        return found


def _slices(length: int, size: int) -> Iterator[slice]:
    return (slice(start, start + size) for start in range(0, length, size))


def _merge(
    found: Neighbors, part: slice, columns: np.ndarray, values: np.ndarray, first: int
) -> None:
    """Puts what a block's columns have, from row `first` on, among the neighbors."""
    changed = np.flatnonzero(columns[:, 0] >= 0) + part.start
    columns, values = columns[changed - part.start], values[changed - part.start]
    indices = np.where(columns < 0, -1, first + columns)
    indices = np.concatenate([found.indices[changed], indices], axis=1)
    values = np.concatenate([found.similarities[changed], values], axis=1)
    # Stable, so that among equals the earlier blocks' rows stay first.
    order = np.argsort(-values, axis=1, kind="stable")[:, : found.indices.shape[1]]
    found.indices[changed] = np.take_along_axis(indices, order, axis=1)
    found.similarities[changed] = np.take_along_axis(values, order, axis=1)


def _on_cpu(
    queries: np.ndarray, products: np.ndarray, k: int, above: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the columns of the `k` most similar products above a bound, and those."""
    return top_k(queries @ products.T, k, above)


def _on_device(
    queries: np.ndarray, products: np.ndarray, k: int, _above: np.ndarray, device: str
) -> tuple[np.ndarray, np.ndarray]:
    """Like `_on_cpu`, but by TensorFlow, and whatever the bound."""
    import tensorflow as tf  # noqa: PLC0415

    settings = tf.config.experimental
    rounds = settings.tensor_float_32_execution_enabled()
    # TensorFloat-32 has 10 bits of mantissa: that would not be exact.
    settings.enable_tensor_float_32_execution(False)
    try:
        with tf.device(device):
            similarities = tf.linalg.matmul(queries, products, transpose_b=True)
            largest, columns = tf.math.top_k(similarities, min(k, len(products)))
    finally:
        settings.enable_tensor_float_32_execution(rounds)
    return columns.numpy(), largest.numpy()


@functools.cache
def _gpu() -> str | None:
    """Returns TensorFlow's name of a GPU, or None where there is none."""
    try:
        import tensorflow as tf  # noqa: PLC0415
    except ImportError:
        return None
    return "/GPU:0" if tf.config.list_logical_devices("GPU") else None
