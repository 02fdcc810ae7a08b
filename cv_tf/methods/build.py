"""Builds methods and Embedders from settings."""

from __future__ import annotations

import contextlib
import functools
import importlib
import sys
import warnings
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import tensorflow as tf
import tf_keras as keras

from cv_tf.config import Config, ConfigError, ModelSettings
from cv_tf.errors import MissingPackageError
from cv_tf.losses import TripletSemiHardLoss
from cv_tf.methods.byol import BYOL
from cv_tf.methods.method import Method
from cv_tf.methods.moco import MoCo
from cv_tf.methods.simclr import SimCLR
from cv_tf.methods.simsiam import SimSiam
from cv_tf.methods.supcon import SupCon
from cv_tf.methods.triplet import Triplet
from cv_tf.methods.two_views import PartEncoder
from cv_tf.models import Embedder, build_backbone, fold_norms, projection_head
from cv_tf.vision import ColorViews, GaussianBlur, RandomCrops, SmallMoves, Views

# Modules of Keras 2 that tensorflow-addons 0.23 imports by the name of Keras 3.
_MOVED_MODULES = ("engine", "engine.keras_tensor", "utils.tf_utils")


def build_embedder(settings: ModelSettings) -> Embedder:
    """Builds an Embedder, untrained and not whitened."""
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
    """Builds the method that `--method` names.

    Args:
      config: All settings.
      embedder: The model to train.

    Raises:
      ConfigError: If the method does not learn.
      ImportError: If its loss is that of tensorflow-addons, which cannot be imported.
    """
    contrast = {"temperature": config.temperature}
    match config.method:
        case "part_contrast" | "simclr":
            return SimCLR(**_two_views(config, embedder), **contrast)
        case "supcon":
            return SupCon(**_two_views(config, embedder), **contrast)
        case "moco":
            return MoCo(
                **_two_views(config, embedder),
                **contrast,
                momentum=config.momentum,
                queue_size=config.queue_size,
            )
        case "byol":
            return BYOL(
                **_two_views(config, embedder, normalize="hidden"),
                predictor=_predictor(config),
                num_steps=config.steps,
                momentum=config.momentum,
            )
        case "simsiam":
            return SimSiam(
                **_two_views(config, embedder, normalize="all", num_hidden=2),
                predictor=_predictor(config),
            )
        case "triplet":
            return Triplet(
                embedder,
                _views(config),
                _triplet_loss(config),
                by_part=config.view_kind == "parts",
                seed=config.seed,
            )
    raise ConfigError(f"--method={config.method} has nothing to train.")


def _predictor(config: Config) -> keras.Model:
    width, hidden = config.projection_dimensions, config.predictor_hidden
    return projection_head(width, width, hidden, normalize="hidden", name="predictor")


def _two_views(config: Config, embedder: Embedder, **head) -> dict[str, Any]:
    """The arguments of a method of two views; `head` are those of its projections."""
    on_parts = config.view_kind == "parts"
    encoder = PartEncoder(
        fold_norms(embedder.backbone, in_training=True),
        config.parts,
        config.parts_from,
        whole=not on_parts or config.whole_weight > 0,
        parts=on_parts,
        aggregate=config.aggregate,
        head=functools.partial(
            projection_head,
            dimensions=config.projection_dimensions,
            hidden=config.projection_hidden,
            **head,
        ),
    )
    weights, num_parts = None, encoder.num_parts - 1
    if num_parts and config.whole_weight:
        weights = [config.whole_weight] + [1.0 / num_parts] * num_parts
    return {
        "embedder": embedder,
        "encoder": encoder,
        "views": _views(config),
        "part_weights": weights,
        "seed": config.seed,
    }


def _views(config: Config) -> Views:
    """Views at the size of training, whatever the size of the photos."""
    kind = "crops" if config.view_kind == "crops" else "whole"
    geometry = RandomCrops if kind == "crops" else SmallMoves
    return Views(
        kind,
        geometry=geometry(flip=config.flip, size=config.image_size),
        color=ColorViews(keep_background=config.keep_background),
        blur=GaussianBlur(config.blur) if config.blur else None,
    )


def _triplet_loss(config: Config) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    if config.triplet_loss == "addons":
        return import_addons().losses.TripletSemiHardLoss(
            margin=config.margin, distance_metric=config.distance
        )
    # The loss of a batch is one number. Under a strategy, Keras refuses AUTO.
    return TripletSemiHardLoss(
        config.margin, config.distance, reduction=keras.losses.Reduction.SUM
    )


def import_addons() -> ModuleType:
    """Imports the module `tensorflow_addons`, which needs help to find Keras 2.

    Raises:
      ImportError: If it is not installed, or cannot be on this version of Python.
    """
    if "tensorflow_addons" in sys.modules:
        return sys.modules["tensorflow_addons"]
    with _keras_2_names(), warnings.catch_warnings():
        # It warns of its end of life and of TensorFlow versions it was not tested on.
        warnings.simplefilter("ignore")
        try:
            return importlib.import_module("tensorflow_addons")
        except ImportError as error:
            raise MissingPackageError(_advice(error)) from error


@contextlib.contextmanager
def _keras_2_names() -> Iterator[None]:
    """Makes `keras.src.NAME` an alias of `tf_keras.src.NAME` for the moved modules."""
    aliases = {
        f"keras.src.{name}": importlib.import_module(f"tf_keras.src.{name}")
        for name in _MOVED_MODULES
    }
    before = {name: sys.modules.get(name) for name in aliases}
    sys.modules.update(aliases)
    try:
        yield
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


def _advice(error: ImportError) -> str:
    if sys.version_info >= (3, 12):
        version = ".".join(map(str, sys.version_info[:2]))
        remedy = (
            "its last release, 0.23, is for Python 3.11 and older, and this is Python "
            f"{version}. Use cv_tf's own losses, which give the same values, or "
            "Python 3.11"
        )
    elif error.name == "tensorflow_addons":
        remedy = "it is not installed. Run: pip install 'cv_tf[addons]'"
    else:
        remedy = f"{error}. Run: pip install --force-reinstall 'cv_tf[addons]'"
    return f"tensorflow-addons cannot be imported: {remedy}."
