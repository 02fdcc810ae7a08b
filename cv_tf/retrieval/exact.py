"""Exact nearest neighbors by blocked matrix products."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cv_tf.embeddings import rows_at_once, take_rows
from cv_tf.retrieval.index import Index
from cv_tf.retrieval.index_folder import IndexFolder
from cv_tf.retrieval.neighbors import Neighbors, check_embeddings

# Largest numbers of queries and of similarities that are held at once: on a CPU 64 MiB
# of similarities, which keep it busy; on a GPU 512 MiB, since kernels start slowly.
MAX_QUERIES = 512
_AT_ONCE = MAX_QUERIES, 2**24
_AT_ONCE_ON_DEVICE = 4096, 2**27
# Fewer similarities take a CPU seconds, without loading TensorFlow.
_WORTH_TENSORFLOW = 2**33
_FILE = "embeddings.npy"
_LOWEST = np.finfo(np.float32).min
_MAX_GROUP = 32
# Groups for each place: the maxima of fewer groups are a poor bound.
_GROUPS_PER_PLACE = 8


def top_k(
    values: np.ndarray, k: int, above: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Finds the `k` largest values of each row, equal ones in the order of columns.

    Only values larger than `above`, [num_rows], count. The k-th largest maximum of
    groups of columns is a lower bound of the k-th value, so only groups that reach it
    are looked into. Returns columns and values, [num_rows, k], descending; -1 and -inf
    where there are fewer. Which of those that tie for the last place is not defined.
    """
    num_rows, num_columns = values.shape
    size = int(np.clip(num_columns // (_GROUPS_PER_PLACE * k), 1, _MAX_GROUP))
    num_groups = num_columns // size
    # Group j is every `num_groups`-th column from j on, so that maxima are taken of
    # contiguous memory. The last columns, fewer than a group has, are in no group.
    rest = size * num_groups
    groups = values[:, :rest].reshape(num_rows, size, num_groups)
    maxima = groups.max(axis=1)
    least = np.maximum(np.nextafter(above, np.float32(np.inf)), _LOWEST)
    if k <= num_groups:
        bound = np.partition(maxima, num_groups - k, axis=1)[:, num_groups - k]
        least = np.maximum(least, bound)
    row, group = np.nonzero(_groups_to_look_into(maxima, least, k))
    member, place = np.nonzero(groups[row, :, group] >= least[row, None])
    last_row, last_column = np.nonzero(values[:, rest:] >= least[:, None])
    row = np.concatenate([row[member], last_row])
    column = np.concatenate([place * num_groups + group[member], rest + last_column])
    return ranked(row, column, values, k)


def _groups_to_look_into(maxima: np.ndarray, least: np.ndarray, k: int) -> np.ndarray:
    """Which groups, [num_rows, num_groups] bool; at most `2 * k` of each row."""
    reached = maxima >= least[:, None]
    if reached.sum(axis=1).max() > 2 * k:
        # Where many values are equal, `k` of the groups that tie are enough.
        tied = maxima == least[:, None]
        reached &= ~tied | (np.cumsum(tied, axis=1) <= k)
    return reached


def ranked(
    row: np.ndarray, column: np.ndarray, values: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """The first `k` candidates of each row, largest first."""
    value = values[row, column]
    order = np.lexsort((column, -value, row))
    row, column, value = row[order], column[order], value[order]
    rank = np.arange(len(row)) - np.searchsorted(row, row)
    first = rank < k
    place = row[first], rank[first]
    columns = np.full((len(values), k), -1, np.int32)
    largest = np.full((len(values), k), -np.inf, np.float32)
    columns[place] = column[first]
    largest[place] = value[first]
    return columns, largest


class ExactIndex(Index):
    """Compares each query with every product.

    Equally similar products are in the order of their rows; which of those that tie for
    the last place is found is not defined. The similarities of all queries with all
    products are never held at once. Large searches run on the GPU where TensorFlow sees
    one; all others in NumPy, which is faster than TensorFlow on CPUs.

    Args:
      embeddings: [num_products, dim] float16 or float32, L2-normalized and
        C-contiguous; of float16, some at a time are compared as float32.
      model: As in `Index`.
      device: TensorFlow's name of the device that searches; None to choose it.
    """

    kind = "exact"
    files = (_FILE,)

    def __init__(
        self, embeddings: np.ndarray, model: str = "", device: str | None = None
    ):
        super().__init__(embeddings.shape[1], model)
        self.device = device
        self._embeddings = embeddings

    @property
    def num_products(self) -> int:
        """Number of products that can be found."""
        return len(self._embeddings)

    @classmethod
    def read(cls, folder: IndexFolder) -> ExactIndex:
        """As `Index.read`."""
        about = folder.about
        shape = about["num_products"], about["dim"]
        vectors = folder.array(_FILE, "float32", shape, mapped=False)
        return cls(check_embeddings(vectors), about["model"])

    def _write(self, folder: Path) -> None:
        np.save(folder / _FILE, self._embeddings.astype(np.float32, copy=False))

    def _add(self, embeddings: np.ndarray) -> None:
        self._embeddings = np.concatenate([self._embeddings, embeddings])

    def _search(self, queries: np.ndarray, k: int) -> Neighbors:
        products = self._embeddings
        size = len(queries) * len(products)
        device = self.device or gpu_for(size)
        largest, (max_queries, max_similarities) = _on_cpu, _AT_ONCE
        if device:
            largest = functools.partial(_on_device, device=device)
            max_queries, max_similarities = _AT_ONCE_ON_DEVICE
        num_queries = min(max_queries, len(queries))
        found = Neighbors.none(len(queries), k)
        at_once = max_similarities // num_queries
        if products.dtype != np.float32:
            at_once = min(at_once, rows_at_once(self.dim))
        for block in _slices(len(products), at_once):
            members = take_rows(products, block)
            for part in _slices(len(queries), num_queries):
                above = found.similarities[part, -1]
                columns, values = largest(queries[part], members, k, above)
                merge_neighbors(found, part, columns, values, first=block.start)
        return found


def _slices(length: int, size: int) -> Iterator[slice]:
    return (slice(start, start + size) for start in range(0, length, size))


def merge_neighbors(
    found: Neighbors, part: slice, columns: np.ndarray, values: np.ndarray, first: int
) -> None:
    """Merges the best columns of a block that begins at row `first` into neighbors."""
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
    """The columns and similarities of the `k` most similar products above a bound."""
    return top_k(queries @ products.T, k, above)


def _on_device(
    queries: np.ndarray, products: np.ndarray, k: int, _above: np.ndarray, device: str
) -> tuple[np.ndarray, np.ndarray]:
    """As `_on_cpu`, by TensorFlow and without regard to the bound."""
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


def gpu_for(num_similarities: int) -> str | None:
    """TensorFlow's name of a GPU that is worth it; None for the CPU."""
    return _gpu() if num_similarities >= _WORTH_TENSORFLOW else None


@functools.cache
def _gpu() -> str | None:
    """TensorFlow's name of a GPU; None where there is none."""
    try:
        import tensorflow as tf  # noqa: PLC0415
    except ImportError:
        return None
    return "/GPU:0" if tf.config.list_logical_devices("GPU") else None
