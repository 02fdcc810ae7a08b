"""The similarity threshold at which predicted groups agree best with labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cv_tf.errors import UserError
from cv_tf.grouping.confidence import ConfidenceCurve, fit_confidence_curve
from cv_tf.grouping.graph import Dendrograms, mutual_graph
from cv_tf.grouping.linkage import mutually_best
from cv_tf.grouping.similarity import Similarity
from cv_tf.retrieval import Neighbors


def count_pairs(
    dendrograms: Dendrograms, styles: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Counts the pairs grouped rightly and wrongly after each merge.

    Args:
      dendrograms: The merges, in their order.
      styles: `[dendrograms.num_products]` integers, the true styles; pairs with a
        product of style -1 (unknown) are not counted.

    Returns:
      Two `[num_merges + 1]` int64 arrays, from before the first merge to after the
      last: pairs in one group of the same style, and of different styles.

    Raises:
      ValueError: If `styles` does not fit the dendrograms.
    """
    styles = np.asarray(styles)
    if styles.shape != (dendrograms.num_products,):
        raise ValueError(
            f"Styles have shape {styles.shape}; expected "
            f"({dendrograms.num_products},), one style for each linked product. Pass "
            "the styles of the same rows in the same order."
        )
    # How many products of each style a group has, under the group's lowest row.
    members = [{style: 1} if style >= 0 else {} for style in styles.tolist()]
    num_members = [len(group) for group in members]
    right = np.zeros(len(dendrograms.merges) + 1, np.int64)
    total = np.zeros_like(right)
    for step, (first, second) in enumerate(dendrograms.merges.tolist(), start=1):
        total[step] = num_members[first] * num_members[second]
        num_members[first] += num_members[second]
        large, small = members[first], members[second]
        # The smaller is poured into the larger: O(n log n) moves in all.
        if len(large) < len(small):
            large, small = small, large
        for style, count in small.items():
            right[step] += count * large.get(style, 0)
            large[style] = large.get(style, 0) + count
        members[first], members[second] = large, {}
    right, total = right.cumsum(), total.cumsum()
    return right, total - right


CRITERIA = ("f1", "fms")
# Merges closer than this are one: no threshold should rest on rounding errors.
_RESOLUTION = 1e-9


@dataclass(frozen=True)
class Calibration:
    """The threshold that was chosen, and all that it was chosen from.

    Attributes:
      curve: float64 arrays of one length, `threshold` (descending) and the pairwise
        `precision`, `recall`, `f1` and `fms` of the groups at it; precision is 0
        where nothing is grouped.
      chosen: Which place of the curve.
      confidence_curve: How probable it is, by the level of a merge, that it is right.
    """

    curve: dict[str, np.ndarray]
    chosen: int
    confidence_curve: ConfidenceCurve

    @property
    def threshold(self) -> float:
        """The mean similarity from which on groups should merge."""
        return self.expected["threshold"]

    @property
    def expected(self) -> dict[str, float]:
        """The figures to expect at the threshold."""
        return {name: float(values[self.chosen]) for name, values in self.curve.items()}


