"""From photos to vectors, batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from cv_tf.pipeline import Photos, in_order
from cv_tf.vision import product_color

# From uint8 [batch, side, side, 3] to one tensor, or several, of a row a photo.
Model = Callable[[tf.Tensor], Any]


def compiled(model: Model, size: int) -> tf.types.experimental.PolymorphicFunction:
    """A model of photos as a graph for batches of squares with `size` pixels a side."""
    images = tf.TensorSpec([None, size, size, 3], tf.uint8)
    return tf.function(model, input_signature=[images])


def with_color(model: Model) -> Model:
    """A model that also tells the products' colors, [batch, 3] in CIELAB."""
    return lambda images: (model(images), product_color(images))


def embed(
    model: Model, photos: Photos, batch_size: int = 64, progress: str = ""
) -> Any:
    """The vectors of all photos.

    Args:
      model: From photos to vectors: an Embedder, its `describe`, one `with_color`, or
        one of them `compiled`, which is worth it for several calls.
      photos: Of n products.
      batch_size: Photos at a time.
      progress: What the progress bar says; empty for none.

    Returns:
      What the model returns, for all photos: float32 [n, dimensions], unit vectors.
    """
    outputs = []
    with tqdm(total=len(photos), desc=progress, disable=not progress) as bar:
        for output in embed_batches(model, photos, batch_size):
            outputs.append(output)
            bar.update(len(tf.nest.flatten(output)[0]))
    return tf.nest.map_structure(lambda *rows: np.concatenate(rows), *outputs)


def embed_batches(model: Model, photos: Photos, batch_size: int) -> Iterator[Any]:
    """What the model returns for one batch of photos after another, as arrays."""
    function = model
    if not isinstance(model, tf.types.experimental.PolymorphicFunction):
        function = compiled(model, photos.image_size)
    for batch in in_order(photos, batch_size=batch_size):
        yield tf.nest.map_structure(lambda rows: rows.numpy(), function(batch["image"]))
