"""What every index of products can do."""

from __future__ import annotations

import abc
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from cv_tf.retrieval.embeddings import check_embeddings
from cv_tf.retrieval.index_folder import write_index
from cv_tf.retrieval.neighbors import Neighbors


class Index(abc.ABC):
    """Products in which the nearest ones of any vector can be found.

    `build_index` makes one of embeddings, `load_index` of a folder.

    Attributes:
      engine: Name of what searches it.
      dim: Length of the vectors.
      model: Names the model that made the vectors, such as a fingerprint of its file;
        "" where that is not known.
      measured_recall: The share of the true neighbors that a search finds, as it was
        measured when the index was built.
    """

    engine: ClassVar[str]

    def __init__(self, dim: int, model: str = "", measured_recall: float = 1.0):
        self.dim = dim
        self.model = model
        self.measured_recall = measured_recall

    @property
    @abc.abstractmethod
    def num_products(self) -> int:
        """How many products can be found."""

    def search(self, queries: np.ndarray, k: int) -> Neighbors:
        """Finds the `k` most similar products of each query.

        Args:
          queries: `[num_queries, dim]` float32, L2-normalised vectors. That of a
            product in the index finds the product itself (`Neighbors.without` leaves
            it out).
          k: Neighbors for each query, at least 1.

        Returns:
          The neighbors, as rows of the index: products have the order in which they
          were given, those of `add` after those it was built of.

        Raises:
          ValueError: If `k` is less than 1, or the queries are of another length, or
            not finite and of length 1, or none.
        """
        check_k(k)
        return self._search(self._checked(queries), k)

    def add(self, embeddings: np.ndarray) -> None:
        """Adds products, without building anything again.

        Args:
          embeddings: `[num_added, dim]` float32, L2-normalised.

        Raises:
          ValueError: If they are of another length, or not finite and of length 1, or
            none.
        """
        self._add(self._checked(embeddings))

    def save(self, folder: str | Path, overwrite: bool = False) -> None:
        """Writes a folder that `load_index` reads; it appears whole or not at all.

        Args:
          folder: On a local disk; its parent exists.
          overwrite: Whether an index may be replaced that is there already.

        Raises:
          ValueError: If there is something at `folder` that may not be replaced, or
            no folder to put it into.
        """
        about = {
            "engine": self.engine,
            "dim": self.dim,
            "num_products": self.num_products,
            "model": self.model,
            "measured_recall": self.measured_recall,
            "settings": self._settings(),
        }
        write_index(Path(folder), about, self._write, overwrite)

    @classmethod
    @abc.abstractmethod
    def read(cls, folder: Path, about: dict[str, Any]) -> Index:
        """Makes the index of a folder's files and what index.json says of it."""

    @abc.abstractmethod
    def _search(self, queries: np.ndarray, k: int) -> Neighbors: ...

    @abc.abstractmethod
    def _add(self, embeddings: np.ndarray) -> None: ...

    @abc.abstractmethod
    def _write(self, folder: Path) -> None: ...

    def _settings(self) -> dict[str, Any]:
        return {}

    def _checked(self, vectors: np.ndarray) -> np.ndarray:
        vectors = check_embeddings(vectors)
        if vectors.shape[1] != self.dim:
            made_by = f" (of model '{self.model}')" if self.model else ""
            raise ValueError(
                f"The vectors have {vectors.shape[1]} dimensions; those of the "
                f"index{made_by} have {self.dim}. Embed both with one model."
            )
        return vectors


def check_k(k: int) -> None:
    """Raises ValueError if no neighbors are asked for."""
    if k < 1:
        raise ValueError(f"k is {k}; expected at least 1. Ask for one or more.")
