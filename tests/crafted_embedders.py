"""Small Embedders whose files tests change."""

import zipfile

import numpy as np
import tf_keras as keras

SIDE = 16
# Where the file has the kernel of the first layer.
KERNEL = "layers/functional/layers/conv2d/vars/0"
PHOTOS = np.random.default_rng(0).integers(0, 256, (2, 20, SIDE, 3)).astype(np.uint8)


def small_backbone():
    """Two layers with weights, and operations of TensorFlow."""
    layers = keras.layers
    images = keras.Input((None, None, 3), name="images")
    inner = layers.Conv2D(4, 3, strides=2, name="stem")(images)
    inner = layers.BatchNormalization()(inner)
    inner = layers.ReLU()(inner) + 1.0
    return keras.Model(images, layers.Add()([inner, 2.0 - inner]))


def write_members(path, members, **options):
    """Writes an archive with these files."""
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def layer_of(config, class_name):
    """The description of the first layer of a class."""
    layers = config["config"]["backbone"]["config"]["layers"]
    return next(layer for layer in layers if layer["class_name"] == class_name)
