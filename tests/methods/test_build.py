import numpy as np
import pytest
import tensorflow as tf

from cv_tf.config import Config
from cv_tf.losses import nt_xent_loss
from cv_tf.methods import SUPERVISED, PartContrast, Triplet, build_embedder
from cv_tf.vision import RandomCrops, SmallMoves


def _unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


@pytest.fixture
def projections():
    """Two views of five products: the whole and two halves, eight wide."""
    generator = np.random.default_rng(0)
    return generator.normal(size=(2, 5, 3, 8)).astype(np.float32)


def test_the_embedder_has_the_settings():
    config = Config(
        backbone="tiny",
        weights="none",
        freeze_batch_norm=False,
        frozen_stride=4,
        image_size=32,
        color_input="both",
        average="all",
        embedding="parts",
        parts="thirds",
    )
    embedder = build_embedder(config)
    assert embedder.backbone.name == "tiny"
    assert embedder.backbone.get_layer("bn2").trainable
    assert not embedder.backbone.get_layer("conv1").trainable
    assert embedder.backbone.get_layer("conv2").trainable
    assert embedder.image_size == 32
    assert embedder.color_input == "both"
    assert embedder.average == "all"
    assert embedder.embedding == "parts"
    assert embedder.parts == "thirds"
    assert embedder.whitening is None


def test_the_embedder_has_the_size_of_use():
    config = Config(backbone="tiny", weights="none", image_size=32, embed_size=64)
    assert build_embedder(config).image_size == 64


@pytest.mark.parametrize(
    ("views", "geometry"),
    [("whole", SmallMoves), ("crops", RandomCrops), ("none", SmallMoves)],
)
def test_views_have_the_size_of_training_whatever_the_photos_have(
    build, batch, views, geometry
):
    layer = build(views=views, flip=0.25, image_size=64).views
    assert type(layer.geometry) is geometry
    assert layer.geometry.flip == (0.0 if views == "none" else 0.25)
    assert (layer.color is None) == (views == "none")
    # Plain photos stay plain, so that a mere change of size can be told.
    view = layer(tf.fill([2, 32, 32, 3], 40.0), tf.constant([1, 2]))
    assert view.shape == (2, 64, 64, 3)
    if views == "none":
        np.testing.assert_allclose(view, 40.0, rtol=1e-4)


def test_no_views_are_the_photos_as_they_are(build, batch):
    view = build(views="none").views(batch["image"], tf.constant([1, 2]))
    np.testing.assert_allclose(view, tf.cast(batch["image"], tf.float32), atol=1e-3)


@pytest.mark.parametrize("keep", [True, False])
def test_a_plain_background_is_kept_if_asked_for(build, keep):
    # A dark square on a light ground that comes in through the whole border.
    photo = np.full((1, 32, 32, 3), 230, np.uint8)
    photo[:, 10:22, 10:22] = 60
    views = build(keep_background=keep).views
    corners = [
        views(photo, tf.constant([seed, 0]))[0, 0, 0].numpy() for seed in range(5)
    ]
    if keep:
        np.testing.assert_allclose(corners, 230.0, atol=0.5)
    else:
        assert np.ptp(corners, axis=0).min() > 10


@pytest.mark.parametrize(
    ("settings", "weights"),
    [
        # The whole against the mean of the parts, of which there are two here.
        ({"whole_weight": 1.0, "part_weight": 1.0}, [1 / 2, 1 / 4, 1 / 4]),
        ({"whole_weight": 3.0, "part_weight": 1.0}, [3 / 4, 1 / 8, 1 / 8]),
        ({"whole_weight": 1.0, "part_weight": 4.0}, [1 / 5, 2 / 5, 2 / 5]),
    ],
)
def test_weights_of_the_whole_and_of_all_parts_together(
    build, projections, settings, weights
):
    method = build(temperature=0.3, **settings)
    assert method.encoder.num_parts == 3
    expected = sum(
        weight * float(nt_xent_loss(*projections[:, :, part], 0.3))
        for part, weight in enumerate(weights)
    )
    assert float(method.contrast(*projections)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("settings", "parts"),
    [({"part_weight": 0.0}, [0]), ({"whole_weight": 0.0}, [1, 2])],
)
def test_what_has_no_weight_is_not_encoded(build, projections, settings, parts):
    method = build(temperature=0.3, **settings)
    assert method.encoder.num_parts == len(parts)
    losses = [float(nt_xent_loss(*projections[:, :, part], 0.3)) for part in parts]
    loss = float(method.contrast(*projections[:, :, parts]))
    assert loss == pytest.approx(np.mean(losses), rel=1e-5)


def test_an_aggregate_is_one_vector_of_all_parts_alike(build, projections):
    method = build(temperature=0.3, aggregate="mean")
    one_vector = _unit(projections).mean(axis=2)
    expected = float(nt_xent_loss(*one_vector, 0.3))
    assert float(method.contrast(*projections)) == pytest.approx(expected, rel=1e-5)


def test_the_encoder_has_the_settings(build, batch):
    method = build(
        parts="grid_2x2",
        parts_from="pixels",
        projection_dimensions=5,
        projection_hidden=0,
        momentum=0.5,
        queue_size=24,
        seed=11,
    )
    assert isinstance(method, PartContrast)
    assert method.encoder.layout == "grid_2x2"
    assert method.encoder.source == "pixels"
    assert method.encoder(tf.zeros([1, 32, 32, 3])).shape == (1, 5, 5)
    assert len(method.encoder.part_head.layers) == 1
    assert method.momentum == 0.5
    assert method.queue.shape == (5, 24, 5)
    assert method.seed == 11


def test_triplet_has_the_settings(build):
    method = build(method="triplet", margin=0.7, distance="squared-L2", seed=11)
    assert isinstance(method, Triplet)
    assert method.triplet_loss.get_config()["margin"] == 0.7
    assert method.triplet_loss.get_config()["distance"] == "squared-L2"
    assert method.seed == 11
    assert SUPERVISED == ("triplet",)
