"""Products on a plane, near to each other where their vectors are."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

_SIDE = 640  # Pixels.
_MARGIN = 10
# Of them, so many blocks have a color: more are hardly told apart.
_NUM_COLORS = 8
_MOST_POINTS = 4000
# A few products far from all others must not squeeze these into a spot.
_OUTSIDE = 0.02


class Point(NamedTuple):
    """A product: where it is, in pixels, and what a pointer on it is told."""

    x: float
    y: float
    title: str


class BlockOfMap(NamedTuple):
    """The products of a block, and which of the colors it has; the last is of others.

    Attributes:
      name: Of the block.
      color: From 0 to 8.
      num_products: Of all, whether or not they are drawn.
      points: Those that are drawn.
    """

    name: str
    color: int
    num_products: int
    points: tuple[Point, ...]


class EmbeddingMap(NamedTuple):
    """A map, and what it leaves out.

    Attributes:
      side: Pixels.
      blocks: The largest first.
      share: Of the vectors' variance, what the plane shows.
      num_left_out: Products that are not drawn.
    """

    side: int
    blocks: tuple[BlockOfMap, ...]
    share: float
    num_left_out: int


def principal_plane(vectors: np.ndarray) -> tuple[np.ndarray, float]:
    """The two principal components of vectors.

    Args:
      vectors: `[n, dim]` floats.

    Returns:
      `[n, 2]` float64, and the share of the variance that they have, 0 to 1. The sign
      of each is such that its largest value is positive.
    """
    centered = vectors - vectors.mean(axis=0)
    variances, axes = np.linalg.eigh(centered.T @ centered)
    plane = np.zeros((len(vectors), 2))
    axes = axes[:, ::-1][:, :2]
    plane[:, : axes.shape[1]] = centered @ axes
    extremes = plane[np.abs(plane).argmax(axis=0), [0, 1]]
    total = max(float(variances.sum()), 1e-12)
    share = float(variances[::-1][:2].sum()) / total
    return plane * np.where(extremes < 0, -1, 1), float(np.clip(share, 0, 1))


def lay_out_map(
    vectors: np.ndarray,
    names: np.ndarray,
    blocks: np.ndarray,
    block_names: tuple[str, ...],
    most: int = _MOST_POINTS,
) -> EmbeddingMap:
    """Lays products out by the principal components of their vectors.

    Args:
      vectors: `[n, dim]` float32.
      names: `[n]` object (str), of the products.
      blocks: `[n]` integers.
      block_names: By number.
      most: How many to draw; of more, a sample that is always the same.
    """
    drawn = np.arange(len(vectors))
    if len(vectors) > most:
        drawn = np.sort(np.random.default_rng(0).permutation(drawn)[:most])
    plane, share = principal_plane(vectors[drawn])
    low, high = np.quantile(plane, [_OUTSIDE, 1 - _OUTSIDE], axis=0)
    scale = (_SIDE - 2 * _MARGIN) / (max((high - low).max(), 1e-12))
    # Centered, with the same scale on both axes, and upwards on the page.
    at = (plane - (low + high) / 2) * scale * [1, -1] + _SIDE / 2
    at = at.clip(_MARGIN, _SIDE - _MARGIN)
    numbers, sizes = np.unique(blocks, return_counts=True)
    largest = np.argsort(-sizes, kind="stable")
    return EmbeddingMap(
        side=_SIDE,
        blocks=tuple(
            BlockOfMap(
                name=block_names[numbers[place]],
                color=min(color, _NUM_COLORS),
                num_products=int(sizes[place]),
                points=tuple(
                    Point(*at[i].round(1).tolist(), names[drawn[i]])
                    for i in np.flatnonzero(blocks[drawn] == numbers[place])
                ),
            )
            for color, place in enumerate(largest)
        ),
        share=share,
        num_left_out=len(vectors) - len(drawn),
    )
