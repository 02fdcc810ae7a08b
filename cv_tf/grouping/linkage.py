"""Average linkage of the products of each block."""

from __future__ import annotations

import numpy as np
from scipy.cluster import hierarchy

from cv_tf.grouping.dendrograms import Dendrograms
from cv_tf.retrieval import check_embeddings, rows_by_block

# All pairs of a block are held twice as float64: 3.2 GB for 20,000 products.
MAX_BLOCK_SIZE = 20_000
_CHUNK = 1024


def average_linkage(
    embeddings: np.ndarray, blocks: np.ndarray | None, threshold: float
) -> np.ndarray:
    """Groups the products of each block by average linkage.

    The two groups with the greatest mean similarity merge, again and again, while
    that mean is at least the threshold (UPGMA: Sokal and Michener, 1958).

    Args:
      embeddings: `[num_products, dim]` float32, L2-normalised.
      blocks: `[num_products]` integers; only products of one block are grouped. None:
        all products are one block.
      threshold: Mean similarity from which on groups merge, in [-1, 1].

    Returns:
      `[num_products]` int32 group of each product: 0, 1, 2, ... in the order of
      their first products. A product without variants has a group of its own.

    Raises:
      ValueError: As `build_dendrograms`, and if the threshold is NaN.
    """
    return build_dendrograms(embeddings, blocks).cut(threshold)


def build_dendrograms(
    embeddings: np.ndarray, blocks: np.ndarray | None = None
) -> Dendrograms:
    """Links the products of each block completely, to be cut at any threshold.

    Args:
      embeddings: `[num_products, dim]` float32, L2-normalised.
      blocks: `[num_products]` integers, or None for one block of all products.

    Returns:
      The dendrograms of all blocks.

    Raises:
      ValueError: If the embeddings are not finite and of length 1, `blocks` does not
        fit them, or a block has more than 20,000 products.
    """
    embeddings = check_embeddings(embeddings)
    merges, similarities = [np.empty((0, 2), np.int32)], [np.empty(0)]
    for block, rows in rows_by_block(blocks, len(embeddings)):
        if len(rows) > MAX_BLOCK_SIZE:
            raise ValueError(
                f"Block {block} has {len(rows)} products; average linkage compares all "
                f"pairs of a block and takes at most {MAX_BLOCK_SIZE}. Split it by "
                "another block column (brand, gender), or leave products out."
            )
        if len(rows) > 1:
            distances = _condensed_distances(embeddings[rows])
            linkage = hierarchy.linkage(distances, method="average")
            merges.append(rows[_merged_firsts(linkage)].astype(np.int32))
            similarities.append(1 - linkage[:, 2])
    joined = np.concatenate(similarities)
    # Stable, so that a group is still made before it merges further.
    order = np.argsort(-joined, kind="stable")
    return Dendrograms(len(embeddings), np.concatenate(merges)[order], joined[order])


def _condensed_distances(embeddings: np.ndarray) -> np.ndarray:
    """Returns the cosine distances of all pairs in SciPy's condensed order.

    As `scipy.spatial.distance.pdist(embeddings, "cosine")`, by matrix products: several
    times faster, and never the square matrix.
    """
    num_products = len(embeddings)
    distances = np.empty(num_products * (num_products - 1) // 2)
    filled = 0
    for start in range(0, num_products, _CHUNK):
        similarities = embeddings[start : start + _CHUNK] @ embeddings[start:].T
        for offset, row in enumerate(similarities):
            later = row[offset + 1 :]
            np.subtract(1.0, later, out=distances[filled : filled + len(later)])
            filled += len(later)
    # float32 rounding makes the distance of equal embeddings -1e-7.
    return np.maximum(distances, 0, out=distances)


def _merged_firsts(linkage: np.ndarray) -> np.ndarray:
    """Names the groups of SciPy's linkage matrix by their lowest products.

    Args:
      linkage: `[num_products - 1, 4]` float64, as `scipy.cluster.hierarchy.linkage`
        returns it: columns 0 and 1 are the groups that merge, those from
        `num_products` on being the results of earlier merges.

    Returns:
      `[num_products - 1, 2]` integers, the lowest products of the two, lower first.
    """
    first = list(range(len(linkage) + 1))
    merges = np.empty((len(linkage), 2), np.int64)
    for merge, (left, right) in zip(merges, linkage[:, :2].astype(int), strict=True):
        merge[:] = sorted((first[left], first[right]))
        first.append(merge[0])
    return merges