def calibrate(
    dendrograms: Dendrograms,
    styles: np.ndarray,
    criterion: str = "f1",
    crowding: float = 1.0,
    min_precision: float | None = None,
) -> Calibration:
    """Chooses the threshold that groups labelled products best.

    Every threshold that makes a difference is tried, at little more than the cost of
    one: groups merge one after another, and each merge adds its pairs to the counts.
    F1 is the steadier criterion: on a few thousand products the threshold of the
    best FMS varies about twice as much from sample to sample, and leads to a lower
    FMS elsewhere than the threshold of the best F1.

    The best threshold rises with the number of products: among twice as many, each
    product meets twice as many strangers in its block, but as many variants as
    before. `crowding` therefore scales the pairs grouped wrongly to their number
    in a catalog of that size. On real photos this finds the threshold of catalogs
    four times smaller or larger as well as calibration on one of the same size.

    Args:
      dendrograms: Of the products that calibrate.
      styles: `[dendrograms.num_products]` integers, the true styles; -1 where unknown:
        such products are grouped like the others, but their pairs are not counted.
      criterion: `f1` or `fms`, of the pairs of labelled products.
      crowding: How many times as many products share a product's block in the catalog
        that the threshold is for, as labelled ones do here.
      min_precision: Takes the highest recall at this pairwise precision, whatever the
        criterion; 0 to 1. None goes by the criterion alone.

    Returns:
      The threshold, midway between two merges, and the whole curve.

    Raises:
      ValueError: If `styles` does not fit the dendrograms, no two products of a style
        are grouped by any of their merges, no threshold is as precise as asked for, or
        `criterion` or `crowding` is none of the above.
    """
    if criterion not in CRITERIA:
        raise UserError(
            f"Criterion {criterion!r} is unknown. Choose one of {CRITERIA}."
        )
    if not crowding > 0:
        raise UserError(f"crowding is {crowding}; expected a number above 0.")
    styles = np.asarray(styles)
    right, wrong = count_pairs(dendrograms, styles)
    if right[-1] == 0:
        raise UserError(
            "No two products of one style share a block and are near enough to be "
            "grouped, so no threshold can be told from another. Calibrate on products "
            "that have labelled variants, or use wider blocks."
        )
    labelled = styles[styles >= 0]
    threshold, separable = _between_merges(dendrograms)
    curve = _curve(right[separable], crowding * wrong[separable], labelled)
    curve["threshold"] = threshold[separable]
    wanted = curve[criterion]
    if min_precision is not None:
        wanted = np.where(curve["precision"] >= min_precision, curve["recall"], 0.0)
        if not wanted.any():
            raise UserError(
                f"No threshold groups with a precision of {min_precision}: the highest "
                f"is {curve['precision'].max():.3f}. Ask for less, or train a better "
                "model."
            )
    # The first of equal maxima is the highest threshold: the one that groups least.
    best = int(np.argmax(wanted))
    levels = dendrograms.similarities
    confidence_curve = fit_confidence_curve(
        levels, np.diff(right), crowding * np.diff(wrong)
    )
    confidence_curve = confidence_curve or ConfidenceCurve(
        float(curve["threshold"][best])
    )
    return Calibration(curve, best, confidence_curve)


def _between_merges(dendrograms: Dendrograms) -> tuple[np.ndarray, np.ndarray]:
    """Returns thresholds before the first, between all, and after the last merge.

    Returns:
      `[num_merges + 1]` float64 thresholds, descending, and `[num_merges + 1]` bool,
      False where the merges on either side are as good as tied.
    """
    similarities, gap = dendrograms.similarities, 2 * _RESOLUTION
    above = np.concatenate([[1 + gap], similarities])
    below = np.concatenate([similarities, [dendrograms.floor - gap]])
    return (above + below) / 2, above - below > _RESOLUTION


def _curve(
    right: np.ndarray, wrong: np.ndarray, labelled: np.ndarray
) -> dict[str, np.ndarray]:
    """Returns the pairwise figures from counts of grouped pairs."""
    sizes = np.unique(labelled, return_counts=True)[1].astype(np.int64)
    true = (sizes * (sizes - 1) // 2).sum()
    # Where nothing is grouped, `right` is 0, and any positive divisor gives 0.
    predicted = np.maximum(right + wrong, 1)
    return {
        "precision": right / predicted,
        "recall": right / true,
        "f1": 2 * right / (right + wrong + true),
        "fms": right / np.sqrt(predicted * true),
    }


# The share of the pairs of mutually nearest products that are not to be joined.
_STRANGERS = 0.15


def guess_threshold(similarity: Similarity, neighbors: Neighbors) -> float:
    """Guesses the threshold from the products themselves.

    Most products that are each other's nearest are variants, and the threshold is put
    where it joins 85% of these pairs. On samples of 735 to 8,096 real photos, with the
    discount for color and without, that came within 0.02 of the best F1 that any
    threshold reaches on them, as near as thresholds chosen on other, labelled products.
    It was found on catalogues in which about half of the products have variants: where
    hardly any have, it joins too many.

    Args:
      similarity: Of all products.
      neighbors: Of all products, in the order of their rows.

    Returns:
      The threshold; 1 where no two products are each other's neighbors.
    """
    graph = mutual_graph(neighbors)
    if not len(graph):
        return 1.0
    alike = similarity.of_pairs(graph.first, graph.second)
    best = mutually_best(graph.first, graph.second, alike, len(similarity))
    return float(np.quantile(alike[best], _STRANGERS))
