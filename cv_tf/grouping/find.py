"""From a file of embeddings to the groups of a catalogue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cv_tf.config import GroupingSettings
from cv_tf.embeddings import Embeddings
from cv_tf.grouping.calibration import guess_threshold
from cv_tf.grouping.confidence import (
    Confidence,
    ConfidenceCurve,
    find_confidence,
    pairs_within,
)
from cv_tf.grouping.linking import link
from cv_tf.grouping.similarity import Similarity
from cv_tf.retrieval import Neighbors


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


# Mean confidence of its products below which a group is worth a look.
DOUBTFUL_BELOW = 0.5
# Distance in CIELAB below which two photos show one color.
_ONE_COLOR = 3.0


@dataclass(frozen=True, eq=False)
class Grouped:
    """The groups of a catalogue, n products.

    Attributes:
      product_id: `[n]` object (str).
      named: The groups' names.
      size: `[n]` int64, products of each product's group.
      confidence: How sure each place is, and what is nearest outside.
      num_refused: Merges left out because a group would have become too large.
      same_color: Names of groups with two products of one color.
      num_new: Products that the earlier run did not have; 0 without one.
      num_left: Products of the earlier run that are no more there.
    """

    product_id: np.ndarray
    named: Named
    size: np.ndarray
    confidence: Confidence
    num_refused: int
    same_color: tuple[str, ...]
    num_new: int = 0
    num_left: int = 0

    def summary(self) -> dict[str, float]:
        """What was found, in numbers."""
        is_grouped = self.size > 1
        _, group = np.unique(self.named.group_id[is_grouped], return_inverse=True)
        sizes = np.bincount(group)
        confidence = np.bincount(group, self.confidence.probability[is_grouped]) / sizes
        return {
            "num_products": len(self.product_id),
            "num_groups": len(sizes),
            "num_grouped_products": len(group),
            "share_with_variants": float(is_grouped.mean()),
            "largest_group": int(self.size.max()),
            "num_doubtful_groups": int((confidence < DOUBTFUL_BELOW).sum()),
            "num_same_color_groups": len(self.same_color),
            "num_refused_merges": self.num_refused,
        }


def find_groups(
    embeddings: Embeddings,
    neighbors: Neighbors,
    threshold: float | None,
    settings: GroupingSettings,
    confidence_curve: ConfidenceCurve | None = None,
    previous: Mapping[str, str] | None = None,
) -> Grouped:
    """Groups a catalogue, and says how sure that is.

    Args:
      embeddings: Of the catalogue.
      neighbors: Of every product, in the order of their rows.
      threshold: Mean similarity at which groups join; None to guess it.
      settings: All else.
      confidence_curve: From similarity to probability; None for one whose middle is
        the threshold.
      previous: Products to the names of their groups in an earlier run. These stay
        together; new products are placed, and may join groups.

    Returns:
      The groups. Every product is in one; those without variants are alone.

    Raises:
      ValueError: If the threshold is NaN.
    """
    ids = embeddings.product_id
    similarity = Similarity(embeddings.vectors, embeddings.lab, settings.same_color)
    if threshold is None:
        threshold = guess_threshold(similarity, neighbors)
    start = start_from(previous, ids) if previous else None
    dendrograms = link(similarity, neighbors, threshold, settings.max_group_size, start)
    groups = dendrograms.cut(threshold)
    named = name_groups(groups, ids, previous)
    num_known = sum(product in previous for product in ids) if previous else len(ids)
    return Grouped(
        product_id=ids,
        named=named,
        size=np.bincount(groups)[groups],
        confidence=find_confidence(
            groups,
            similarity,
            neighbors,
            confidence_curve or ConfidenceCurve(threshold),
        ),
        num_refused=dendrograms.num_refused,
        same_color=_of_one_color(embeddings, groups, named),
        num_new=len(ids) - num_known,
        num_left=len(previous) - num_known if previous else 0,
    )


def _of_one_color(
    embeddings: Embeddings, groups: np.ndarray, named: Named
) -> tuple[str, ...]:
    """Groups in which two products have one color: by its name, else by the photos."""
    first, second = pairs_within(groups)
    if embeddings.color is not None:
        color = embeddings.color
        same = (color[first] == color[second]) & (color[first] != "")
    elif embeddings.lab is not None:
        apart = embeddings.lab[first] - embeddings.lab[second]
        same = np.linalg.norm(apart, axis=1) < _ONE_COLOR
    else:
        return ()
    return tuple(sorted(set(named.group_id[first[same]])))
