"""From photos to vectors, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cv_tf.catalog import Catalog, catalog_of_photos
from cv_tf.embeddings.embeddings import Embeddings
from cv_tf.models import Embedder, Inference
from cv_tf.pipeline import Photos, in_order, load_photos
from cv_tf.progress import Progress

_NO_LENGTH = 1e-6  # Of a sum of vectors of length 1 that has no direction.


def embed_photos(
    photos: str | Path | Sequence[str | Path] | Catalog,
    embedder: Embedder | str | Path,
    *,
    frame: str = "auto",
    on_bad_image: str = "fail",
    batch_size: int = 64,
    progress: bool = True,
) -> Embeddings:
    """Embeds photos in memory, and finds their colors: a folder, a list, a catalogue.

    What embeds a catalogue of any size into a file is `cv_tf.embed`.

    Args:
      photos: A folder, a list of files, or a `Catalog` (`cv_tf.read_catalog`).
      embedder: An Embedder, or the path of its file (.keras).
      frame: The product's box in its photo: "auto" takes that of the table, or else
        finds it from a plain background; "columns" the table alone; "photo" all of it.
      on_bad_image: "fail" if a photo cannot be read, or "reject" to leave it out.
      batch_size: Photos at a time.
      progress: Whether to draw progress bars.

    Raises:
      CatalogError: If the photos cannot be used.

    Example:
        ```python
        products = cv_tf.embed_photos("photos", "runs/my/embedder.keras")
        print(products.product_id[0], products.vectors.shape)
        ```
    """
    if not isinstance(photos, Catalog):
        photos = catalog_of_photos(photos)
    if not isinstance(embedder, Embedder):
        embedder = Embedder.load(embedder)
    squares = load_photos(
        photos,
        embedder.image_size,
        frame=frame,
        on_bad_image=on_bad_image,
        progress=progress,
    )
    bar = "Embedding" if progress else ""
    return embed_with_color(embedder, squares, batch_size, bar)


def embed_with_color(
    embedder: Embedder, photos: Photos, batch_size: int = 64, progress: str = ""
) -> Embeddings:
    """The products of photos, with their vectors and the colors of the photos.

    The arguments are those of `embed`.
    """
    model = Inference(embedder, with_color=True)
    outputs = _with_progress(model, photos, batch_size, progress)
    vectors, lab = map(np.concatenate, zip(*outputs, strict=True))
    return Embeddings.of_catalog(photos.catalog, vectors, lab)


def embed(
    embedder: Embedder | Inference,
    photos: Photos,
    batch_size: int = 64,
    progress: str = "",
) -> np.ndarray:
    """The vectors of all photos, [n, dimensions] float32, of length 1.

    Args:
      embedder: The Embedder, for vectors before whitening one without it; or what
        infers by it, which is worth it for several calls.
      photos: Photos of n products, at least one.
      batch_size: Number of photos decoded at a time; vectors do not depend on it.
      progress: Text of the progress bar; empty for no bar.
    """
    model = embedder if isinstance(embedder, Inference) else Inference(embedder)
    outputs = _with_progress(model, photos, batch_size, progress)
    return np.concatenate(list(outputs))


def _with_progress(
    model: Inference, photos: Photos, batch_size: int, progress: str
) -> Iterator[Any]:
    with Progress(progress, len(photos), "photos", shown=bool(progress)) as bar:
        for output in embed_batches(model, photos, batch_size):
            yield output
            bar.update(min(batch_size, len(photos) - bar.done))


def embed_batches(model: Inference, photos: Photos, batch_size: int) -> Iterator[Any]:
    """Yields what `Inference.over` does for one batch of photos after another.

    The vector of a product with further photos is the mean of those of all of them,
    made length 1; or that of its first photo, if they cancel each other out.
    """
    batches = in_order(photos, batch_size=batch_size)
    start = 0
    for output in model.over(batch["image"] for batch in batches):
        first = output[0] if isinstance(output, tuple) else output
        rows = np.arange(start, start + len(first))
        start += len(first)
        more, more_of = photos.more_photos(rows)
        if more is None or more_of is None:
            yield output
            continue
        sums = first.astype(np.float64)
        done = 0
        for others in embed_batches(model, more, batch_size):
            vectors = others[0] if isinstance(others, tuple) else others
            np.add.at(sums, more_of[done : done + len(vectors)], vectors)
            done += len(vectors)
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        is_mean = np.isin(np.arange(len(rows)), more_of) & (lengths[:, 0] > _NO_LENGTH)
        means = sums / np.maximum(lengths, _NO_LENGTH)
        first = np.where(is_mean[:, None], means, first).astype(np.float32)
        yield (first, *output[1:]) if isinstance(output, tuple) else first
