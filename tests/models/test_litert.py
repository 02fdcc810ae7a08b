"""Functions converted to LiteRT."""

import sys
import types

import numpy as np
import pytest
import tensorflow as tf

from cv_tf.models import LiteRtFunction, to_litert

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def content() -> bytes:
    kernel = tf.Variable([[2.0], [-1.0]])
    inputs = tf.TensorSpec([1, 2], tf.float32, "vectors")
    return to_litert(lambda vectors: {"product": vectors @ kernel}, inputs)


def test_is_the_function_with_the_values_of_its_variables(content):
    function = LiteRtFunction(content)
    assert function(np.float32([[3, 5]])).tolist() == [[1.0]]
    first = function(np.float32([[1, 0]]))
    function(np.float32([[0, 1]]))
    assert first.tolist() == [[2.0]]  # An array of its own.


def test_equal_functions_have_equal_bytes(content):
    kernel = tf.Variable([[2.0], [-1.0]])
    inputs = tf.TensorSpec([1, 2], tf.float32, "vectors")
    again = to_litert(lambda vectors: {"product": vectors @ kernel}, inputs)
    assert again == content


def test_another_shape_is_refused(content):
    with pytest.raises(ValueError, match=r"[Dd]imension"):
        LiteRtFunction(content)(np.zeros((2, 2), np.float32))


def test_the_package_that_is_to_have_the_interpreter_is_used(content, monkeypatch):
    made = []

    class Interpreter(tf.lite.Interpreter):
        def __init__(self, **arguments):
            made.append(arguments)
            super().__init__(**arguments)

    module = types.ModuleType("ai_edge_litert")
    module.interpreter = types.SimpleNamespace(Interpreter=Interpreter)
    monkeypatch.setitem(sys.modules, "ai_edge_litert", module)
    assert LiteRtFunction(content)(np.float32([[3, 5]])).tolist() == [[1.0]]
    assert made == [{"model_content": content, "num_threads": 1}]
