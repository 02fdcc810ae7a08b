"""Files of a job of neighbors beside its shards: whole, undamaged, or written anew."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cv_tf.atomic import whole_file

_WRITTEN_AT_ONCE = 2**14


def write_rows(
    folder: Path, vectors: np.ndarray, blocks: np.ndarray, order: np.ndarray
) -> None:
    """Writes vectors and blocks as the shards read them, a chunk at a time.

    What an interrupted job has written stays if it is the same, bit for bit.
    """
    for name, column in (("blocks", blocks), ("vectors", vectors)):
        path = folder / f"{name}.npy"
        if _holds(path, column, order):
            continue
        header = np.lib.format.header_data_from_array_1_0(column)
        with whole_file(path) as unfinished, unfinished.open("wb") as file:
            np.lib.format.write_array_header_1_0(file, header)
            for start in range(0, len(order), _WRITTEN_AT_ONCE):
                column[order[start : start + _WRITTEN_AT_ONCE]].tofile(file)


def _holds(path: Path, column: np.ndarray, order: np.ndarray) -> bool:
    """Whether a file holds the rows of an array, in that order."""
    try:
        there = np.load(path, "r")
    except (OSError, ValueError, EOFError):  # None is there, or a damaged one.
        return False
    if (there.shape, there.dtype) != (column.shape, column.dtype):
        return False
    starts = range(0, len(order), _WRITTEN_AT_ONCE)
    rows = (slice(start, start + _WRITTEN_AT_ONCE) for start in starts)
    return all(there[some].tobytes() == column[order[some]].tobytes() for some in rows)
