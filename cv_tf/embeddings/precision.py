"""The precision of vectors: kept in half of it where there are many."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

# Values from which on vectors are kept in half precision: 1 GB of them in single.
_HALF_FROM = 2**28
# Values that are computed with at a time: 32 MB.
_AT_ONCE = 2**23


def kept_type(num_rows: int, dimensions: int) -> type[np.floating]:
    """The type in which so many vectors are kept in memory, float16 or float32.

    Rounding to float16 changes the similarity of two vectors of 1,024 dimensions by
    1e-5, which is less than the sampling of photos does by far. Whatever is computed
    from them is computed in float32.
    """
    return np.float16 if num_rows * dimensions >= _HALF_FROM else np.float32


def rows_at_once(dimensions: int) -> int:
    """The number of vectors to compute with at a time, so that they take 32 MB."""
    return max(_AT_ONCE // max(dimensions, 1), 1)


def take_rows(vectors: np.ndarray, rows: np.ndarray | slice) -> np.ndarray:
    """Some vectors, [m, dimensions] float32, whatever precision they are kept in.

    Args:
      vectors: [n, dimensions] float16 or float32.
      rows: [m] int, or a slice; of a slice of float32 the result is a view.

    Example:
      >>> import numpy as np
      >>> from cv_tf.embeddings import take_rows
      >>> take_rows(np.eye(3, dtype=np.float16), np.array([2, 0]))
      array([[0., 0., 1.],
             [1., 0., 0.]], dtype=float32)
    """
    some = vectors[rows] if isinstance(rows, slice) else np.take(vectors, rows, axis=0)
    return some.astype(np.float32, copy=False)


def in_pieces(vectors: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Yields the rows of each piece of all vectors, and its vectors as `take_rows`.

    Example:
      >>> import numpy as np
      >>> from cv_tf.embeddings import in_pieces
      >>> [(rows, some.dtype.name) for rows, some in in_pieces(np.eye(3, dtype="f2"))]
      [(slice(0, 3, None), 'float32')]
    """
    size = rows_at_once(vectors.shape[1])
    for start in range(0, len(vectors), size):
        rows = slice(start, min(start + size, len(vectors)))
        yield rows, take_rows(vectors, rows)
