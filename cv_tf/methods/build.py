"""Methods and Embedders from settings."""

from __future__ import annotations

import functools

import tf_keras as keras

from cv_tf.config import Config, ModelSettings
from cv_tf.losses import TripletSemiHardLoss, part_nt_xent_loss
from cv_tf.methods.method import Method
from cv_tf.methods.part_contrast import PartContrast
from cv_tf.methods.part_encoder import PartEncoder
from cv_tf.methods.triplet import Triplet
from cv_tf.models import Embedder, build_backbone
from cv_tf.vision import ColorViews, RandomCrops, SmallMoves, Views, windows

SUPERVISED = ("triplet",)


def build_embedder(settings: ModelSettings) -> Embedder:
    """The Embedder of some settings, untrained and not whitened."""
    return Embedder(
        build_backbone(
            settings.backbone,
            settings.weights,
            settings.freeze_batch_norm,
            settings.feature_stride,
            settings.frozen_stride,
        ),
        image_size=settings.size_at_use,
        color_input=settings.color_input,
        average=settings.average,
        embedding=settings.embedding,
        parts=settings.parts,
    )


def build_method(config: Config, embedder: Embedder) -> Method:
    """The method that `--method` names, around an Embedder.

    Raises:
      ValueError: If the method does not learn.
    """
    if config.method == "triplet":
        return Triplet(
            embedder, _views(config), _triplet_loss(config), seed=config.seed
        )
    if config.method != "part_contrast":
        raise ValueError(f"--method={config.method} has nothing to train.")
    encoder = PartEncoder(
        embedder.backbone,
        config.parts,
        config.parts_from,
        whole=config.whole_weight > 0,
        parts=config.part_weight > 0,
        dimensions=config.projection_dimensions,
        hidden=config.projection_hidden,
    )
    loss = functools.partial(
        part_nt_xent_loss,
        temperature=config.temperature,
        part_weights=_part_weights(config),
        aggregate=None if config.aggregate == "none" else config.aggregate,
    )
    return PartContrast(
        embedder,
        encoder,
        _views(config),
        loss,
        momentum=config.momentum,
        queue_size=config.queue_size,
        seed=config.seed,
    )


def _part_weights(config: Config) -> list[float] | None:
    """The weight of each projection: the whole first, then the parts."""
    if config.aggregate != "none":
        return None
    weights = [config.whole_weight] if config.whole_weight else []
    if config.part_weight:
        num_parts = len(windows(config.parts))
        weights += [config.part_weight / num_parts] * num_parts
    return weights


def _views(config: Config) -> Views:
    """Views at the size of training, whatever size the photos come in."""
    size = config.image_size
    geometry = {
        "whole": SmallMoves(flip=config.flip, size=size),
        "crops": RandomCrops(flip=config.flip, size=size),
        "none": SmallMoves(shift=0.0, zoom=(1.0, 1.0), size=size),
    }[config.views]
    color = ColorViews(keep_background=config.keep_background)
    return Views(
        config.views,
        geometry=geometry,
        color=None if config.views == "none" else color,
    )


def _triplet_loss(config: Config):
    if config.triplet_loss == "addons":
        from cv_tf import addons  # noqa: PLC0415 (an extra, seldom installed)

        return addons.import_addons().losses.TripletSemiHardLoss(
            margin=config.margin, distance_metric=config.distance
        )
    # Under a strategy Keras wants to know: the loss of a batch is one number already.
    return TripletSemiHardLoss(
        config.margin, config.distance, reduction=keras.losses.Reduction.SUM
    )
