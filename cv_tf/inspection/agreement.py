"""Similarity of two products, part by part."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cv_tf.models import Embedder, Whitening
from cv_tf.vision import windows


class PartAgreement(NamedTuple):
    """Similarity of two products, of each part and of the whole.

    Attributes:
      similarities: float `[parts]`, the cosine of the features of each part, -1 to 1.
      weights: float `[parts]`, the weight of each part in `joint`: the product of the
        lengths of its two features. They sum to 1 at most.
      joint: Similarity of the features of all parts together, before whitening: the sum
        of `weights * similarities`.
      whole: Similarity of the vectors that search and grouping compare.
      contributions: float `[parts]`, the share of each part in `whole`, of which they
        are the sum; None if the Embedder does not compare these parts.
    """

    similarities: np.ndarray
    weights: np.ndarray
    joint: float
    whole: float
    contributions: np.ndarray | None = None


class PairScore(NamedTuple):
    """What search and grouping make of the similarity of two products.

    Attributes:
      similarity: Similarity of their stored vectors, -1 to 1.
      color: Discount for colors that are alike, 0 or more.
      shared: Discount for having few neighbors in common, 0 or more; None if search
        never ranks one of them for the other.
    """

    similarity: float
    color: float
    shared: float | None = None

    @property
    def grouped(self) -> float:
        """What is compared with the threshold of groups."""
        return self.similarity - self.color

    @property
    def score(self) -> float | None:
        """What search ranks by."""
        return None if self.shared is None else self.grouped - self.shared


def part_agreement(
    embedder: Embedder, images: np.ndarray, layout: str
) -> PartAgreement:
    """Compares two photos part by part, and says what each adds to their similarity.

    Features are averaged over the renderings that the Embedder averages over.

    Args:
      embedder: Any Embedder, also one that compares whole products.
      images: uint8 `[2, height, width, 3]`.
      layout: Name of the layout of the parts, see `cv_tf.vision.LAYOUTS`.
    """
    by_part = embedder.with_options(embedding="parts", parts=layout, whitening=None)
    num_colors = 2 if embedder.color_input == "both" else 1
    descriptors = by_part.describe(images).numpy()
    parts = split_parts(descriptors, len(windows(layout)), num_colors)
    similarities, weights = compare_parts(*parts)
    first, second = embedder(images).numpy()
    joint, whole = float(similarities @ weights), float(first @ second)
    contributions = None
    if embedder.embedding == "parts" and embedder.parts == layout:
        how = (embedder.whitening, len(weights), num_colors)
        contributions = split_similarity(descriptors, *how)
    return PartAgreement(similarities, weights, joint, whole, contributions)


def split_similarity(
    descriptors: np.ndarray,
    whitening: Whitening | None,
    num_parts: int,
    num_colors: int = 1,
) -> np.ndarray:
    """The share of each part in the similarity of two products, `[parts]` float.

    Whitening centers a descriptor, projects it and makes it length 1. The projection is
    linear, so that a whitened vector is the sum of what becomes of its parts. A part of
    one product contributes its dot product with the whole vector of the other; the two
    products are averaged. All contributions add up to the similarity.

    Args:
      descriptors: Float `[2, dimensions]`, of length 1, as `Embedder.describe` makes
        them of parts.
      whitening: Whitening of the descriptors; None for none.
      num_parts: Number of parts.
      num_colors: Number of color inputs, one after the other in a descriptor.
    """
    if whitening is None:
        return np.einsum("pc,pc->p", *split_parts(descriptors, num_parts, num_colors))
    mean, projection = whitening.get_weights()
    centered = split_parts(descriptors - mean, num_parts, num_colors)
    rows_of_part = split_parts(projection.T, num_parts, num_colors)
    projected = np.einsum("bpc,kpc->bpk", centered, rows_of_part, optimize=True)
    vectors = projected.sum(axis=1)
    lengths = np.linalg.norm(vectors, axis=1)
    first, second = vectors / lengths[:, np.newaxis]
    return (projected[0] @ second / lengths[0] + projected[1] @ first / lengths[1]) / 2


def split_parts(
    descriptors: np.ndarray, num_parts: int, num_colors: int = 1
) -> np.ndarray:
    """Splits descriptors of an Embedder of parts into features of each part.

    They are `[batch, dimensions]`, not whitened: all parts of the first color input,
    then all of the second. The result, `[batch, num_parts, channels]`, has the channels
    of each color input in turn.
    """
    parts = descriptors.reshape(len(descriptors), num_colors, num_parts, -1)
    parts = parts.transpose(0, 2, 1, 3)
    return parts.reshape(len(descriptors), num_parts, -1)


def compare_parts(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, ...]:
    """Compares the features of two products, each float `[parts, channels]`.

    Returns the cosine of each part's two features, 1 if both are of length 0 and 0 if
    one is, and the product of their lengths, `[parts]` each.
    """
    lengths = np.linalg.norm(first, axis=1), np.linalg.norm(second, axis=1)
    weights = lengths[0] * lengths[1]
    cosines = np.einsum("pc,pc->p", first, second) / np.where(weights > 0, weights, 1)
    both_empty = (lengths[0] == 0) & (lengths[1] == 0)
    return np.where(both_empty, 1.0, np.clip(cosines, -1.0, 1.0)), weights
