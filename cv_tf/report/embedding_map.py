"""A map of products: their vectors, projected onto a plane."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

_SIDE, _MARGIN = 640, 10  # Pixels.
_NUM_COLORS = 8  # The largest blocks have colors; more are hard to tell apart.
_MOST_POINTS = 4000
# Share of outliers at each end of an axis that the scale ignores; they lie on the edge.
_OUTSIDE = 0.02


class Point(NamedTuple):
    """A product: its position in pixels and its tooltip."""

    x: float
    y: float
    title: str


class BlockOfMap(NamedTuple):
    """A block on the map: all of its products are counted, some are drawn."""

    name: str
    color: int  # From 0 to 8, which blocks after the eighth share.
    num_products: int
    points: tuple[Point, ...]


class EmbeddingMap(NamedTuple):
    """A map of products, with the largest block first."""

    side: int  # Width and height in pixels.
    blocks: tuple[BlockOfMap, ...]
    share: float  # Of the variance of the vectors, that the plane has: 0 to 1.
    num_left_out: int  # Products that are not drawn.


def principal_plane(vectors: np.ndarray) -> tuple[np.ndarray, float]:
    """Projects vectors onto their two principal components, `[n, 2]`.

    Also returns the share of the variance that these have, 0 to 1. Signs are such that
    the largest absolute value of a component is positive.
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

    Of more than `most` products, a fixed random sample is drawn.
    """
    drawn = np.arange(len(vectors))
    if len(vectors) > most:
        drawn = np.sort(np.random.default_rng(0).permutation(drawn)[:most])
    plane, share = principal_plane(vectors[drawn])
    low, high = np.quantile(plane, [_OUTSIDE, 1 - _OUTSIDE], axis=0)
    scale = (_SIDE - 2 * _MARGIN) / (max((high - low).max(), 1e-12))
    # Centered, with the same scale on both axes, and `y` pointing up.
    at = (plane - (low + high) / 2) * scale * [1, -1] + _SIDE / 2
    at = at.clip(_MARGIN, _SIDE - _MARGIN).round(1)
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
                    Point(float(at[i, 0]), float(at[i, 1]), names[drawn[i]])
                    for i in np.flatnonzero(blocks[drawn] == numbers[place])
                ),
            )
            for color, place in enumerate(largest)
        ),
        share=share,
        num_left_out=len(vectors) - len(drawn),
    )
