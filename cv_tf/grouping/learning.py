"""Learns the model of pairs: from other shops, from a hint, and from answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from cv_tf.grouping.dendrograms import Evidence
from cv_tf.grouping.pair_model import (
    USUAL_SLOPE,
    PairModel,
    Parameters,
    Scale,
    logistic,
)
from cv_tf.retrieval import OTHER_COLOR, SAME_COLOR

# Means and standard deviations of what catalogs of two retailers, whole ones and parts
# of them, have: the middle above the crowding, and the logarithms of slope and strength
# of color. What color is expected to count for is more than the usual strength, with
# which none of them is worse off.
_MEAN = np.array([0.41, np.log(USUAL_SLOPE), np.log(1.5)])
_DEVIATION = np.array([0.12, 0.2, 0.7])
# What the background adds to the middle, and to its deviation: similarities of vectors
# that are not whitened spread wider.
_RAISED, _WIDENED = 0.25, 0.15
# Edges of classes of log-odds of color.
_COLOR_CLASSES = np.linspace(SAME_COLOR, OTHER_COLOR, 9)[1:-1]
# The share of products with variants that a hint stands for, and its deviation.
_HINTS = {"few": (0.1, 0.07), "some": (0.45, 0.15), "most": (0.8, 0.15)}
# Merges at a time are one in what is summed over all of them.
_NUM_BINS = 400
_NUM_POINTS = 4096
_NUM_DRAWS = 400
_ENOUGH, _MOST_ROUNDS = 400, 30

LogLikelihood = Callable[[Parameters], np.ndarray]


class Answered(NamedTuple):
    """Pairs, or merges, that people have answered.

    Attributes:
      evidence: Evidence of each of m pairs, which counts as often as `num_pairs` says.
      same: [m] float64, 1 for variants, 0 for others, or the share of variants.
    """

    evidence: Evidence
    same: np.ndarray


def learn(
    scale: Scale,
    merges: Evidence,
    num_products: int,
    has_colors: bool,
    setting: str = "auto",
    answered: Answered | None = None,
    variants: str = "unknown",
) -> PairModel:
    """Learns the model of a catalog's pairs.

    The parameters are drawn from their distribution given all that is known, by
    importance sampling, in rounds that let the evidence count more and more (Cappé et
    al., "Population Monte Carlo", 2004). The same call gives the same model.

    Args:
      scale: Scale of the catalog's similarities.
      merges: Evidence of all its merges, down to unlikely ones.
      num_products: Number of its products, without copies.
      has_colors: Whether their colors are known.
      setting: The setting `--color`.
      answered: Pairs that people have answered; None for none.
      variants: Hint of the share of products with a variant, one of
        `cv_tf.choices.VARIANTS`.
    """
    settled = scale.settled_weight(setting)
    raised = scale.crowding + _RAISED * scale.background
    widened = 1 + _WIDENED * scale.background / _DEVIATION[0]
    terms: list[LogLikelihood] = []
    if variants != "unknown" and len(merges):
        terms.append(_hint(scale, merges, num_products, variants))
    if answered is not None and len(answered.same):
        terms.append(_answers(scale, answered))

    def to_parameters(points: np.ndarray) -> Parameters:
        middle, slope, color = points.T
        middle = _MEAN[0] + raised + (middle - _MEAN[0]) * widened
        slope, color = np.exp(slope), np.exp(color)
        if settled is not None:
            color = settled * slope / (1 - scale.background)
        elif not has_colors:
            color = np.zeros_like(slope)
        return Parameters(middle, slope, color)

    def log_likelihood(points: np.ndarray) -> np.ndarray | int:
        parameters = to_parameters(points)
        return sum(term(parameters) for term in terms)

    drawn = to_parameters(_draw(log_likelihood))
    return PairModel(
        scale,
        drawn.middle,
        drawn.slope,
        drawn.color,
        num_answers=0 if answered is None else len(answered.same),
        settled_weight=settled,
    )


def _draw(log_likelihood: Callable[[np.ndarray], np.ndarray | int]) -> np.ndarray:
    """Draws of all parameters, [_NUM_DRAWS, 3] float64."""
    random = np.random.default_rng(0)
    width = len(_MEAN)
    center, root = _MEAN, np.diag(_DEVIATION)
    counts = 0.0
    for _ in range(_MOST_ROUNDS):
        normal = random.standard_normal((_NUM_POINTS, width))
        points = center + normal @ root.T
        proposed = -0.5 * (normal**2).sum(axis=1)
        prior = -0.5 * (((points - _MEAN) / _DEVIATION) ** 2).sum(axis=1)
        likelihood = np.zeros(_NUM_POINTS) + log_likelihood(points)
        counts = _share_that_counts(prior - proposed, likelihood, counts)
        weights = _weights(prior - proposed + counts * likelihood)
        if counts == 1 and _num_effective(weights) >= _ENOUGH:
            break
        center = weights @ points
        apart = points - center
        spread = (weights[:, None] * apart).T @ apart
        # A little wider than it is, so that no tail is missed.
        root = np.linalg.cholesky(1.5 * spread + 1e-9 * np.diag(_DEVIATION**2))
    # Draws at even steps of the summed weights: each stands for as much as any other.
    steps = (np.arange(_NUM_DRAWS) + 0.5) / _NUM_DRAWS
    chosen = np.searchsorted(np.cumsum(weights), steps)
    return points[np.minimum(chosen, len(points) - 1)]


def _share_that_counts(
    known: np.ndarray, likelihood: np.ndarray, least: float
) -> float:
    """The largest share of the likelihood that leaves enough points of weight."""

    def leaves_enough(share: float) -> bool:
        weights = _weights(known + share * likelihood)
        return _num_effective(weights) >= _ENOUGH / 4

    if leaves_enough(1.0):
        return 1.0
    low, high = least, 1.0
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if leaves_enough(middle) else (low, middle)
    return low


def _weights(log_weights: np.ndarray) -> np.ndarray:
    weights = np.exp(log_weights - log_weights.max())
    return weights / weights.sum()


def _num_effective(weights: np.ndarray) -> float:
    """The number of equally weighted points that say as much (Kish, 1965)."""
    return float(1 / (weights**2).sum())


def _means(
    bins: np.ndarray, similarity: np.ndarray, color: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The weight of the merges of each bin, and the means of their evidence."""
    total = np.bincount(bins, weight)
    return (
        total,
        np.bincount(bins, weight * similarity) / total,
        np.bincount(bins, weight * color) / total,
    )


