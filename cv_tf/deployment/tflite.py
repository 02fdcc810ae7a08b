"""The Embedder as a LiteRT (TensorFlow Lite) file, for telephones and small devices."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf

from cv_tf import choices
from cv_tf.deployment.savedmodel import Vectors
from cv_tf.models import Embedder

# A unit vector of thousands of numbers has most of them near 0, where 8 bits tell none
# apart; L2_NORMALIZATION even has steps of 1/128. What is not a convolution is cheap.
_IN_FLOATS = (
    *("L2_NORMALIZATION", "FULLY_CONNECTED", "BATCH_MATMUL", "MEAN", "SUM"),
    *("SUB", "MUL", "RESHAPE", "TRANSPOSE", "CONCATENATION"),
)


def write_tflite(
    embedder: Embedder, precision: str, sample: np.ndarray, path: Path
) -> None:
    """Writes a file that takes one image, uint8 `[1, S, S, 3]`, to float32 `[1, d]`.

    Args:
      embedder: Its image size is S.
      precision: "float32"; "float16" halves the weights; "int8_weights" quantizes
        them all; "int8" quantizes convolutions and what they compute, in ranges that it
        learns, and leaves all else in floats.
      sample: uint8 `[m, S, S, 3]`, photos to learn the ranges of "int8" from.
      path: Where to write.

    Raises:
      ValueError: If there is no such precision, or nothing to learn ranges from.
    """
    choices.check("precision", precision, choices.EXPORT_PRECISIONS)
    if precision == "int8" and not len(sample):
        raise ValueError(
            "--precision=int8 learns from photos that it is not checked on, so it "
            "needs two at least. Bring more photos, or pass another --precision."
        )
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

    if precision == "int8":
        path.write_bytes(_in_eight_bits(converter, sample))
    else:
        path.write_bytes(converter.convert())


def _in_eight_bits(converter: tf.lite.TFLiteConverter, sample: np.ndarray) -> bytes:
    """Converts with convolutions in 8 bits, and the vector's arithmetic in floats."""

    def representative() -> Iterator[list[np.ndarray]]:
        return ([image[np.newaxis]] for image in sample)

    converter.representative_dataset = representative
    options = tf.lite.experimental.QuantizationDebugOptions(
        denylisted_ops=list(_IN_FLOATS)
    )
    with _quiet():
        debugger = tf.lite.experimental.QuantizationDebugger(
            converter=converter, debug_dataset=representative, debug_options=options
        )
    return debugger.get_nondebug_quantized_model()


def load_tflite(path: Path) -> Vectors:
    """The function of a file, applied to one image after the other."""
    with _quiet():
        interpreter = tf.lite.Interpreter(str(path))
    interpreter.allocate_tensors()
    (source,), (result,) = (
        interpreter.get_input_details(),
        interpreter.get_output_details(),
    )

    def of_image(image: np.ndarray) -> np.ndarray:
        interpreter.set_tensor(source["index"], image[np.newaxis])
        interpreter.invoke()
        return interpreter.get_tensor(result["index"])[0]

    return lambda images: np.stack([of_image(image) for image in images])


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silences TensorFlow's interpreter, which warns that it will move."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield
