"""The groups of a catalog: from embeddings to named groups with their confidence."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cv_tf.config import EvaluationSettings, GroupingSettings
from cv_tf.embeddings import Copies, Embeddings
from cv_tf.grouping.confidence import Confidence, find_confidence
from cv_tf.grouping.constraints import components
from cv_tf.grouping.expectation import Expected
from cv_tf.grouping.floors import search_floor
from cv_tf.grouping.graph import check_neighbors, find_neighbors
from cv_tf.grouping.linkage import link
from cv_tf.grouping.linked import Answers, Linked, link_by_model
from cv_tf.grouping.members import pairs_within
from cv_tf.grouping.naming import Named, name_groups, start_from
from cv_tf.grouping.pair_model import PairModel, Scale
from cv_tf.grouping.similarity import Similarity
from cv_tf.grouping.states import (
    STATES,
    Former,
    group_states,
    number_names,
    representatives,
)
from cv_tf.retrieval import Neighbors

# Distance in CIELAB below which two photos show one color.
_ONE_COLOR = 3.0


@dataclass(frozen=True, eq=False)
class Grouped:
    """The groups of a catalog of n products.

    Attributes:
      product_id: [n] object (str).
      named: Names of the groups.
      size: [n] int64, number of products in each product's group.
      confidence: Confidence in the place of each product, and what is nearest outside.
      linked: Linked catalog that the groups were cut from, with the model of pairs.
      threshold: Mean similarity at which groups joined.
      same_color: Names of groups with two products of one color.
      num_new: Number of products that the earlier run did not have; 0 without one.
      num_left: Number of products of the earlier run that are no longer there.
      copies: Which products have the photo of an earlier one of their block.
      copies_across_blocks: The same, of an earlier one of any block.
      is_confirmed: [n] bool, products that people have answered about, and that are
        linked with all others of their groups by yes; None for none.
      previous: Name of each product's group in the earlier run; None without one.
      closed: Names of groups that were confirmed in the earlier run.
    """

    product_id: np.ndarray
    named: Named
    size: np.ndarray
    confidence: Confidence
    linked: Linked
    threshold: float
    same_color: tuple[str, ...]
    copies: Copies
    copies_across_blocks: Copies
    num_new: int = 0
    num_left: int = 0
    is_confirmed: np.ndarray | None = None
    previous: Mapping[str, str] | None = None
    closed: Collection[str] = ()

    @cached_property
    def group_number(self) -> np.ndarray:
        """Number of each product's group, [n] int64, in the order of their products."""
        return number_names(self.named.group_id)[0]

    @cached_property
    def former(self) -> Former | None:
        """The groups of the earlier run; None without one."""
        return Former.of(self.previous, self.product_id) if self.previous else None

    @cached_property
    def state(self) -> np.ndarray:
        """State of each product's group, [n] object (str); see `group_states`."""
        states = group_states(
            self.group_number,
            self.confidence.probability,
            self.is_confirmed,
            self.former,
            self.closed,
        )
        return states[self.group_number]

    @cached_property
    def representative(self) -> np.ndarray:
        """Row of the product that stands for each product's group, [n] int64.

        It is the most similar one to the others, and no copy; see `representatives`.
        """
        rows, vectors = self.copies.rows, self.linked.distinct.vectors
        ids = self.product_id[rows]
        chosen = representatives(self.group_number[rows], vectors, ids)
        return rows[chosen][self.group_number]

    @cached_property
    def expected(self) -> Expected | None:
        """The figures to expect, as the model tells; None if all products are alone."""
        return self.linked.expect(self.threshold)

    def summary(self) -> dict[str, float]:
        """The figures of all groups, by name."""
        _, first = np.unique(self.group_number, return_index=True)
        first = first[self.size[first] > 1]
        states = self.state[first]
        return {
            "num_products": len(self.product_id),
            "num_copies": self.copies.num_copies,
            "num_groups": len(first),
            "num_grouped_products": int(self.size[first].sum()),
            "share_with_variants": float(self._has_variants().mean()),
            "largest_group": int(self.size.max()),
            **{f"num_{of}_groups": int((states == of).sum()) for of in STATES},
            "num_same_color_groups": len(self.same_color),
            "num_refused_merges": self.linked.dendrograms.num_refused,
        }

    def _has_variants(self) -> np.ndarray:
        """Which products are in a group of two photos or more, [n] bool."""
        group = self.group_number
        num_photos = np.bincount(group[self.copies.rows], minlength=group.max() + 1)
        return num_photos[group] > 1


