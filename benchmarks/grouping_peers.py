"""The peers that grouping.py compares with: scikit-learn's clusterings, and FAISS."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from grouping_data import Products, rows_of_blocks


def by_average(products: Products, _: Products) -> tuple[float, list[np.ndarray]]:
    """scikit-learn's average linkage; the time is that of one threshold."""
    from sklearn.cluster import AgglomerativeClustering  # noqa: PLC0415

    def one(vectors: np.ndarray, threshold: float) -> np.ndarray:
        if len(vectors) < 2:
            return np.zeros(len(vectors), int)
        clustering = AgglomerativeClustering(
            None, metric="cosine", linkage="average", distance_threshold=1 - threshold
        )
        return clustering.fit_predict(vectors)

    return _in_blocks(products, one, np.linspace(0.5, 0.8, 7))


def by_hdbscan(products: Products, _: Products) -> tuple[float, list[np.ndarray]]:
    """scikit-learn's HDBSCAN; what it calls noise has no variants."""
    from sklearn.cluster import HDBSCAN  # noqa: PLC0415

    def one(vectors: np.ndarray, selection: str) -> np.ndarray:
        if len(vectors) < 3:
            return np.arange(len(vectors))
        clustering = HDBSCAN(
            2, n_jobs=-1, cluster_selection_method=selection, copy=True
        )
        found = clustering.fit_predict(vectors)
        alone = found < 0
        found[alone] = found.max() + 1 + np.arange(alone.sum())
        return found

    return _in_blocks(products, one, ("eom", "leaf"))


def by_faiss(products: Products, _: Products) -> tuple[float, list[np.ndarray]]:
    """Twenty neighbors by FAISS, and the components of the edges above a threshold."""
    import faiss  # noqa: PLC0415
    from scipy.sparse import coo_array, csgraph  # noqa: PLC0415

    def neighbors(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        count, k = len(vectors), min(21, len(vectors))
        index = faiss.IndexFlatIP(vectors.shape[1])
        if count >= 100_000:
            cells = int(np.sqrt(count))
            index = faiss.IndexIVFFlat(
                index, vectors.shape[1], cells, faiss.METRIC_INNER_PRODUCT
            )
            index.train(vectors[: 64 * cells])
            index.nprobe = max(cells // 16, 1)
        index.add(vectors)
        return index.search(vectors, k)

    start = time.perf_counter()
    vectors, _, blocks = products
    edges = []
    for rows in rows_of_blocks(blocks):
        similarities, found = neighbors(vectors[rows])
        first = np.repeat(rows, found.shape[1])
        kept = (found.ravel() >= 0) & (similarities.ravel() >= 0.5)
        second = rows[found.ravel()[kept]]
        edges.append((first[kept], second, similarities.ravel()[kept]))
    first, second, similarity = map(np.concatenate, zip(*edges, strict=True))
    seconds, candidates = time.perf_counter() - start, []
    for threshold in np.linspace(0.5, 0.9, 41):
        kept = similarity >= threshold
        shape = (len(vectors), len(vectors))
        ones = np.ones(int(kept.sum()), np.int8)
        begin = time.perf_counter()
        graph = coo_array((ones, (first[kept], second[kept])), shape=shape)
        candidates.append(csgraph.connected_components(graph, directed=False)[1])
        last = time.perf_counter() - begin
    return seconds + last, candidates


def _in_blocks(
    products: Products, one: Callable[..., np.ndarray], values
) -> tuple[float, list[np.ndarray]]:
    """Groups each block on its own, for each value; the mean time of a value."""
    vectors, _, blocks = products
    start, candidates = time.perf_counter(), []
    for value in values:
        groups, used = np.empty(len(vectors), np.int64), 0
        for rows in rows_of_blocks(blocks):
            groups[rows] = one(vectors[rows], value) + used
            used = groups[rows].max() + 1
        candidates.append(groups)
    return (time.perf_counter() - start) / len(values), candidates
