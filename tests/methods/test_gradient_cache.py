"""Passes in pieces: the same gradients for less memory."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from few import few

from cv_tf import choices

METHODS = [name for name in choices.METHODS if name != "frozen"]


def gradients_of(method, batch):
    return method.gradients(batch["image"], batch["style"])


@pytest.fixture
def compiled(build, batch, objective):
    """A function from settings to a compiled method, whose queue is not empty."""

    def make(optimizer=None, **settings):
        method = build(**settings)
        method.compile(optimizer or keras.optimizers.SGD(0.1))
        objective(method, step=9)
        return method

    return make


@pytest.mark.integration
@pytest.mark.parametrize(
    ("method", "micro_batch"),
    few(("part_contrast", 4), ("triplet", 4), more=itertools.product(METHODS, (4, 1))),
)
def test_pieces_give_the_gradients_of_the_whole(compiled, batch, method, micro_batch):
    views = "parts"
    whole = compiled(method=method, views=views)
    pieces = compiled(method=method, views=views, micro_batch=micro_batch)
    expected, expected_loss, expected_embeddings = gradients_of(whole, batch)
    found, loss, embeddings = gradients_of(pieces, batch)
    assert float(loss) == pytest.approx(float(expected_loss), rel=1e-5)
    np.testing.assert_allclose(embeddings, expected_embeddings, atol=1e-5)
    largest = max(np.abs(g).max() for g in expected)
    assert largest > 1e-3
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4 * largest)


@pytest.mark.integration
def test_a_scaled_loss_gives_the_same_gradients(compiled, batch):
    scaling = keras.mixed_precision.LossScaleOptimizer(
        keras.optimizers.SGD(0.1), dynamic=False, initial_scale=1024
    )
    method = compiled(scaling, method="part_contrast", micro_batch=2)
    found, *_ = gradients_of(method, batch)
    method.micro_batch = 0
    expected, *_ = gradients_of(method, batch)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


@pytest.mark.slow
@pytest.mark.integration
def test_activations_are_those_of_a_piece(compiled, batch):
    """No convolution of the step makes more than a piece at once."""
    most = {}
    for micro_batch in (0, 2):
        method = compiled(method="simclr", views="whole", micro_batch=micro_batch)
        gradients = tf.autograph.experimental.do_not_convert(method.gradients)
        graph = tf.function(gradients).get_concrete_function(
            *(tf.TensorSpec(batch[k].shape, batch[k].dtype) for k in ("image", "style"))
        )
        definition = graph.graph.as_graph_def(add_shapes=True)
        functions = (f.node_def for f in definition.library.function)
        nodes = itertools.chain(definition.node, *functions)
        most[micro_batch] = max(
            node.attr["_output_shapes"].list.shape[0].dim[0].size
            for node in nodes
            if node.op == "Conv2D"
        )
    # Of both views.
    assert most == {0: 2 * 8, 2: 2 * 2}
