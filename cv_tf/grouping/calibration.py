"""The threshold of grouping, chosen on labelled products."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from cv_tf.choices import CRITERIA
from cv_tf.config import GroupingSettings
from cv_tf.embeddings import Embeddings
from cv_tf.errors import UserError
from cv_tf.grouping.dendrograms import Dendrograms, count_pairs
from cv_tf.grouping.expectation import Expected, Interval
from cv_tf.grouping.graph import Graph, check_neighbors, find_neighbors, mutual_graph
from cv_tf.grouping.learning import Answered
from cv_tf.grouping.linkage import link
from cv_tf.grouping.linked import learn_from
from cv_tf.grouping.pair_model import PairModel, Scale
from cv_tf.grouping.similarity import Similarity
from cv_tf.retrieval import Neighbors

_NUM_RESAMPLES = 200
# Merges closer than this are one: no threshold should rest on rounding errors.
_RESOLUTION = 1e-9
# Share of the pairs of variants that may lie below all thresholds tried.
_UNLIKELY = 0.05


@dataclass(frozen=True)
class Calibration:
    """A threshold, and the curve that it was chosen from.

    Attributes:
      curve: Float64 arrays of one length: `threshold` (descending), and `precision`,
        `recall`, `f1` and `fms` of the pairs grouped; precision is 0 where none is.
      chosen: Index of the chosen threshold in these arrays.
      expected: Figures to expect at the threshold, with intervals by resampling styles.
      model: Model of the pairs, learned from the labels; None where the merges say
        nothing of their pairs.
    """

    curve: dict[str, np.ndarray]
    chosen: int
    expected: Expected
    model: PairModel | None = None

    @property
    def threshold(self) -> float:
        """The mean similarity from which on groups should merge."""
        return float(self.curve["threshold"][self.chosen])


def calibrate_on(
    labelled: Embeddings,
    settings: GroupingSettings | None = None,
    criterion: str = "f1",
    for_blocks: np.ndarray | None = None,
    min_precision: float | None = None,
    neighbors: Neighbors | None = None,
) -> Calibration:
    """Chooses the threshold on labelled products, grouped as `group` groups them.

    The labels also tell how much color counts, unless the settings do.

    Args:
      labelled: Embeddings with the `style` of some products at least; -1 elsewhere.
      settings: Settings of the grouping; None for the defaults.
      criterion: Figure that the threshold is chosen by, "f1" or "fms".
      for_blocks: [n] int, blocks of the products that the threshold is for, without
        copies; None if they are as large as those of the labelled products.
      min_precision: Least pairwise precision, 0 to 1; None to go by `criterion`.
      neighbors: The result of `find_neighbors` for these products; None to call it.

    Raises:
      ValueError: As `calibrate` and `cv_tf.retrieval.nearest`.
      EmbeddingsError: If the products have no styles.
    """
    settings = settings or GroupingSettings()
    if neighbors is None:
        neighbors = find_neighbors(labelled, settings)
    distinct = labelled.distinct
    check_neighbors(neighbors, len(distinct))
    styles = _telling_styles(labelled)
    own = labelled.block[styles >= 0]
    crowding = 1.0 if for_blocks is None else crowd(for_blocks) / crowd(own)
    # A photo of several blocks counts once, one of several styles not at all.
    place, known = labelled.copies.place, labelled.copies.styles(styles)
    rows = labelled.rows_to_measure
    is_clear = (styles[rows] >= 0) == (labelled.known_style[rows] >= 0)
    counted = np.unique(place[rows[is_clear]])
    scale = Scale.of(distinct, neighbors, counted)
    graph = mutual_graph(neighbors)

    def linked(weight: float) -> Dendrograms:
        similarity = Similarity.of(distinct, weight)
        floor = _likely_floor(similarity, graph, known)
        return link(similarity, neighbors, floor, settings.max_group_size)

    weight = scale.usual_weight(settings.color)
    dendrograms = linked(weight)
    answered = _answered(dendrograms, known, crowding)
    model = learn_from(dendrograms, distinct, counted, scale, settings, answered)
    if distinct.lab is not None and model.color_weight != weight:
        dendrograms = linked(model.color_weight)
    dendrograms = dendrograms.with_copies(place)
    calibration = calibrate(dendrograms, styles, criterion, crowding, min_precision)
    return replace(calibration, model=model)


def _answered(
    dendrograms: Dendrograms, styles: np.ndarray, crowding: float
) -> Answered:
    """Merges of labelled products, with the share of their pairs that are right.

    Each merge is one case, however many pairs it has.
    """
    right, wrong = (np.diff(of) for of in count_pairs(dendrograms, styles))
    total = right + crowding * wrong
    known = total > 0
    share = right[known] / total[known]
    evidence = replace(dendrograms.known_evidence[known], num_pairs=np.ones(len(share)))
    return Answered(evidence, share)


def calibrate(
    dendrograms: Dendrograms,
    styles: np.ndarray,
    criterion: str = "f1",
    crowding: float = 1.0,
    min_precision: float | None = None,
) -> Calibration:
    """Chooses the threshold, midway between two merges, that groups products best.

    Every threshold that makes a difference is tried. F1 is the steadier criterion: on a
    few thousand products the threshold of the best FMS varies about twice as much from
    sample to sample, and leads to a lower FMS elsewhere than that of the best F1.

    The best threshold rises with the number of products: among twice as many, each
    product meets twice as many strangers in its block, but as many variants. `crowding`
    scales the number of pairs grouped wrongly accordingly. On real photos this finds
    the threshold of catalogs four times smaller or larger as well as calibration on one
    of the same size.

    Args:
      dendrograms: Dendrograms of the labelled products.
      styles: [dendrograms.num_products] int, true styles; products of style -1
        (unknown) are grouped like the others, but their pairs are not counted.
      criterion: "f1" or "fms", of the pairs of labelled products.
      crowding: Number of products in a product's block in the catalog that the
        threshold is for, divided by that of labelled products here; above 0.
      min_precision: Pairwise precision at which the recall is to be highest, 0 to 1,
        whatever the criterion. None goes by the criterion alone.

    Raises:
      ValueError: If `styles` does not fit the dendrograms, no merge groups two products
        of a style, no threshold reaches `min_precision`, or an argument is unfit.
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
    curve = _curve(dendrograms, right, crowding * wrong, styles[styles >= 0])
    best = _best(curve, criterion, min_precision)
    threshold = max(float(curve["threshold"][best]), dendrograms.floor)
    groups = dendrograms.cut(threshold)
    return Calibration(curve, best, _expected(groups, styles, crowding))


