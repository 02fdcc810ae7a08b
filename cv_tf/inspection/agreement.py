"""Similarity of two products, part by part."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cv_tf.models import Embedder
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
    """

    similarities: np.ndarray
    weights: np.ndarray
    joint: float
    whole: float


def part_agreement(
    embedder: Embedder, images: np.ndarray, layout: str
) -> PartAgreement:
    """Compares two photos part by part, as an Embedder does before it whitens.

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
    joint = float(similarities @ weights)
    return PartAgreement(similarities, weights, joint, whole=float(first @ second))


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
