"""What is said of each group: its state, and a product that stands for it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cv_tf.embeddings import rows_at_once, take_rows

# The states of a group; the first of them that holds is its state.
STATES = ("confirmed", "doubtful", "changed", "new", "unchanged")
CONFIRMED = STATES[0]
# Mean confidence of its products below which a group is worth a look.
DOUBTFUL_BELOW = 0.5
# Decimals of a mean similarity that are more than rounding.
_DECIMALS = 6


def number_names(names: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers names, [n] object (str), in the order in which they first occur.

    Returns:
      The number of each name, [n] int64: 0, 1, ..., and the k names, [k] object (str).
    """
    # Many times as fast as `np.unique`, which sorts.
    encoded = pa.array(names, pa.string()).dictionary_encode()
    numbers = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return numbers, encoded.dictionary.to_numpy(zero_copy_only=False)


@dataclass(frozen=True, eq=False)
class Former:
    """The k groups of an earlier run, and which of n products of today were in them.

    Attributes:
      names: [k] object (str), names of the groups.
      size: [k] int64, number of their products, with those that are gone.
      group: [n] int64, number of each product's former group; -1 for a new product.
      gone: Products that are no longer there, and the names of their former groups.
    """

    names: np.ndarray
    size: np.ndarray
    group: np.ndarray
    gone: Mapping[str, str]

    @classmethod
    def of(cls, previous: Mapping[str, str], product_id: np.ndarray) -> Former:
        """Finds products, [n] object (str), among those of an earlier run."""
        ids = pa.array(list(previous), pa.string())
        numbers, names = number_names(np.array(list(previous.values()), object))
        place = pc.index_in(pa.array(product_id, pa.string()), value_set=ids)
        place = pc.fill_null(place, -1).to_numpy(zero_copy_only=False)
        is_known = place >= 0
        is_gone = np.ones(len(ids), bool)
        is_gone[place[is_known]] = False
        group = np.full(len(product_id), -1)
        group[is_known] = numbers[place[is_known]]
        pairs = ids.filter(pa.array(is_gone)).to_pylist(), names[numbers[is_gone]]
        gone = dict(zip(*pairs, strict=True))
        return cls(names, np.bincount(numbers, minlength=len(names)), group, gone)


def group_states(
    group: np.ndarray,
    confidence: np.ndarray,
    is_confirmed: np.ndarray | None = None,
    former: Former | None = None,
    closed: Collection[str] = (),
) -> np.ndarray:
    """The state of each of g groups, [g] object (str): one of `STATES`.

    - confirmed: People have confirmed all of its products, now or in the earlier run.
      The latter holds as long as nothing joins the group and nothing is split from it;
      products may go.
    - doubtful: The mean confidence of its products is below `DOUBTFUL_BELOW`.
    - changed: Its products were others in the earlier run, of which some may be gone.
    - new: None of its products was there in the earlier run, or there was none.
    - unchanged: It is as in the earlier run, maybe with another name.

    Args:
      group: [n] int64, number of each product's group; 0, 1, ..., g - 1.
      confidence: [n] float64, 0 to 1.
      is_confirmed: [n] bool, products that people have confirmed in their groups; None
        for none.
      former: Groups of the earlier run; None without one.
      closed: Names of the groups that were confirmed in the earlier run.
    """
    size = np.bincount(group)
    was_confirmed = is_same = has_known = np.zeros(len(size), bool)
    if former is not None:
        was_confirmed, is_same, has_known = _compared(group, size, former, closed)
    confirmed = was_confirmed
    if is_confirmed is not None:
        confirmed = confirmed | (np.bincount(group, is_confirmed) == size)
    # A mean of 0.5 is not below it for being rounded.
    mean = (np.bincount(group, confidence) / size).round(9)
    holds = (confirmed, mean < DOUBTFUL_BELOW, has_known & ~is_same, ~has_known)
    return np.select(holds, STATES[:-1], STATES[-1]).astype(object)


def _compared(
    group: np.ndarray, size: np.ndarray, former: Former, closed: Collection[str]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Groups that stay confirmed, that are the same, and with known products, [g] bool.

    The same are those of all products of one former group and of no others.
    """
    lowest = np.full(len(size), len(former.names))
    highest = np.full(len(size), -1)
    np.minimum.at(lowest, group, former.group)
    np.maximum.at(highest, group, former.group)
    of_one = (lowest == highest) & (lowest >= 0)
    one = np.where(of_one, lowest, 0)
    is_same = of_one & (former.size[one] == size)
    left = np.bincount(former.group[former.group >= 0], minlength=len(former.names))
    is_whole = of_one & (left[one] == size)
    is_closed = np.array([name in closed for name in former.names], bool)
    return is_whole & is_closed[one], is_same, highest >= 0


def representatives(
    group: np.ndarray, vectors: np.ndarray, product_id: np.ndarray
) -> np.ndarray:
    """The product that stands for each of g groups, [g] int64 numbers of products.

    It is the one with the highest mean similarity to the others, without a discount for
    color; of equally similar ones, the one with the first id.

    Args:
      group: [n] int64, number of each product's group; each of 0, 1, ..., g - 1 occurs.
      vectors: [n, dimensions] float16 or float32, of length 1.
      product_id: [n] object (str).
    """
    size = np.bincount(group)[group]
    mean = np.zeros(len(group))
    # Two products are equally similar to each other.
    rows = np.flatnonzero(size > 2)
    if len(rows):
        rows = rows[np.argsort(group[rows], kind="stable")]
        starts = np.flatnonzero(np.diff(group[rows], prepend=-1))
        # Cut where groups begin, so that each is summed up at once.
        turn = starts // rows_at_once(vectors.shape[1])
        cuts = starts[np.flatnonzero(np.diff(turn)) + 1]
        for some in np.split(rows, cuts):
            own = take_rows(vectors, some)
            begins = np.diff(group[some], prepend=-1) != 0
            sums = np.add.reduceat(own, np.flatnonzero(begins), axis=0)
            total = np.einsum("nd,nd->n", own, sums[np.cumsum(begins) - 1] - own)
            mean[some] = total / (size[some] - 1)
    place = np.empty(len(group), np.int64)
    place[pc.sort_indices(pa.array(product_id, pa.string()))] = np.arange(len(group))
    order = np.lexsort((place, -mean.round(_DECIMALS), group))
    return order[np.searchsorted(group[order], np.arange(group.max() + 1))]
