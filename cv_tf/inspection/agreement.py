"""How much two products agree in each part."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cv_tf.models import Embedder
from cv_tf.vision import windows


class Agreement(NamedTuple):
    """How similar two products are, part by part and as a whole.

    Attributes:
      similarities: `[parts]`, the cosine of the two products' features of each part.
      weights: `[parts]`, how much each counts in `joint`: the product of the lengths
        of the two features. Unit vectors of many parts: they sum to 1 at most.
      joint: Similarity of the parts side by side, before whitening: the sum of
        `weights * similarities`.
      whole: Similarity of the vectors that search and grouping use.
    """

    similarities: np.ndarray
    weights: np.ndarray
    joint: float
    whole: float


def part_agreement(embedder: Embedder, images: np.ndarray, layout: str) -> Agreement:
    """Compares two photos part by part, as an Embedder does before it whitens.

    Features of a part are averaged as the Embedder averages: over the photo and its
    inversion, or what else it is made with.

    Args:
      embedder: Of any kind; one of whole products is asked for its parts, too.
      images: uint8 `[2, height, width, 3]`.
      layout: Of the parts, see `cv_tf.vision.LAYOUTS`.
    """
    by_part = embedder.with_options(embedding="parts", parts=layout, whitening=None)
    num_colors = 2 if embedder.color_input == "both" else 1
    descriptors = by_part.describe(images).numpy()
    parts = split_parts(descriptors, len(windows(layout)), num_colors)
    similarities, weights = compare_parts(*parts)
    first, second = embedder(images).numpy()
    return Agreement(
        similarities,
        weights,
        joint=float(similarities @ weights),
        whole=float(first @ second),
    )


def split_parts(
    descriptors: np.ndarray, num_parts: int, num_colors: int = 1
) -> np.ndarray:
    """Descriptors of an Embedder by parts, before whitening, as features of each part.

    Args:
      descriptors: `[batch, dimensions]`; all parts by the first input of color, then
        all parts by the second.
      num_parts: How many parts they are of.
      num_colors: Inputs of color: 2 of an Embedder that sees both, RGB and grey.

    Returns:
      `[batch, num_parts, channels]`, those of its colors side by side.
    """
    parts = descriptors.reshape(len(descriptors), num_colors, num_parts, -1)
    parts = parts.transpose(0, 2, 1, 3)
    return parts.reshape(len(descriptors), num_parts, -1)


def compare_parts(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, ...]:
    """The cosine of each part's two features, and the product of their lengths.

    Args:
      first: `[parts, channels]`.
      second: The same of the other product.

    Returns:
      Two of `[parts]`. Features of length 0 agree with each other (1) and with no
      others (0).
    """
    lengths = np.linalg.norm(first, axis=1), np.linalg.norm(second, axis=1)
    weights = lengths[0] * lengths[1]
    cosines = np.einsum("pc,pc->p", first, second) / np.where(weights > 0, weights, 1)
    both_empty = (lengths[0] == 0) & (lengths[1] == 0)
    return np.where(both_empty, 1.0, np.clip(cosines, -1.0, 1.0)), weights
