"""Embedders applied to many photos: LiteRT computes the vectors of TensorFlow."""

import logging

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from few import few

from cv_tf import strategy
from cv_tf.models import Embedder, Inference, Whitening, build_backbone, inference
from cv_tf.vision import product_color

pytestmark = pytest.mark.integration
SIZE = 48


@pytest.fixture(scope="module")
def backbone():
    keras.utils.set_random_seed(0)
    return build_backbone("tiny", weights="none")


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    random = np.random.default_rng(0)
    coarse = random.integers(0, 256, (11, 6, 6, 3), np.uint8)
    return coarse.repeat(8, axis=1).repeat(8, axis=2)


def of_graph(embedder: Embedder, images: np.ndarray) -> np.ndarray:
    return inference.compiled(embedder, embedder.image_size)(images).numpy()


@pytest.mark.parametrize(
    ("color_input", "average", "embedding"),
    few(
        ("grey", "inverse", "parts"),
        ("rgb", "none", "whole"),
        more=[("both", "all", "parts"), ("grey", "mirror", "whole")],
    ),
)
def test_every_embedder_has_the_vectors_of_the_graph(
    color_input, average, embedding, backbone, images
):
    embedder = Embedder(backbone, SIZE, color_input, average, embedding, "grid_3x3")
    expected = of_graph(embedder, images)
    whitening = Whitening.fit(expected, 6)
    for one in (embedder, embedder.with_options(whitening=whitening)):
        model = Inference(one)
        found = model(images)
        assert model.uses_litert
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, of_graph(one, images), atol=2e-5)


def test_a_vector_does_not_depend_on_batch_place_or_time(backbone, images):
    embedder = Embedder(backbone, SIZE, average="inverse")
    model, order = Inference(embedder), np.random.default_rng(1).permutation(11)
    vectors = model(images)
    np.testing.assert_array_equal(model(images[order]), vectors[order])
    np.testing.assert_array_equal(model(images[4:5]), vectors[4:5])
    np.testing.assert_array_equal(Inference(embedder)(images), vectors)
    parts = model.over(np.array_split(images, 5))
    np.testing.assert_array_equal(np.concatenate([*parts]), vectors)


def test_colors_come_with_vectors(backbone, images):
    embedder = Embedder(backbone, SIZE)
    vectors, lab = Inference(embedder, with_color=True)(images)
    np.testing.assert_array_equal(vectors, Inference(embedder)(images))
    np.testing.assert_allclose(lab, product_color(images), atol=1e-3)


def test_weights_may_be_of_another_scope(images):
    with strategy.one_device("cpu").scope():
        embedder = Embedder(build_backbone("tiny", weights="none"), SIZE)
        first = Inference(embedder)
    expected = of_graph(embedder, images)
    with strategy.one_device("cpu").scope():
        second = Inference(embedder, with_color=True)
        np.testing.assert_allclose(second(images)[0], expected, atol=2e-5)
    np.testing.assert_allclose(first(images), expected, atol=2e-5)
    assert first.uses_litert
    assert second.uses_litert


def test_batches_are_taken_as_they_are_needed(backbone, images):
    taken = []

    def batches():
        for number in range(8):
            taken.append(number)
            yield images[:2]

    found = Inference(Embedder(backbone, SIZE)).over(batches())
    next(found)
    assert len(taken) <= 1 + inference._BATCHES_AHEAD
    found.close()
    assert len(taken) <= 1 + inference._BATCHES_AHEAD


def test_a_failure_among_the_batches_is_raised(backbone, images):
    def batches():
        yield images
        raise OSError("no such photo")

    with pytest.raises(OSError, match="no such photo"):
        list(Inference(Embedder(backbone, SIZE)).over(batches()))


def test_by_the_graph_weights_are_as_they_are(images):
    keras.utils.set_random_seed(0)
    embedder = Embedder(build_backbone("tiny", weights="none"), SIZE)
    model = Inference(embedder, by_graph=True)
    before = model(images)
    for weights in embedder.backbone.trainable_weights:
        weights.assign(weights * 1.5 + 0.1)
    after = model(images)
    assert not model.uses_litert
    assert np.abs(after - before).max() > 0.01
    np.testing.assert_allclose(after, of_graph(embedder, images), atol=2e-5)


@pytest.mark.slow
def test_equal_functions_are_converted_once(backbone, images, monkeypatch):
    converted = []

    def convert(function, inputs):
        converted.append(inputs.name)
        return inference_to_litert(function, inputs)

    inference_to_litert = inference.to_litert
    monkeypatch.setattr(inference, "to_litert", convert)
    monkeypatch.setattr(inference, "_CONVERTED", {})
    embedder = Embedder(backbone, SIZE)
    vectors = Inference(embedder)(images)
    for dimensions in (6, 5):
        whitening = Whitening.fit(vectors, dimensions)
        Inference(embedder.with_options(whitening=whitening))(images)
    assert len(converted) == 3  # The network, and two whitenings.
    for size in (40, 41, 42, 43):
        Inference(embedder.with_options(image_size=size))(images[:, :size, :size])
    assert len(converted) == 7
    assert len(inference._CONVERTED) == inference._KEPT


class TestFallback:
    def test_where_vectors_differ_it_is_said(
        self, backbone, images, monkeypatch, caplog
    ):
        embedder = Embedder(backbone, SIZE)
        of_litert = inference.LiteRtFunction.__call__
        monkeypatch.setattr(
            inference.LiteRtFunction,
            "__call__",
            lambda self, value: of_litert(self, value)[..., ::-1],
        )
        model = Inference(embedder)
        with caplog.at_level(logging.WARNING):
            found = model(images)
        assert not model.uses_litert
        np.testing.assert_array_equal(found, of_graph(embedder, images))
        (record,) = caplog.records
        assert "its vectors have a cosine of" in record.getMessage()

    def test_where_a_network_has_no_counterpart_it_is_said(self, images, caplog):
        source = keras.Input((None, None, 3))
        features = keras.layers.Conv2D(4, 3, strides=8, activation="sigmoid")(source)
        odd = keras.layers.Lambda(tf.math.digamma)(features)
        embedder = Embedder(keras.Model(source, odd), SIZE)
        model = Inference(embedder)
        with caplog.at_level(logging.WARNING):
            found = model(images)
        assert not model.uses_litert
        np.testing.assert_array_equal(found, of_graph(embedder, images))
        assert "LiteRT cannot compute this Embedder" in caplog.text

    def test_weights_that_are_not_numbers_end_as_in_the_graph(self, images):
        embedder = Embedder(build_backbone("tiny", weights="none"), SIZE)
        embedder.backbone.weights[0].assign(embedder.backbone.weights[0] * np.nan)
        model = Inference(embedder)
        # Processors differ in what an activation makes of what is no number.
        np.testing.assert_array_equal(model(images), of_graph(embedder, images))
        assert not model.uses_litert

    def test_where_there_is_an_accelerator_the_graph_computes(
        self, backbone, images, monkeypatch, caplog
    ):
        monkeypatch.setattr(strategy, "on_cpu", lambda: False)
        embedder = Embedder(backbone, SIZE)
        model = Inference(embedder, with_color=True)
        vectors, lab = model(images)
        assert not model.uses_litert
        assert not caplog.records
        assert isinstance(vectors, np.ndarray)
        np.testing.assert_allclose(vectors, of_graph(embedder, images), atol=1e-5)
        np.testing.assert_allclose(lab, product_color(images), atol=1e-3)
