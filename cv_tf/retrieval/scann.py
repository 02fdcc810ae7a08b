"""Approximate nearest neighbors with ScaNN."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from absl import logging

from cv_tf.errors import MissingPackageError
from cv_tf.retrieval.index import Index
from cv_tf.retrieval.index_folder import IndexFolder
from cv_tf.retrieval.neighbors import Neighbors
from cv_tf.retrieval.scann_files import (
    ASSETS,
    BLOCK_DIM,
    SCANN_FILES,
    check_scann_files,
)
from cv_tf.retrieval.tuning import Effort, tune

# https://github.com/google-research/google-research/blob/master/scann/docs/algorithms.md
# It advises leaves from 100,000 products on; tuned ones make searches many times faster
# from here on, and take no longer to build.
BRUTE_FORCE_BELOW = 20_000
# Comparing more than this number of times `k` exactly hardly finds more.
_MOST_REORDERED = 100
_ADDED_AT_ONCE = 256
_SEARCHERS = "scann.scann_ops.py.scann_ops_pybind"
_OPERATIONS = "scann.scann_ops.py.scann_ops"


class ScannIndex(Index):
    """Compares each query with quantized products, and exactly with the best of them.

    The products are partitioned into as many leaves as a leaf has products, and a
    search looks at the leaves nearest to the query. The number of these leaves, and of
    the products compared exactly, is tuned on 1,000 of the products when the index is
    built, so that the wanted share of their neighbors is found at the least cost;
    neighbors below a floor of similarity do not count for this. A search for more
    neighbors takes more effort in proportion.

    Similarities are exact, but a few neighbors may be missed, and which of equally
    similar ones come first is not defined. An index finds the same each time, also
    after it was saved and loaded; but ScaNN's partitions cannot be repeated, so two
    indexes of the same products differ in a few neighbors. Leaves and quantization stay
    as they were built when products are added: build the index again once it has
    doubled.

    Source: Guo et al., "Accelerating Large-Scale Inference with Anisotropic Vector
    Quantization" (arXiv 1908.10396).

    Args:
      searcher: Searcher of ScaNN.
      dim: Number of dimensions of the vectors.
      num_leaves: Number of all leaves.
      effort: Effort of a search for `tuned_k` neighbors.
      tuned_k: Number of neighbors that the effort was tuned for.
      model: As in `Index`.
    """

    kind = "scann"
    files = SCANN_FILES

    def __init__(
        self,
        searcher: Any,
        dim: int,
        num_leaves: int,
        effort: Effort,
        tuned_k: int,
        model: str = "",
    ):
        super().__init__(dim, model)
        self.effort = effort
        self._searcher = searcher
        self._num_leaves = num_leaves
        self._tuned_k = tuned_k

    @classmethod
    def build(
        cls,
        embeddings: np.ndarray,
        recall: float,
        k: int,
        model: str = "",
        floor: float = -1.0,
    ) -> ScannIndex:
        """Builds an index and tunes it; the arguments are those of `build_index`.

        Raises:
          ImportError: If ScaNN cannot be loaded.
        """
        num_products, dim = embeddings.shape
        num_leaves = math.isqrt(num_products)
        # A product of the index finds itself, and then `k` others.
        most = Effort(num_leaves, min(_MOST_REORDERED * (k + 1), num_products))
        searcher = _builder(embeddings, k + 1, num_leaves, most.reordered).build()
        index = cls(searcher, dim, num_leaves, most, k + 1, model)
        index._tune(embeddings, recall, floor)
        return index

    @classmethod
    def read(cls, folder: IndexFolder) -> ScannIndex:
        """As `Index.read`."""
        module = load_scann()
        check_scann_files(folder, _config)
        # Not `module.load_searcher`: that unpickles a file of document ids.
        scann_numpy = module.scann_pybind.ScannNumpy(str(folder.path), ASSETS)
        searcher = module.ScannSearcher(scann_numpy)
        about, settings = folder.about, folder.about["settings"]
        index = cls(
            searcher,
            about["dim"],
            settings["num_leaves"],
            Effort(settings["leaves"], settings["reordered"]),
            settings["tuned_k"],
            about["model"],
        )
        index.measured_recall = about["measured_recall"]
        return index

    @property
    def num_products(self) -> int:
        """Number of products that can be found."""
        return self._searcher.size()

    def _settings(self) -> dict[str, int]:
        return dataclasses.asdict(self.effort) | {
            "num_leaves": self._num_leaves,
            "tuned_k": self._tuned_k,
        }

    def _write(self, folder: Path) -> None:
        # Relative paths, so that the folder can be moved.
        self._searcher.serialize(str(folder), True)

    def _add(self, embeddings: np.ndarray) -> None:
        # ScaNN's own `upsert` asks for document ids, and would pickle them.
        rows = [None] * len(embeddings)
        self._searcher.searcher.upsert(rows, embeddings, _ADDED_AT_ONCE)

    def _search(self, queries: np.ndarray, k: int) -> Neighbors:
        more = max(1, k / self._tuned_k)
        leaves = min(math.ceil(self.effort.leaves * more), self._num_leaves)
        reordered = math.ceil(self.effort.reordered * more)
        return self._search_with(Effort(leaves, reordered), queries, k)

    def _search_with(self, effort: Effort, queries: np.ndarray, k: int) -> Neighbors:
        found = Neighbors.none(len(queries), k)
        kept = min(k, self.num_products)
        indices, similarities = self._searcher.search_batched_parallel(
            queries,
            final_num_neighbors=kept,
            pre_reorder_num_neighbors=min(effort.reordered, self.num_products),
            leaves_to_search=effort.leaves,
        )
        # ScaNN fills the places of neighbors that it did not find with NaN.
        there = ~np.isnan(similarities)
        found.indices[:, :kept][there] = indices[there]
        found.similarities[:, :kept][there] = similarities[there]
        return found

    def _tune(self, embeddings: np.ndarray, recall: float, floor: float) -> None:
        """Chooses the effort, and logs the recall that was reached."""
        k, most = self._tuned_k - 1, self.effort
        self.effort, self.measured_recall, reached = tune(
            self._search_with, embeddings, k, recall, most, floor
        )
        logging.info(
            "ScaNN finds %.3f of the %d nearest of %d products, looking at %d of %d "
            "leaves and comparing %d products exactly.",
            self.measured_recall,
            k,
            len(embeddings),
            self.effort.leaves,
            most.leaves,
            self.effort.reordered,
        )
        if not reached:
            logging.warning(
                "ScaNN finds %.3f of the nearest neighbors at most, where %.3f were "
                "asked for. Use exact search, or ask for less.",
                self.measured_recall,
                recall,
            )


def _builder(
    embeddings: np.ndarray, num_neighbors: int, num_leaves: int, reordered: int
) -> Any:
    """ScaNN's builder with the settings of all indexes."""
    builder = load_scann().builder(embeddings, num_neighbors, "dot_product")
    builder = builder.tree(num_leaves, num_leaves)
    builder = builder.score_ah(BLOCK_DIM, anisotropic_quantization_threshold=0.2)
    return builder.reorder(reordered)


