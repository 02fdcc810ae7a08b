"""The base class of all indexes."""

from __future__ import annotations

import abc
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from cv_tf.errors import UserError
from cv_tf.retrieval.index_folder import IndexFolder, write_index
from cv_tf.retrieval.neighbors import Neighbors, check_embeddings


class Index(abc.ABC):
    """Products in which the nearest ones of any vector can be found.

    `build_index` makes one from embeddings, `load_index` from a folder.

    Attributes:
      kind: "exact" or "scann".
      files: Names of the files that it is saved in.
      dim: Number of dimensions of the vectors.
      model: Name of the model that made the vectors, such as the fingerprint of its
        file; "" where that is not known.
      measured_recall: Share of the true neighbors that were found when it was built.
    """

    kind: ClassVar[str]
    files: ClassVar[tuple[str, ...]]

    def __init__(self, dim: int, model: str = "", measured_recall: float = 1.0):
        self.dim = dim
        self.model = model
        self.measured_recall = measured_recall

    @property
    @abc.abstractmethod
    def num_products(self) -> int:
        """Number of products that can be found."""

    def search(self, queries: np.ndarray, k: int) -> Neighbors:
        """Finds the `k` most similar products of each query, as rows of the index.

        Rows are in the order in which products were given, those of `add` last.

        Args:
          queries: [num_queries, dim] float32, L2-normalized. The vector of a product in
            the index finds the product itself (`Neighbors.without` leaves it out).
          k: Number of neighbors of each query, at least 1.

        Raises:
          ValueError: If `k` is less than 1, there is no query, or the queries have
            another number of dimensions, or are not finite and of length 1.
        """
        check_k(k)
        return self._search(self._checked(queries), k)

    def add(self, embeddings: np.ndarray) -> None:
        """Adds products, without building the index again.

        Args:
          embeddings: [num_added, dim] float32, L2-normalized.

        Raises:
          ValueError: As `search`.
        """
        self._add(self._checked(embeddings))

    def save(self, folder: str | Path, overwrite: bool = False) -> None:
        """Writes a folder that `load_index` reads; it appears whole or not at all.

        Args:
          folder: Folder to write, on a local disk; its parent exists.
          overwrite: Whether an index that is there already may be replaced.

        Raises:
          ValueError: If `folder` may not be replaced, or its parent is missing.
        """
        about = {
            "engine": self.kind,
            "dim": self.dim,
            "num_products": self.num_products,
            "model": self.model,
            "measured_recall": self.measured_recall,
            "settings": self._settings(),
        }
        write_index(Path(folder), about, self._write, overwrite)

    @classmethod
    @abc.abstractmethod
    def read(cls, folder: IndexFolder) -> Index:
        """Reads the index of an opened folder, whose `files` have been checked.

        Raises:
          UserError: If what is in the files is not of one index.
        """

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
            raise UserError(
                f"The vectors have {vectors.shape[1]} dimensions; those of the "
                f"index{made_by} have {self.dim}. Embed both with one model."
            )
        return vectors


def check_k(k: int) -> None:
    """Raises ValueError unless at least one neighbor is asked for."""
    if k < 1:
        raise UserError(f"k is {k}; expected at least 1. Ask for one or more.")
