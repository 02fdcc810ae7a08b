"""Builds and loads indexes, and finds the neighbors of products among each other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from absl import logging

from cv_tf import choices
from cv_tf.embeddings import take_rows
from cv_tf.errors import UserError
from cv_tf.files import digest_of
from cv_tf.progress import Progress
from cv_tf.retrieval.among_all import nearest_of_all
from cv_tf.retrieval.exact import ExactIndex, gpu_for
from cv_tf.retrieval.index import Index, check_k
from cv_tf.retrieval.index_folder import ABOUT, IndexFolder, damaged
from cv_tf.retrieval.neighbors import (
    Neighbors,
    check_embeddings,
    check_vectors,
    rows_by_block,
)
from cv_tf.retrieval.reduced import ReducedSearch, find_components
from cv_tf.retrieval.scann import BRUTE_FORCE_BELOW, ScannIndex, load_scann

_CLASSES: dict[str, type[Index]] = {
    index.kind: index for index in (ExactIndex, ScannIndex)
}
# Multiplications that take some ten seconds on two cores, as of 65,000 products of 128
# dimensions with each other: an index would be built and tuned hardly sooner.
_EXACT_BELOW = 2**39
# Pairs of a block are compared once if it has so many products at most, as of more few
# rows are held at a time, and vectors so many dimensions at least: otherwise, merging
# what is found for all other rows takes longer than it saves.
_MOST_COMPARED_ONCE, _LONG = 2**15, 256
# Queries searched for at a time.
CHUNK = 2**16


def build_index(
    embeddings: np.ndarray,
    retrieval: str = "auto",
    recall: float = 0.95,
    k: int = 10,
    model: str = "",
    floor: float = -1.0,
) -> Index:
    """Builds the index in which the neighbors of products are found fastest.

    Args:
      embeddings: [num_products, dim] float32, L2-normalized.
      retrieval: "exact"; "scann", tuned to the recall, but exact all the same below
        20,000 products; or "auto": "scann" where it can be loaded (and a warning where
        not), but exact for a recall of 1.
      recall: Share of the true `k` nearest neighbors to be found, above 0, at most 1; a
        higher one takes longer. What was reached is the index's `measured_recall`.
      k: Number of neighbors that searches will mostly ask for.
      model: Name of the model that made the embeddings, such as the fingerprint of its
        file; "" if it is not to be checked.
      floor: Similarity, -1 to 1, below which neighbors are of no use. Of those above it
        a quarter of what the recall allows is missed, and of others there are as many
        as are found. -1 for no floor.

    Raises:
      ValueError: If the embeddings are not finite and of length 1, or another argument
        is none of the above.
      ImportError: If ScaNN is asked for, and needed, and cannot be loaded.

    Example:
      >>> import numpy as np
      >>> from cv_tf.retrieval import build_index
      >>> vectors = np.array([[1, 0], [0.8, 0.6], [0, 1]], np.float32)
      >>> index = build_index(vectors)
      >>> index.search(vectors[:1], k=2).indices.tolist()
      [[0, 1]]
    """
    embeddings = check_embeddings(embeddings)
    check_k(k)
    check_retrieval(retrieval, recall)
    if _choose(retrieval, recall, len(embeddings)) == "exact":
        return ExactIndex(embeddings, model)
    return ScannIndex.build(embeddings, recall, k, model, floor)


def load_index(folder: str | Path, model: str = "") -> Index:
    """Loads an index that was saved, which finds the same; no part is ever run as code.

    Args:
      folder: Folder that `Index.save` wrote.
      model: Name of the model that will embed the queries; "" does not check it.

    Raises:
      ValueError: If the folder is not an index, or damaged, or another model made it.
      ImportError: If it is an index of ScaNN, and ScaNN cannot be loaded.

    Example:
      >>> import tempfile
      >>> import numpy as np
      >>> from cv_tf.retrieval import build_index, load_index
      >>> vectors = np.array([[1, 0], [0.8, 0.6], [0, 1]], np.float32)
      >>> folder = tempfile.mkdtemp()
      >>> build_index(vectors).save(f"{folder}/my.index")
      >>> load_index(f"{folder}/my.index").search(vectors[:1], k=2).indices.tolist()
      [[0, 1]]
    """
    folder = Path(folder)
    with IndexFolder.open(folder) as opened:
        _check_model(folder, opened.about["model"], model)
        try:
            index = _checked_class(opened).read(opened)
        except ImportError:
            raise
        except (UserError, MemoryError) as error:
            raise _of_index(folder, error) from error
        except Exception as error:  # Libraries raise nearly anything.
            raise damaged(folder, repr(error)[:300]) from error
    same = (index.num_products, index.dim)
    if same != (opened.about["num_products"], opened.about["dim"]):
        raise damaged(folder, f"it holds {index.num_products} vectors of {index.dim}")
    return index


def is_undamaged(folder: Path, digest: str) -> bool:
    """Whether an index is as `Index.save` has written it, without loading it.

    Args:
      folder: The folder of the index.
      digest: The SHA-256 of its index.json, which has those of its other files.
    """
    try:
        with IndexFolder.open(folder) as opened:
            _checked_class(opened)
            return digest_of(opened.path / ABOUT) == digest
    except (OSError, UserError):
        return False


def _checked_class(opened: IndexFolder) -> type[Index]:
    """The class of an index, whose files have been compared with index.json."""
    engine = opened.about["engine"]
    if engine not in _CLASSES:
        raise opened.damaged(f"its engine is {engine!r:.100}")
    opened.check_files(_CLASSES[engine].files)
    return _CLASSES[engine]


def _of_index(folder: Path, error: Exception) -> Exception:
    """An error that names the index, as those about its vectors do not."""
    if isinstance(error, MemoryError) or f"'{folder}'" in str(error):
        return error
    return damaged(folder, str(error))


def _check_model(folder: Path, made_by: str, model: str) -> None:
    """Raises UserError if another model than `model`, where that is known, made it."""
    if model and not made_by:
        logging.warning(
            "The index '%s' does not say which model made it. If it was not '%s', "
            "similarities mean nothing.",
            folder,
            model,
        )
    elif model and made_by != model:
        raise UserError(
            f"The index '{folder}' holds vectors of the model '{made_by}', and "
            f"the queries are '{model}''s: those cannot be compared. Embed the queries "
            "with the index's model, or build the index again with theirs."
        )


def check_retrieval(retrieval: str, recall: float) -> None:
    """Raises ValueError if `build_index` would not take these."""
    if retrieval not in choices.RETRIEVALS:
        raise UserError(
            f"Retrieval {retrieval!r} is unknown. Choose one of {choices.RETRIEVALS}."
        )
    if not 0 < recall <= 1:
        raise UserError(
            f"Recall is {recall}; expected a share of the true neighbors, above 0 and "
            "at most 1. Ask for 0.95, for example."
        )


def _choose(retrieval: str, recall: float, num_products: int) -> str:
    """The kind of index for a number of products."""
    if num_products < BRUTE_FORCE_BELOW or (retrieval == "auto" and recall == 1):
        return "exact"
    if retrieval != "auto":
        return retrieval
    try:
        load_scann()
    except ImportError as error:
        logging.warning(
            "Exact search takes over for %d products, and will be slower. %s",
            num_products,
            error,
        )
        return "exact"
    return "scann"


def nearest(
    embeddings: np.ndarray,
    k: int,
    blocks: np.ndarray | None = None,
    retrieval: str = "auto",
    queries: np.ndarray | None = None,
    recall: float = 0.95,
    progress: str = "",
    floor: float = -1.0,
) -> Neighbors:
    """Finds the `k` most similar other products, within the block where given.

    Args:
      embeddings: [num_products, dim] float16 or float32, L2-normalized. Of float16,
        one block at a time is turned into float32.
      k: Number of neighbors of each query, at least 1.
      blocks: [num_products] int; a product's neighbors share its block. None for one.
      retrieval: As in `build_index`, for each block by itself; "auto" also is exact
        where that takes seconds: for some ten thousand products or queries.
      queries: [num_queries] int, rows to find the neighbors of, in order; None for all.
      recall: Share of the true neighbors that ScaNN is to find, above 0 and at most 1.
      progress: Text of the progress bar; empty for no bar.
      floor: Similarity below which neighbors need not be found, as in `build_index`;
        -1 for none.

    Raises:
      ValueError: If the embeddings are not finite and of length 1, or another argument
        is none of the above.
      ImportError: If `retrieval` is "scann" and ScaNN cannot be loaded.
    """
    embeddings = check_vectors(embeddings)
    check_k(k)
    check_retrieval(retrieval, recall)
    num_products = len(embeddings)
    queries = _checked_queries(queries, num_products)
    rows_of = dict(rows_by_block(blocks, num_products))
    asked_blocks = None if blocks is None else np.asarray(blocks)[queries]
    found = Neighbors.none(len(queries), k)
    bar = Progress(progress, len(queries), "products", shown=bool(progress))
    for block, asked in rows_by_block(asked_blocks, len(queries)):
        rows = rows_of[block]
        members = embeddings if len(rows) == num_products else embeddings[rows]
        few = retrieval == "auto" and len(asked) * members.size < _EXACT_BELOW
        kind = "exact" if few else _choose(retrieval, recall, len(members))
        # Rows are ascending, so a binary search turns them into positions.
        own = np.searchsorted(rows, queries[asked])
        for part, inside in _within(members, own, k, kind, recall, floor):
            places, is_none = asked[part], inside.indices < 0
            found.indices[places] = np.where(is_none, -1, rows[inside.indices])
            found.similarities[places] = inside.similarities
            bar.update(len(places))
    bar.close()
    return found


def _within(
    members: np.ndarray, own: np.ndarray, k: int, kind: str, recall: float, floor: float
) -> Iterator[tuple[slice, Neighbors]]:
    """Yields parts of the products `own` of a block, and their neighbors among all."""
    num_products, dim = members.shape
    once = num_products <= _MOST_COMPARED_ONCE and dim >= _LONG
    once = once and kind == "exact" and not gpu_for(num_products**2)
    if once and np.array_equal(own, np.arange(num_products)):
        yield slice(None), nearest_of_all(take_rows(members, slice(None)), k)
        return
    index: Index | ReducedSearch = ExactIndex(members)
    if kind == "scann":
        components = find_components(members, recall, k, floor)
        if components is not None:
            index = ReducedSearch(members, components, recall, k, floor)
        else:
            single = take_rows(members, slice(None))
            index = ScannIndex.build(single, recall, k, floor=floor)
    for start in range(0, len(own), CHUNK):
        rows = own[start : start + CHUNK]
        found = index.search(take_rows(members, rows), k + 1).without(rows)
        yield slice(start, start + CHUNK), found


def _checked_queries(queries: np.ndarray | None, num_products: int) -> np.ndarray:
    queries = np.arange(num_products) if queries is None else np.asarray(queries)
    if len(queries) and not 0 <= queries.min() <= queries.max() < num_products:
        raise UserError(
            f"Queries lie in {queries.min()}..{queries.max()}; expected rows of the "
            f"{num_products} embeddings. Pass row numbers from 0."
        )
    return queries
