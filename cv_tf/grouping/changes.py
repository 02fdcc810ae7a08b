"""What differs from an earlier run, as a table for people who approve new groups."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from cv_tf.grouping.group_files import DECIMALS, write_table
from cv_tf.grouping.groups import Grouped
from cv_tf.grouping.states import Former

# What may have happened to a product; `changes_table` says what each means.
CHANGES = ("added", "moved", "left", "removed")


def changes_table(grouped: Grouped) -> pa.Table:
    """One row a product that is in another group than in the earlier run.

    A group goes on in the one that holds most of its products, whatever its name: then
    these are no changes. Where several groups go on in one, that of most products does,
    and the products of the others have moved.

    The rows of a group are together; those of removed products are the last.

    Returns:
      A table with the columns

      - `product_id`: As in the catalogue.
      - `change`: "added": it was not there. "moved": it is in another group of the
        earlier run. "left": it is in a group that was not there. "removed": it is gone.
      - `group_id`, `previous_group_id`: Name of its group, and of its former one; null
        where it has none.
      - `group_size`, `confidence`, `state`, `representative`: As in the table of
        groups; null for a product that is gone.
    """
    former = grouped.former
    if former is None:
        former = Former.of({}, grouped.product_id)
    change = _changes(grouped.group_number, former, grouped.named.group_id)
    rows = np.flatnonzero(change >= 0)
    rows = rows[np.argsort(grouped.group_number[rows], kind="stable")]
    gone = list(former.gone)
    was = former.group[rows]
    names = np.array([*former.names, None], object)[was]  # -1 is the last.
    confidence = np.round(grouped.confidence.probability[rows], DECIMALS)
    shown = {
        "product_id": grouped.product_id[rows],
        "change": np.array(CHANGES, object)[change[rows]],
        "group_id": grouped.named.group_id[rows],
        "previous_group_id": names,
        "group_size": grouped.size[rows],
        "confidence": confidence,
        "state": grouped.state[rows],
        "representative": grouped.product_id[grouped.representative[rows]],
    }
    removed = {
        "product_id": gone,
        "change": [CHANGES[-1]] * len(gone),
        "previous_group_id": list(former.gone.values()),
    }
    kinds = {"group_size": pa.int32(), "confidence": pa.float64()}
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in shown])
    lost = {name: removed.get(name, [None] * len(gone)) for name in shown}
    return pa.concat_tables([pa.table(of, schema) for of in (shown, lost)])


def write_changes(path: Path, grouped: Grouped) -> dict[str, int]:
    """Writes the table of changes, .csv or .parquet; it appears whole.

    Returns:
      The number of products of each of `CHANGES`.
    """
    table = changes_table(grouped)
    write_table(path, table)
    counts = {
        cell["values"]: cell["counts"]
        for cell in table["change"].value_counts().to_pylist()
    }
    return {change: counts.get(change, 0) for change in CHANGES}


def _changes(group: np.ndarray, former: Former, names: np.ndarray) -> np.ndarray:
    """What has happened to each product, [n] int64 by `CHANGES`; -1 for nothing."""
    change = np.full(len(group), -1)
    change[former.group < 0] = CHANGES.index("added")
    goes_on = _going_on(group, former, names)[group]
    other = (former.group >= 0) & (goes_on != former.group)
    change[other & (goes_on >= 0)] = CHANGES.index("moved")
    change[other & (goes_on < 0)] = CHANGES.index("left")
    return change


def _going_on(group: np.ndarray, former: Former, names: np.ndarray) -> np.ndarray:
    """Number of the former group that goes on in each of g groups, [g] int64, or -1.

    Each former group goes on in one group at most: the one with most of its products,
    of equal ones the one with its name. In each group goes on one at most, likewise.
    """
    num_groups = group.max() + 1
    known = np.flatnonzero(former.group >= 0)
    pairs, first, count = np.unique(
        former.group[known] * num_groups + group[known],
        return_index=True,
        return_counts=True,
    )
    was, now = pairs // num_groups, pairs % num_groups
    renamed = former.names[was] != names[known[first]]
    order = np.lexsort((now, renamed, -count, was))
    best = order[np.unique(was[order], return_index=True)[1]]
    order = best[np.lexsort((was[best], renamed[best], -count[best], now[best]))]
    best = order[np.unique(now[order], return_index=True)[1]]
    goes_on = np.full(num_groups, -1)
    goes_on[now[best]] = was[best]
    return goes_on