def _expected(groups: np.ndarray, styles: np.ndarray, crowding: float) -> Expected:
    """Figures of groups, with intervals by resampling the styles of labelled ones."""
    known = styles >= 0
    group = np.unique(groups[known], return_inverse=True)[1]
    style = np.unique(styles[known], return_inverse=True)[1]
    cell = np.unique(group * (style.max() + 1) + style, return_inverse=True)[1]
    # Each pair of products is counted twice, once for each of them.
    together, right, true = (
        np.bincount(style, np.bincount(of)[of] - 1.0) for of in (group, cell, style)
    )
    pairs = np.stack([right, right + crowding * (together - right), true])
    random = np.random.default_rng(0)
    # A style is drawn as often as if each was one of many.
    draws = [random.poisson(1.0, len(true)) for _ in range(_NUM_RESAMPLES)]
    right, grouped, true = np.array(
        [pairs.sum(axis=1), *(pairs @ of for of in draws)]
    ).T
    figures = (
        right / np.maximum(grouped, 1),
        right / np.maximum(true, 1),
        2 * right / np.maximum(grouped + true, 1),
    )
    return Expected(*(Interval.of(of[1:], float(of[0])) for of in figures))


def _telling_styles(labelled: Embeddings) -> np.ndarray:
    """The styles, [n] int, of products that tell a threshold; -1 of all others.

    Copies are always in one group, whether they share a style or, as those of a picture
    that stands for a missing photo, do not. Only if nothing else shares a style do they
    tell anything.
    """
    styles = np.full(len(labelled), -1)
    rows = labelled.rows_to_measure
    styles[rows] = labelled.known_style[rows]
    is_clear = labelled.distinct.known_style[labelled.copies.place] >= 0
    _, num_products = np.unique(styles[is_clear & (styles >= 0)], return_counts=True)
    return np.where(is_clear, styles, -1) if (num_products > 1).any() else styles


def crowd(blocks: np.ndarray) -> float:
    """The mean number of products in a product's block; 1 without any product."""
    sizes = np.unique(blocks, return_counts=True)[1].astype(np.float64)
    return float((sizes**2).sum() / sizes.sum()) if len(sizes) else 1.0


def _likely_floor(similarity: Similarity, graph: Graph, styles: np.ndarray) -> float:
    """A similarity that most variants reach: linking further down costs much."""
    pairs = similarity.of_pairs(graph.first, graph.second)
    first, second = styles[graph.first], styles[graph.second]
    variants = pairs[(first == second) & (first >= 0)]
    return max(float(np.quantile(variants, _UNLIKELY)), -1.0) if len(variants) else -1.0


def _curve(
    dendrograms: Dendrograms, right: np.ndarray, wrong: np.ndarray, labelled: np.ndarray
) -> dict[str, np.ndarray]:
    """The figures between all merges; `right` and `wrong` pairs are grouped so far."""
    similarities, gap = dendrograms.similarities, 2 * _RESOLUTION
    above = np.concatenate([[1 + gap], similarities])
    below = np.concatenate([similarities, [dendrograms.floor - gap]])
    # Between two merges that are as good as tied there is no threshold.
    separable = above - below > _RESOLUTION
    right, wrong = right[separable], wrong[separable]
    sizes = np.unique(labelled, return_counts=True)[1].astype(np.int64)
    true = (sizes * (sizes - 1) // 2).sum()
    # Where nothing is grouped, `right` is 0, and any positive divisor gives 0.
    predicted = np.maximum(right + wrong, 1)
    return {
        "precision": right / predicted,
        "recall": right / true,
        "f1": 2 * right / (right + wrong + true),
        "fms": right / np.sqrt(predicted * true),
        "threshold": ((above + below) / 2)[separable],
    }


def _best(
    curve: dict[str, np.ndarray], criterion: str, min_precision: float | None
) -> int:
    """The index of the best threshold; the highest one, if several are equal."""
    wanted = curve[criterion]
    if min_precision is not None:
        wanted = np.where(curve["precision"] >= min_precision, curve["recall"], 0.0)
        if not wanted.any():
            raise UserError(
                f"No threshold groups with a precision of {min_precision}: the highest "
                f"is {curve['precision'].max():.3f}. Ask for less, or train a better "
                "model."
            )
    return int(np.argmax(wanted))
