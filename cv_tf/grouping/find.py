"""From a file of embeddings to the groups of a catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cv_tf.config import GroupingSettings
from cv_tf.embeddings import Embeddings
from cv_tf.grouping.certainty import Certainty
from cv_tf.grouping.confidence import Verdicts, judge, pairs_within
from cv_tf.grouping.link import link
from cv_tf.grouping.naming import Named, name_groups, start_from
from cv_tf.grouping.similarity import Likeness
from cv_tf.grouping.unlabelled import guess_threshold
from cv_tf.retrieval import Neighbors

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
      verdicts: How sure each place is, and what is nearest outside.
      num_refused: Merges left out because a group would have become too large.
      same_color: Names of groups with two products of one color.
      num_new: Products that the earlier run did not have; 0 without one.
      num_left: Products of the earlier run that are no more there.
    """

    product_id: np.ndarray
    named: Named
    size: np.ndarray
    verdicts: Verdicts
    num_refused: int
    same_color: tuple[str, ...]
    num_new: int = 0
    num_left: int = 0

    def summary(self) -> dict[str, float]:
        """What was found, in numbers."""
        is_grouped = self.size > 1
        _, group = np.unique(self.named.group_id[is_grouped], return_inverse=True)
        sizes = np.bincount(group)
        confidence = np.bincount(group, self.verdicts.confidence[is_grouped]) / sizes
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
    certainty: Certainty | None = None,
    previous: Mapping[str, str] | None = None,
) -> Grouped:
    """Groups a catalogue, and says how sure that is.

    Args:
      embeddings: Of the catalogue.
      neighbors: Of every product, in the order of their rows.
      threshold: Mean likeness at which groups join; None to guess it.
      settings: All else.
      certainty: From likeness to probability; None takes the threshold for its middle.
      previous: Products to the names of their groups in an earlier run. These stay
        together; new products are placed, and may join groups.

    Returns:
      The groups. Every product is in one; those without variants are alone.

    Raises:
      ValueError: If the threshold is NaN.
    """
    ids = embeddings.product_id
    likeness = Likeness(embeddings.vectors, embeddings.lab, settings.same_color)
    if threshold is None:
        threshold = guess_threshold(likeness, neighbors)
    start = start_from(previous, ids) if previous else None
    dendrograms = link(likeness, neighbors, threshold, settings.max_group_size, start)
    groups = dendrograms.cut(threshold)
    named = name_groups(groups, ids, previous)
    num_known = sum(product in previous for product in ids) if previous else len(ids)
    return Grouped(
        product_id=ids,
        named=named,
        size=np.bincount(groups)[groups],
        verdicts=judge(groups, likeness, neighbors, certainty or Certainty(threshold)),
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
