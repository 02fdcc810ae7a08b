"""Functions as LiteRT (TensorFlow Lite) files, computed by XNNPACK on CPUs."""

from __future__ import annotations

import contextlib
import threading
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import (
    convert_variables_to_constants_v2,
)

from cv_tf.noise import without_remarks

_FIRST = threading.Lock()  # Held from the first interpreter on.


def to_litert(
    function: Callable[[tf.Tensor], dict[str, tf.Tensor]],
    inputs: tf.TensorSpec,
    optimizations: Sequence[tf.lite.Optimize] = (),
    types: Sequence[tf.DType] = (),
) -> bytes:
    """Converts a function with the values that its variables have.

    A network with five million weights takes two seconds.

    Args:
      function: From one tensor to tensors by name.
      inputs: Shape, type and name of the tensor; all sides are known.
      optimizations: Ways to make it smaller that `tf.lite.TFLiteConverter` may take,
        such as `tf.lite.Optimize.DEFAULT`, which quantizes weights; none by default.
      types: Types of weights that these may choose, such as `tf.float16`.

    Returns:
      The content of a file for `LiteRtFunction`, the same for equal functions.
    """
    traced = tf.function(function, input_signature=[inputs], autograph=False)
    # With constants in place of variables, the converter does not save every layer of a
    # Keras model with its functions, which takes a quarter of a minute.
    frozen = convert_variables_to_constants_v2(traced.get_concrete_function())
    converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen], tf.Module())
    converter.optimizations = [*optimizations]
    converter.target_spec.supported_types = [*types]
    return converter.convert()


class LiteRtFunction:
    """A function that `to_litert` has converted; for one thread at a time.

    It is computed by one thread, in the same way each time: equal inputs give equal
    bits, whatever came before.

    Args:
      content: The content of a file.

    Example:
      >>> doubled = lambda x: {"doubled": 2.0 * x}
      >>> double = LiteRtFunction(to_litert(doubled, tf.TensorSpec([2], tf.float32)))
      >>> double(np.array([1.0, 3.0], np.float32)).tolist()
      [2.0, 6.0]
    """

    def __init__(self, content: bytes):
        make = _interpreter_class()
        # The first of a process says that it has made a delegate.
        is_first = _FIRST.acquire(blocking=False)
        with without_remarks() if is_first else contextlib.nullcontext():
            self._interpreter = make(model_content=content, num_threads=1)
            self._interpreter.allocate_tensors()
        (source,) = self._interpreter.get_input_details()
        (result,) = self._interpreter.get_output_details()
        self._source, self._result = source["index"], result["index"]

    def __call__(self, value: np.ndarray) -> np.ndarray:
        """Maps an array of the function's shape and type to its output, a new array."""
        self._interpreter.set_tensor(self._source, value)
        self._interpreter.invoke()
        return self._interpreter.get_tensor(self._result)


def _interpreter_class() -> Any:
    """The interpreter of the package that is to have it, or else of TensorFlow."""
    try:
        from ai_edge_litert import interpreter  # noqa: PLC0415 (seldom installed)

        return interpreter.Interpreter
    except ImportError:
        return _of_tensorflow


def _of_tensorflow(**arguments: Any) -> Any:
    with warnings.catch_warnings():
        # It warns that it will move to ai-edge-litert.
        warnings.simplefilter("ignore", UserWarning)
        return tf.lite.Interpreter(**arguments)
