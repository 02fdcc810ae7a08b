"""Names of groups that last from run to run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Named:
    """Groups with names.

    Attributes:
      group_id: `[n]` object (str), the name of each product's group.
      joined: Former groups that are one now: the name that it keeps, and the others.
    """

    group_id: np.ndarray
    joined: tuple[tuple[str, tuple[str, ...]], ...] = ()


def start_from(previous: Mapping[str, str], product_id: np.ndarray) -> np.ndarray:
    """The groups of an earlier run; products that are new have groups of their own.

    Args:
      previous: Products to the names of their groups.
      product_id: `[n]` products of now.

    Returns:
      `[n]` int64 groups.
    """
    number = {name: i for i, name in enumerate(dict.fromkeys(previous.values()))}
    alone = range(len(number), len(number) + len(product_id))
    return np.array(
        [
            number[previous[product]] if product in previous else new
            for product, new in zip(product_id, alone, strict=True)
        ],
        np.int64,
    )


def name_groups(
    groups: np.ndarray,
    product_id: np.ndarray,
    previous: Mapping[str, str] | None = None,
) -> Named:
    """Names every group: as before, or else by the first of its products' ids.

    A group of an earlier run keeps its name, whatever has joined it. Where several have
    become one, it keeps that of the largest.

    Args:
      groups: `[n]` integers.
      product_id: `[n]` object (str), unique.
      previous: Products to the names of their former groups.

    Returns:
      The names; two groups never share one.
    """
    _, group = np.unique(groups, return_inverse=True)
    names = _first_ids(group, product_id)
    if not previous:
        return Named(names[group])
    former: dict[int, Counter[str]] = {}
    for number, product in zip(group.tolist(), product_id, strict=True):
        if product in previous:
            former.setdefault(number, Counter())[previous[product]] += 1
    joined = []
    for number, counts in former.items():
        # The most products; of equal ones, the first name.
        kept, *others = sorted(counts, key=lambda name: (-counts[name], name))
        names[number] = kept
        if others:
            joined.append((kept, tuple(others)))
    _make_unique(names, kept=former)
    return Named(names[group], tuple(sorted(joined)))


def _first_ids(group: np.ndarray, product_id: np.ndarray) -> np.ndarray:
    """The least id of each group, [num_groups] object (str)."""
    order = np.argsort(product_id, kind="stable")
    _, first = np.unique(group[order], return_index=True)
    return product_id[order[first]]


def _make_unique(names: np.ndarray, kept: Mapping[int, object]) -> None:
    """Renames new groups that are called like a former one, whose product left it."""
    taken = {names[number] for number in kept}
    for number in range(len(names)):
        if number in kept:
            continue
        name, turn = names[number], 1
        while names[number] in taken:
            turn += 1
            names[number] = f"{name}-{turn}"
        taken.add(names[number])
