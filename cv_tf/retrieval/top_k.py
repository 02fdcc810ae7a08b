"""The largest values of each row of a matrix."""

from __future__ import annotations

import numpy as np

_LOWEST = np.finfo(np.float32).min
_MAX_GROUP = 32
# The maxima of few groups are a poor bound: have this many groups for each place.
_GROUPS_PER_PLACE = 8


def top_k(
    values: np.ndarray, k: int, above: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Finds the `k` largest values of each row, equal ones in the order of columns.

    One pass takes the maxima of groups of columns. The k-th largest of them is a lower
    bound of the k-th largest value, so only groups that reach it are looked into. With
    many columns that takes a tenth of the time of a partition of whole rows.

    Args:
      values: `[num_rows, num_columns]` float32, finite.
      k: How many values are wanted of each row.
      above: `[num_rows]` float32; only larger values are of interest.

    Returns:
      `(columns, largest)`, `[num_rows, k]` int32 and float32, descending; -1 and -inf
      where a row has fewer than `k` such values. Which of those that tie for the last
      place is among them is not defined.
    """
    num_rows, num_columns = values.shape
    size = int(np.clip(num_columns // (_GROUPS_PER_PLACE * k), 1, _MAX_GROUP))
    num_groups = num_columns // size
    # Group j is every `num_groups`-th column from j on: so are its maxima taken of
    # contiguous memory. The last columns, fewer than a group has, are in none.
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
    return _ranked(row, column, values, k)


def _groups_to_look_into(maxima: np.ndarray, least: np.ndarray, k: int) -> np.ndarray:
    """Returns `[num_rows, num_groups]` bool, at most `2 * k` of them true in a row."""
    reached = maxima >= least[:, None]
    if reached.sum(axis=1).max() > 2 * k:
        # Where all is alike, `k` of the groups that tie are enough.
        tied = maxima == least[:, None]
        reached &= ~tied | (np.cumsum(tied, axis=1) <= k)
    return reached


def _ranked(
    row: np.ndarray, column: np.ndarray, values: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the first `k` candidates of each row, largest first."""
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
