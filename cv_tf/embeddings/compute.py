"""From photos to vectors, batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from cv_tf.catalog import Catalog, catalog_of_photos
from cv_tf.embeddings.embeddings import Embeddings
from cv_tf.models import Embedder
from cv_tf.pipeline import Photos, in_order, load_photos
from cv_tf.vision import product_color

# From uint8 [batch, side, side, 3] to one tensor or several, with a row for each photo.
Model = Callable[[tf.Tensor], Any]


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
    model: Model, photos: Photos, batch_size: int, progress: str = ""
) -> Embeddings:
    """The products of photos, with the vectors of a model and the colors of the photos.

    The arguments are those of `embed`.
    """
    vectors, lab = embed(with_color(model), photos, batch_size, progress)
    return Embeddings.of_catalog(photos.catalog, vectors, lab)


def compiled(model: Model, size: int) -> tf.types.experimental.PolymorphicFunction:
    """A model of photos as a graph for batches of squares with `size` pixels a side."""
    images = tf.TensorSpec([None, size, size, 3], tf.uint8)
    return tf.function(model, input_signature=[images])


def with_color(model: Model) -> Model:
    """A model that also returns the products' colors, [batch, 3] in CIELAB."""
    return lambda images: (model(images), product_color(images))


def embed(
    model: Model, photos: Photos, batch_size: int = 64, progress: str = ""
) -> Any:
    """The vectors of all photos, [n, dimensions] float32, of length 1.

    With color, it is a tuple of these and the colors, [n, 3] float32 in CIELAB.

    Args:
      model: From photos to vectors: an Embedder, its `describe`, one of these
        `with_color`, or `compiled`, which is worth it for several calls.
      photos: Photos of n products.
      batch_size: Number of photos embedded at a time.
      progress: Text of the progress bar; empty for no bar.
    """
    outputs = []
    with tqdm(total=len(photos), desc=progress, disable=not progress) as bar:
        for output in embed_batches(model, photos, batch_size):
            outputs.append(output)
            bar.update(len(tf.nest.flatten(output)[0]))
    return tf.nest.map_structure(lambda *rows: np.concatenate(rows), *outputs)


def embed_batches(model: Model, photos: Photos, batch_size: int) -> Iterator[Any]:
    """Yields the outputs of the model for one batch of photos after another."""
    function = model
    if not isinstance(model, tf.types.experimental.PolymorphicFunction):
        function = compiled(model, photos.image_size)
    for batch in in_order(photos, batch_size=batch_size):
        yield tf.nest.map_structure(lambda rows: rows.numpy(), function(batch["image"]))
