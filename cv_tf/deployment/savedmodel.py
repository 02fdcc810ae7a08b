"""The Embedder as a SavedModel for TensorFlow Serving, and as an ONNX file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

from cv_tf.models import Embedder
from cv_tf.pipeline import read_squares

# From uint8 [n, S, S, 3], or from [n] encoded photos, to vectors [n, d].
Vectors = Callable[[np.ndarray], np.ndarray]

_OPSET = 18  # Of 2023: common runtimes read it, and it is faster than the default.


def write_savedmodel(embedder: Embedder, find_frame: bool, folder: Path) -> None:
    """Writes a SavedModel with two signatures; both return `embeddings`, unit vectors.

    `serving_default` takes `photos`, string `[n]`: whole JPEG or PNG files, in which
    the frame is found as in the pipeline, or is the whole photo without `find_frame`.
    `images` takes `images`, uint8 `[n, S, S, 3]`: squares as the pipeline makes them, S
    the Embedder's image size.
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
    """Loads the functions of a SavedModel: of encoded photos, and of images."""
    # The functions refer to the model, which keeps its weights alive.
    model = tf.saved_model.load(str(folder))

    def of_photos(photos: np.ndarray) -> np.ndarray:
        found = model.signatures["serving_default"](photos=tf.constant(photos))
        return found["embeddings"].numpy()

    def of_images(images: np.ndarray) -> np.ndarray:
        found = model.signatures["images"](images=tf.constant(images))
        return found["embeddings"].numpy()

    return of_photos, of_images


def write_onnx(embedder: Embedder, path: Path) -> None:
    """Writes a file from `images`, uint8 `[n, S, S, 3]`, to `embeddings`, `[n, d]`.

    S is the image size of the Embedder.
    """
    import tf2onnx  # noqa: PLC0415 (an extra)

    size = embedder.image_size
    images = tf.TensorSpec([None, size, size, 3], tf.uint8, "images")
    function = tf.function(lambda images: {"embeddings": embedder(images)})
    tf2onnx.convert.from_function(function, [images], _OPSET, output_path=str(path))


def load_onnx(path: Path) -> Vectors:
    """Loads the function of a file, computed by ONNX Runtime on the CPU."""
    import onnxruntime  # noqa: PLC0415 (an extra)

    providers = ["CPUExecutionProvider"]
    session = onnxruntime.InferenceSession(str(path), providers=providers)
    return lambda images: session.run(["embeddings"], {"images": images})[0]
