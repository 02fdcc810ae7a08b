"""Fixtures of the methods' tests: small photos and small methods."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from replicas import SMALL

from cv_tf.config import Config
from cv_tf.methods import build_embedder, build_method

LUMA = tf.constant([0.299, 0.587, 0.114])


@pytest.fixture
def batch():
    """Eight smooth photos of four styles, as the pipeline hands them on."""
    generator = np.random.default_rng(0)
    coarse = generator.integers(0, 256, (8, 4, 4, 3)).astype(np.float32)
    photos = tf.clip_by_value(tf.image.resize(coarse, (32, 32), "bicubic"), 0, 255)
    return {
        "image": tf.cast(photos, tf.uint8),
        "row": tf.range(8),
        "style": tf.constant([0, 0, 1, 1, 2, 2, 3, 3]),
    }


@pytest.fixture
def build():
    """A function from settings to a method on a tiny backbone, always the same."""

    def build(**settings):
        config = Config(**{**SMALL, **settings})
        keras.utils.set_random_seed(1)
        method = build_method(config, build_embedder(config))
        method.micro_batch = config.micro_batch
        return method

    return build


def loss_of(method, batch, seed):
    """The loss and the embeddings of a batch under some seed."""
    return method.objective(method.features(batch["image"], seed), batch["style"])


@pytest.fixture
def objective(batch):
    """A function to a method's loss and embeddings of a step, from what changes."""

    def objective(method, step=0, **changes):
        given = {**batch, **changes}
        seed = tf.constant([method.seed, step])
        return loss_of(method, given, seed)

    return objective


@pytest.fixture
def views_of(batch):
    """A function to the two views of a step, in grey, by the definition."""

    def views_of(method, step=0):
        seeds = tf.random.split([method.seed, step], 2, alg="philox")
        views = [method.views(batch["image"], seed) for seed in tf.unstack(seeds)]
        return [
            tf.tile(tf.reduce_sum(view * LUMA, axis=-1, keepdims=True), [1, 1, 1, 3])
            for view in views
        ]

    return views_of


@pytest.fixture
def assert_compiled_equals_eager(build, batch):
    """Checks two steps under XLA against two steps without a graph."""

    def check(**settings):
        losses, weights = [], []
        for jit_compile in (False, True):
            method = build(**settings)
            method.compile(keras.optimizers.SGD(0.1, momentum=0.9))
            method.optimizer.build(method.learned_variables)
            step = method.train_step
            if jit_compile:
                step = tf.function(step, jit_compile=True)
            losses.append([step(batch)["loss"].numpy() for _ in range(2)])
            weights.append(method.get_weights())
        np.testing.assert_allclose(losses[1], losses[0], rtol=1e-3)
        for eager, compiled in zip(*weights, strict=True):
            np.testing.assert_allclose(compiled, eager, atol=2e-3)
        assert losses[0][0] != losses[0][1]

    return check


@pytest.fixture
def assert_learns(batch, caplog):
    """Checks that some steps on one batch lower the loss under the same views."""

    def check(method, factor):
        method.compile(keras.optimizers.Adam(3e-3))
        method.optimizer.build(method.learned_variables)
        step = tf.function(method.train_step)
        seed = tf.constant([7, 7])
        before, _ = loss_of(method, batch, seed)
        for _ in range(25):
            step(batch)
        after, _ = loss_of(method, batch, seed)
        assert after < factor * before
        assert "AutoGraph" not in caplog.text

    return check


@pytest.fixture
def under_policy():
    """Sets a global policy of mixed precision for one test."""
    yield keras.mixed_precision.set_global_policy
    keras.mixed_precision.set_global_policy("float32")


@pytest.fixture
def assert_trains_in_half_precision(build, batch, under_policy):
    """Checks a step of 16 bits: float32 variables and loss, finite, near float32."""

    def check(precision, **settings):
        def fresh():
            """A method whose queue, if it has one, is not empty."""
            method = build(**settings)
            loss_of(method, batch, tf.constant([1, 1]))
            return method

        seed = tf.constant([0, 0])
        expected, _ = loss_of(fresh(), batch, seed)
        under_policy(f"mixed_{precision}")
        method = fresh()
        optimizer = keras.optimizers.SGD(0.01)
        if precision == "float16":
            # The scale that it starts from by default would skip the first steps.
            optimizer = keras.mixed_precision.LossScaleOptimizer(
                optimizer, initial_scale=128
            )
        method.compile(optimizer)
        before = [variable.numpy() for variable in method.learned_variables]
        logs = method.train_step(batch)
        assert method.embedder.backbone.layers[-1].compute_dtype == precision
        assert logs["loss"].dtype == logs["embedding_std"].dtype == tf.float32
        np.testing.assert_allclose(logs["loss"], expected, rtol=0.05, atol=0.02)
        for variable, old in zip(method.learned_variables, before, strict=True):
            assert variable.dtype == tf.float32
            assert np.isfinite(variable).all()
            assert not np.array_equal(variable, old)

    return check
