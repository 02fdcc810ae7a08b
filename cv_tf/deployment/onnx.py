"""The Embedder as an ONNX file, for ONNX Runtime and what else reads the format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tensorflow as tf

from cv_tf.deployment.savedmodel import Vectors
from cv_tf.models import Embedder

_OPSET = 18  # Of 2023: readable by what is in use, and faster than the default.


def write_onnx(embedder: Embedder, path: Path) -> None:
    """Writes a file from `images`, uint8 `[n, S, S, 3]`, to `embeddings`, `[n, d]`.

    Args:
      embedder: Its image size is S.
      path: Where to write.
    """
    import tf2onnx  # noqa: PLC0415 (an extra)

    size = embedder.image_size
    images = tf.TensorSpec([None, size, size, 3], tf.uint8, "images")
    function = tf.function(lambda images: {"embeddings": embedder(images)})
    tf2onnx.convert.from_function(function, [images], _OPSET, output_path=str(path))


def load_onnx(path: Path) -> Vectors:
    """The function of a file, by ONNX Runtime on the CPU."""
    import onnxruntime  # noqa: PLC0415 (an extra)

    session = onnxruntime.InferenceSession(
        str(path), providers=["CPUExecutionProvider"]
    )

    def of_images(images: np.ndarray) -> np.ndarray:
        return session.run(["embeddings"], {"images": images})[0]

    return of_images
