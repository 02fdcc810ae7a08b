"""Products, and dendrograms of all their pairs."""

from collections.abc import Callable

import numpy as np
import pytest

from cv_tf.grouping import Dendrograms, Graph, Similarity, average_linkage


@pytest.fixture(scope="session")
def all_pairs() -> Callable[..., Graph]:
    """A function that joins every product with every other of its block."""

    def graph(num_products: int, blocks: np.ndarray | None = None) -> Graph:
        blocks = np.zeros(num_products) if blocks is None else np.asarray(blocks)
        first, second = np.triu_indices(num_products, 1)
        same = blocks[first] == blocks[second]
        return Graph(first[same].astype(np.int32), second[same].astype(np.int32))

    return graph


@pytest.fixture(scope="session")
def link_all(all_pairs) -> Callable[..., Dendrograms]:
    """A function that links products along every pair of each block."""

    def link(embeddings: np.ndarray, blocks=None, **options) -> Dendrograms:
        similarity = Similarity(np.asarray(embeddings, np.float32))
        return average_linkage(
            similarity, all_pairs(len(embeddings), blocks), **options
        )

    return link
