import numpy as np
import pytest
import tensorflow as tf

from cv_tf import strategy as devices
from cv_tf.models.folding import depthwise_conv2d, same_padding


def _tensors(height, width, size, dtype=tf.float32, multiplier=1):
    generator = np.random.default_rng(0)
    inputs = generator.normal(size=(3, height, width, 4))
    kernel = generator.normal(size=(size, size, 4, multiplier))
    return tf.constant(inputs, dtype), tf.constant(kernel, dtype)


def _learned(convolve, inputs, kernel):
    """The output, and what a loss of it says of the inputs and the kernel."""
    with tf.GradientTape() as tape:
        tape.watch([inputs, kernel])
        outputs = convolve(inputs, kernel)
        loss = tf.reduce_sum(tf.sin(outputs))
    return outputs, *tape.gradient(loss, [inputs, kernel])


def _check(inputs, kernel, stride=1, padding="SAME", compiled=False, tolerance=1e-12):
    def plain(inputs, kernel):
        return tf.nn.depthwise_conv2d(inputs, kernel, [1, stride, stride, 1], padding)

    def ours(inputs, kernel):
        return depthwise_conv2d(inputs, kernel, stride, padding)

    expected = _learned(plain, inputs, kernel)
    learn = tf.function(lambda *tensors: _learned(ours, *tensors), jit_compile=compiled)
    with devices.one_device("cpu").scope():
        found = learn(inputs, kernel)
        function = learn.get_concrete_function(inputs, kernel)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance * 100)
    return function


def _kinds(function):
    return {operation.type for operation in function.graph.get_operations()}


SLOW = "DepthwiseConv2dNativeBackpropFilter"


@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 3), (6, 6), (8, 8), (4, 16)])
def test_small_maps_have_the_gradients_of_tensorflow(height, width):
    function = _check(*_tensors(height, width, 5, tf.float64))
    assert SLOW not in _kinds(function)


@pytest.mark.parametrize(
    ("height", "size", "stride", "padding", "multiplier"),
    [
        (9, 5, 1, "SAME", 1),
        (8, 3, 1, "SAME", 1),
        (8, 7, 1, "SAME", 1),
        (8, 5, 2, "SAME", 1),
        (8, 5, 1, "VALID", 1),
        (8, 5, 1, "SAME", 2),
    ],
)
def test_all_else_is_left_to_tensorflow(height, size, stride, padding, multiplier):
    tensors = _tensors(height, height, size, tf.float64, multiplier)
    function = _check(*tensors, stride, padding)
    assert SLOW in _kinds(function)


@pytest.mark.integration
def test_compiled():
    _check(*_tensors(5, 6, 5), compiled=True, tolerance=1e-5)


def test_by_hand():
    inputs = tf.reshape(tf.range(1.0, 5.0), [1, 2, 2, 1])
    with devices.one_device("cpu").scope(), tf.GradientTape() as tape:
        kernel = tf.zeros((5, 5, 1, 1))
        tape.watch(kernel)
        top_left = depthwise_conv2d(inputs, kernel, 1, "SAME")[0, 0, 0, 0]
    # The kernel's middle lies on 1; 2 is right of it, 3 and 4 are below.
    expected = np.zeros((5, 5))
    expected[2:4, 2:4] = [[1, 2], [3, 4]]
    np.testing.assert_array_equal(tape.gradient(top_left, kernel)[..., 0, 0], expected)


def test_half_precision_keeps_its_type():
    inputs, kernel = _tensors(4, 4, 5, tf.bfloat16)
    with devices.one_device("cpu").scope():
        outputs = _learned(lambda *t: depthwise_conv2d(*t, 1, "SAME"), inputs, kernel)
    assert {output.dtype for output in outputs} == {tf.bfloat16}


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("extent", [5, 6, 7, 8])
def test_same_padding_is_what_tensorflow_adds(extent, stride, size):
    image = tf.random.stateless_uniform((1, extent, extent, 1), (1, 2))
    kernel = tf.random.stateless_uniform((size, size, 1, 1), (3, 4))
    pads = same_padding(extent, size, stride)
    padded = tf.pad(image, [(0, 0), pads, pads, (0, 0)])
    np.testing.assert_allclose(
        tf.nn.depthwise_conv2d(padded, kernel, [1, stride, stride, 1], "VALID"),
        tf.nn.depthwise_conv2d(image, kernel, [1, stride, stride, 1], "SAME"),
        rtol=1e-6,
    )
    assert same_padding(None, size, stride) is None
