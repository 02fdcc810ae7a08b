"""The Embedder as a SavedModel, for TensorFlow Serving and TensorFlow elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

from cv_tf.models import Embedder
from cv_tf.pipeline.read_squares import read_squares

# From uint8 [n, S, S, 3], or from [n] encoded photos, to vectors [n, dimensions].
Vectors = Callable[[np.ndarray], np.ndarray]


def write_savedmodel(embedder: Embedder, find_frame: bool, folder: Path) -> None:
    """Writes a SavedModel of two signatures; both give `embeddings`, unit vectors.

    `serving_default` takes `photos`, string `[n]`: whole JPEG or PNG files, in which
    the product's frame is found as in the pipeline. `images` takes `images`, uint8
    `[n, S, S, 3]`: squares as the pipeline makes them.

    Args:
      embedder: Its image size is S.
      find_frame: Whether the product is looked for in `photos`, see `read_squares`.
      folder: Where to write, a folder.
    """
    size = embedder.image_size
    model = tf.Module()
    # Not the Embedder: Keras would save every layer's functions beside the graph.
    model.weights = embedder.variables

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "photos")])
    def of_photos(photos):
        return {"embeddings": embedder(read_squares(photos, size, find_frame))}

    @tf.function(
        input_signature=[tf.TensorSpec([None, size, size, 3], tf.uint8, "images")]
    )
    def of_images(images):
        return {"embeddings": embedder(images)}

    signatures = {"serving_default": of_photos, "images": of_images}
    tf.saved_model.save(model, str(folder), signatures)


def load_savedmodel(folder: Path) -> tuple[Vectors, Vectors]:
    """The functions of a SavedModel: of encoded photos, and of images."""
    model = tf.saved_model.load(str(folder))

    def of_photos(photos: np.ndarray) -> np.ndarray:
        found = model.signatures["serving_default"](photos=tf.constant(photos))
        return found["embeddings"].numpy()

    def of_images(images: np.ndarray) -> np.ndarray:
        found = model.signatures["images"](images=tf.constant(images))
        return found["embeddings"].numpy()

    # The functions hold their model: its weights live as long as they do.
    return of_photos, of_images
