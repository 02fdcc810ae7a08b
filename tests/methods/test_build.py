import numpy as np
import pytest
import tensorflow as tf

from cv_tf.config import Config
from cv_tf.methods import BYOL, MoCo, SimSiam, Triplet, build_embedder
from cv_tf.vision import RandomCrops, SmallMoves


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


@pytest.mark.parametrize("views", ["crops", "whole"])
def test_views_have_the_size_of_training_whatever_the_photos_have(build, views):
    layer = build(method="simclr", views=views, image_size=64).views
    view = layer(tf.fill([2, 32, 32, 3], 40.0), tf.constant([1, 2]))
    assert view.shape == (2, 64, 64, 3)


@pytest.mark.parametrize(
    ("method", "geometry", "num_parts"),
    [
        ("part_contrast", SmallMoves, 2),
        ("simclr", RandomCrops, 1),
        ("moco", RandomCrops, 1),
        ("byol", RandomCrops, 1),
        ("simsiam", RandomCrops, 1),
        ("supcon", RandomCrops, 1),
    ],
)
def test_a_method_has_the_views_that_it_is_known_for(
    build, method, geometry, num_parts
):
    learner = build(method=method)
    assert type(learner.views.geometry) is geometry
    assert learner.encoder.num_parts == num_parts


def test_views_are_blurred_if_asked_for(build):
    assert build(method="simclr").views.blur is None
    assert build(method="simclr", blur=0.5).views.blur.probability == 0.5


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
    ("weight", "shares"),
    [(0.0, [1 / 2, 1 / 2]), (1.0, [1 / 2, 1 / 4, 1 / 4]), (3.0, [3 / 4, 1 / 8, 1 / 8])],
)
def test_the_whole_weighs_so_much_against_all_parts_together(build, weight, shares):
    np.testing.assert_allclose(build(whole_weight=weight).part_shares, shares)


def test_an_aggregate_counts_as_one_part(build):
    np.testing.assert_allclose(build(aggregate="mean").part_shares, [1.0])


def test_the_encoder_has_the_settings(build):
    method = build(
        method="moco",
        views="parts",
        parts="grid_2x2",
        parts_from="pixels",
        whole_weight=1.0,
        projection_dimensions=5,
        projection_hidden=0,
        momentum=0.5,
        queue_size=24,
        temperature=0.3,
        seed=11,
    )
    assert isinstance(method, MoCo)
    assert method.encoder.layout == "grid_2x2"
    assert method.encoder.source == "pixels"
    assert method.encoder(tf.zeros([1, 32, 32, 3])).shape == (1, 5, 5)
    assert len(method.encoder.part_head.layers) == 1
    assert method.momentum == 0.5
    assert method.temperature == 0.3
    assert method.queue.shape == (5, 24, 5)
    assert method.seed == 11


@pytest.mark.slow
@pytest.mark.integration
def test_predictors_have_the_settings(build):
    for name, kind in (("byol", BYOL), ("simsiam", SimSiam)):
        method = build(method=name, projection_dimensions=6, predictor_hidden=3)
        assert isinstance(method, kind)
        assert (
            method.predictor.input_shape == method.predictor.output_shape == (None, 6)
        )
        assert method.predictor.get_layer("hidden0").units == 3
    assert build(method="byol", steps=7, momentum=0.5).num_steps == 7
    assert build(method="byol", steps=7, momentum=0.5).momentum == 0.5


def test_triplet_has_the_settings(build):
    method = build(method="triplet", margin=0.7, distance="squared-L2", seed=11)
    assert isinstance(method, Triplet)
    assert method.triplet_loss.get_config()["margin"] == 0.7
    assert method.triplet_loss.get_config()["distance"] == "squared-L2"
    assert method.seed == 11
    assert not method.by_part
    assert build(method="triplet", views="parts").by_part