def find_groups(
    embeddings: Embeddings,
    neighbors: Neighbors | None = None,
    threshold: float | None = None,
    settings: GroupingSettings | None = None,
    model: PairModel | None = None,
    previous: Mapping[str, str] | None = None,
    answers: Answers | None = None,
    criterion: str = "f1",
    min_precision: float | None = None,
    closed: Collection[str] = (),
) -> Grouped:
    """Groups a catalog, names its groups, and says how sure each place is.

    Each product is in one group, maybe alone; those of a photo share it, counting once.

    Args:
      embeddings: Embeddings of the catalog.
      neighbors: The result of `find_neighbors` for these products; None to call it.
      threshold: Mean similarity at which groups join, -1 to 1; None to find the best.
      settings: Settings of the grouping; None for the defaults.
      model: Model of the pairs, such as that of a calibration; None to learn one.
      previous: Name of each product's group in an earlier run, whose products stay
        together; new ones are placed, and may join groups. None without one.
      answers: Pairs that people have answered; None for none.
      criterion: Figure, "f1" or "fms", that is expected to be best if no threshold is
        given.
      min_precision: Precision to expect instead, 0 to 1, at the highest recall; None to
        go by the criterion.
      closed: Names of groups of `previous` that people have confirmed.

    Raises:
      ValueError: As `cv_tf.retrieval.nearest`; for other neighbors; for NaN.

    Example:
      >>> import numpy as np
      >>> from cv_tf.embeddings import Embeddings
      >>> from cv_tf.grouping import find_groups
      >>> vectors = np.array([[1, 0], [0.8, 0.6], [-1, 0], [-0.8, 0.6]], np.float32)
      >>> groups = find_groups(Embeddings.of_arrays(vectors))
      >>> groups.named.group_id.tolist()
      ['0', '0', '2', '2']
    """
    ids, settings = embeddings.product_id, settings or GroupingSettings()
    copies, distinct = embeddings.copies, embeddings.distinct
    if neighbors is None:
        floor = search_floor(distinct, settings, threshold)
        neighbors = find_neighbors(embeddings, settings, floor=floor)
    start = _start(copies, start_from(previous, ids)) if previous else None
    former = _former(embeddings, previous, closed) if previous and closed else None
    linked = link_by_model(
        distinct, neighbors, settings, answers, model, start, threshold, former
    )
    groups, threshold = linked.cut(threshold, criterion, min_precision)
    confidence = find_confidence(
        groups, linked.similarity, neighbors, linked.model, linked.constraints
    )
    return _grouped(embeddings, linked, groups, threshold, confidence, previous, closed)


