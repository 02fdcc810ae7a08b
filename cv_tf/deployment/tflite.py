"""The Embedder as a LiteRT (TensorFlow Lite) file, for phones and small devices."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import tensorflow as tf

from cv_tf import choices
from cv_tf.deployment.savedmodel import Vectors
from cv_tf.models import Embedder


def write_tflite(embedder: Embedder, precision: str, path: Path) -> None:
    """Writes a file that takes one image, uint8 `[1, S, S, 3]`, to float32 `[1, d]`.

    Weights of precision "float16" take half the size, "int8_weights" a quarter. Raises
    `UserError` if there is no such precision.
    """
    choices.check("precision", precision, choices.EXPORT_PRECISIONS)
    size = embedder.image_size
    function = tf.function(
        lambda images: {"embeddings": embedder(images)},
        input_signature=[tf.TensorSpec([1, size, size, 3], tf.uint8, "images")],
    )
    concrete = function.get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], embedder)
    if precision != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == "float16":
        converter.target_spec.supported_types = [tf.float16]
    path.write_bytes(converter.convert())


def load_tflite(path: Path) -> Vectors:
    """Loads the function of a file, which is applied to one image after the other."""
    with warnings.catch_warnings():
        # TensorFlow's interpreter warns that it will move to another package.
        warnings.simplefilter("ignore", UserWarning)
        interpreter = tf.lite.Interpreter(str(path))
    interpreter.allocate_tensors()
    (source,) = interpreter.get_input_details()
    (result,) = interpreter.get_output_details()

    def of_image(image: np.ndarray) -> np.ndarray:
        interpreter.set_tensor(source["index"], image[np.newaxis])
        interpreter.invoke()
        return interpreter.get_tensor(result["index"])[0]

    return lambda images: np.stack([of_image(image) for image in images])
