"""Names of groups, which stay the same from one run to the next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Named:
    """Groups with names.

    Attributes:
      group_id: [n] object (str), name of each product's group.
      joined: Former groups that have become one: the name that is kept, and the others.
    """

    group_id: np.ndarray
    joined: tuple[tuple[str, tuple[str, ...]], ...] = ()


def start_from(previous: Mapping[str, str], product_id: np.ndarray) -> np.ndarray:
    """The groups of an earlier run, [n] int64; new products have their own groups."""
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
    """Names `groups`, [n] int: as in an earlier run, or by the first of their products.

    A group of an earlier run (`previous`: from product to name) keeps its name,
    whatever has joined it; where it was split, the piece with most of its products
    does. Where several have become one, the name of the largest is kept. Two groups
    never share a name.
    """
    _, group = np.unique(groups, return_inverse=True)
    order = np.argsort(product_id, kind="stable")
    names = product_id[order[np.unique(group[order], return_index=True)[1]]]
    if not previous:
        return Named(names[group])
    counts: Counter[tuple[int, str]] = Counter()
    for number, product in zip(group.tolist(), product_id, strict=True):
        if product in previous:
            counts[number, previous[product]] += 1
    kept: dict[int, str] = {}
    taken: set[str] = set()
    # The most products; of equal ones, the first name.
    for number, name in sorted(counts, key=lambda it: (-counts[it], it[1], it[0])):
        if number not in kept and name not in taken:
            kept[number] = names[number] = name
            taken.add(name)
    joined: dict[int, list[str]] = {}
    for number, name in sorted(counts, key=lambda it: (-counts[it], it[1])):
        if name not in taken:
            joined.setdefault(number, []).append(name)
    _make_unique(names, kept)
    took_in = ((names[number], tuple(others)) for number, others in joined.items())
    return Named(names[group], tuple(sorted(took_in)))


def _make_unique(names: np.ndarray, kept: Mapping[int, object]) -> None:
    """Renames new groups that have the name of a former one, whose product left it."""
    taken = {names[number] for number in kept}
    for number in sorted(set(range(len(names))) - kept.keys()):
        name, turn = names[number], 1
        while names[number] in taken:
            turn += 1
            names[number] = f"{name}-{turn}"
        taken.add(names[number])