def _config(dim: int, num_neighbors: int, num_leaves: int, reordered: int) -> str:
    """The configuration of an index; of the embeddings, the builder asks the shape."""
    embeddings = np.broadcast_to(np.float32(0), (1, dim))
    return _builder(embeddings, num_neighbors, num_leaves, reordered).create_config()


def load_scann() -> Any:
    """Imports the module of ScaNN that builds searchers, late: it brings TensorFlow.

    Raises:
      ImportError: If ScaNN is not installed, or cannot be loaded here.
    """
    try:
        try:
            return importlib.import_module(_SEARCHERS)
        except ImportError:
            raise
        except Exception:
            # TensorFlow cannot load ScaNN's operations, which are built for TensorFlow
            # 2.20. Searchers do without them.
            with _without_operations():
                importlib.import_module("scann")
            return importlib.import_module(_SEARCHERS)
    except Exception as error:
        raise MissingPackageError(
            f"ScaNN cannot be loaded ({type(error).__name__}: {error}). It has wheels "
            "for Linux and Python 3.10 to 3.13. Install 'scann==1.4.2', or use exact "
            "search."
        ) from error


@contextlib.contextmanager
def _without_operations() -> Iterator[None]:
    """Within the block, ScaNN is imported as if it had no TensorFlow operations.

    It looks for them, and does without where their module is missing. Afterwards, the
    module can be asked for again, and fails or not as it would have done.
    """
    sys.modules[_OPERATIONS] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        sys.modules.pop(_OPERATIONS, None)