def _former(
    embeddings: Embeddings, previous: Mapping[str, str], closed: Collection[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Which photos an earlier run had, and which of them in closed groups, [m] bool."""
    names = [previous.get(product) for product in embeddings.product_id]
    closed, place = set(closed), embeddings.copies.place
    is_former, is_closed = np.zeros((2, len(embeddings.distinct)), bool)
    is_former[place[[name is not None for name in names]]] = True
    is_closed[place[[name in closed for name in names]]] = True
    return is_former, is_closed


def _grouped(
    embeddings: Embeddings,
    linked: Linked,
    groups: np.ndarray,
    threshold: float,
    confidence: Confidence,
    previous: Mapping[str, str] | None,
    closed: Collection[str],
) -> Grouped:
    """All products with their groups, from those of products without copies."""
    ids, copies = embeddings.product_id, embeddings.copies
    distinct_groups, groups = groups, groups[copies.place]
    named = name_groups(groups, ids, previous)
    known = linked.constraints
    num_known = sum(product in previous for product in ids) if previous else len(ids)
    return Grouped(
        product_id=ids,
        named=named,
        size=np.bincount(groups)[groups],
        confidence=confidence.with_copies(copies),
        linked=linked,
        threshold=threshold,
        same_color=_of_one_color(embeddings, groups, named),
        copies=copies,
        copies_across_blocks=embeddings.copies_across_blocks,
        num_new=len(ids) - num_known,
        num_left=len(previous) - num_known if previous else 0,
        is_confirmed=known.confirmed(distinct_groups)[copies.place] if known else None,
        previous=previous,
        closed=closed,
    )


def expected_threshold(
    embeddings: Embeddings, settings: EvaluationSettings
) -> tuple[float, PairModel]:
    """The threshold that is expected to be best on products, and the model of pairs.

    It looks at no label: it is the one of `find_groups`.
    """
    floor = search_floor(embeddings.distinct, settings)
    neighbors = find_neighbors(embeddings, settings, floor=floor)
    linked = link_by_model(embeddings.distinct, neighbors, settings)
    return linked.best_threshold(settings.criterion), linked.model


def group(
    embeddings: Embeddings,
    threshold: float | None = None,
    settings: GroupingSettings | None = None,
    neighbors: Neighbors | None = None,
    model: PairModel | None = None,
) -> np.ndarray:
    """Groups products, without names and confidence; the arguments are `find_groups`'s.

    Returns:
      [n] int32, group of each product: 0, 1, 2, ... in the order of their first
      products. A product without variants has a group of its own.

    Raises:
      ValueError: As `find_groups`.

    Example:
      >>> import numpy as np
      >>> from cv_tf.embeddings import Embeddings
      >>> from cv_tf.grouping import group
      >>> vectors = np.array([[1, 0], [0.8, 0.6], [-1, 0]], np.float32)
      >>> group(Embeddings.of_arrays(vectors), threshold=0.7).tolist()
      [0, 0, 1]
    """
    settings = settings or GroupingSettings()
    if neighbors is None:
        # Products that are less alike than at the threshold join nothing.
        floor = threshold
        if floor is None:
            floor = search_floor(embeddings.distinct, settings)
        neighbors = find_neighbors(embeddings, settings, floor=floor)
    distinct, place = embeddings.distinct, embeddings.copies.place
    check_neighbors(neighbors, len(distinct))
    if threshold is None:
        linked = link_by_model(distinct, neighbors, settings, model=model)
        return linked.cut()[0][place]
    if model is not None:
        weight = model.color_weight
    else:
        weight = Scale.of(distinct, neighbors).usual_weight(settings.color)
    similarity = Similarity.of(distinct, weight)
    dendrograms = link(similarity, neighbors, threshold, settings.max_group_size)
    return dendrograms.cut(threshold)[place]


def _start(copies: Copies, groups: np.ndarray) -> np.ndarray:
    """Former groups of products without copies, [m] int, from those of all, [n] int.

    Former groups that share a photo become one.
    """
    if not copies.num_copies:
        return groups
    num_distinct = len(copies.rows)
    links = np.stack([copies.place, num_distinct + groups], axis=1)
    return components(num_distinct + groups.max() + 1, links)[:num_distinct]


def _of_one_color(
    embeddings: Embeddings, groups: np.ndarray, named: Named
) -> tuple[str, ...]:
    """Groups in which two photos have one color: by its name, else by the photos."""
    rows, distinct = embeddings.copies.rows, embeddings.distinct
    names = named.group_id[rows]
    first, second = pairs_within(groups[rows])
    if distinct.color is not None:
        color = distinct.color
        same = (color[first] == color[second]) & (color[first] != "")
    elif distinct.lab is not None:
        apart = distinct.lab[first] - distinct.lab[second]
        same = np.linalg.norm(apart, axis=1) < _ONE_COLOR
    else:
        return ()
    return tuple(sorted(set(names[first[same]])))