def _answers(scale: Scale, answered: Answered) -> LogLikelihood:
    """The log-likelihood of answers; many are summed up in bins.

    A bin is of colors about as far apart: else the mean of each bin would be that of
    all colors, and say nothing of what color counts for.
    """
    evidence, same = answered
    similarity = scale.standard(evidence.cosine)
    color_class = np.digitize(evidence.color, _COLOR_CLASSES)
    order = np.lexsort((similarity, color_class))
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order)) * min(_NUM_BINS, len(order)) // len(order)
    bins = np.unique(color_class * _NUM_BINS + place, return_inverse=True)[1]
    weight = evidence.num_pairs
    number, similarity, color = _means(bins, similarity, evidence.color, weight)
    right = np.bincount(bins, weight * same)

    def of(parameters: Parameters) -> np.ndarray:
        odds = parameters.log_odds(similarity, color)
        return odds @ right - np.logaddexp(0, odds) @ number

    return of


def _hint(
    scale: Scale, merges: Evidence, num_products: int, variants: str
) -> LogLikelihood:
    """The log-likelihood of the share of products that are said to have variants."""
    share, deviation = _HINTS[variants]
    bins = np.arange(len(merges)) * min(_NUM_BINS, len(merges)) // len(merges)
    number, similarity, color = _means(
        bins, scale.standard(merges.cosine), merges.color, np.ones(len(merges))
    )

    def of(parameters: Parameters) -> np.ndarray:
        # A right merge brings about two products together.
        right = logistic(parameters.log_odds(similarity, color)) @ number
        return -0.5 * ((2 * right / num_products - share) / deviation) ** 2

    return of
