"""The Embedder as a LiteRT (TensorFlow Lite) file, for phones and small devices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tensorflow as tf

from cv_tf import choices
from cv_tf.deployment.savedmodel import Vectors
from cv_tf.models import Embedder, LiteRtFunction, to_litert


def write_tflite(embedder: Embedder, precision: str, path: Path) -> None:
    """Writes a file that takes one image, uint8 `[1, S, S, 3]`, to float32 `[1, d]`.

    Weights of precision "float16" take half the size, "int8_weights" a quarter. Raises
    `UserError` if there is no such precision.
    """
    choices.check("precision", precision, choices.EXPORT_PRECISIONS)
    size = embedder.image_size
    content = to_litert(
        lambda images: {"embeddings": embedder(images)},
        tf.TensorSpec([1, size, size, 3], tf.uint8, "images"),
        [] if precision == "float32" else [tf.lite.Optimize.DEFAULT],
        [tf.float16] if precision == "float16" else [],
    )
    path.write_bytes(content)


def load_tflite(path: Path) -> Vectors:
    """Loads the function of a file, which is applied to one image after the other."""
    of_image = LiteRtFunction(path.read_bytes())
    return lambda images: np.concatenate([of_image(image[None]) for image in images])
