"""The Embedder: the model from photos to vectors that training leaves behind."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import tensorflow as tf
import tf_keras as keras

from cv_tf import choices
from cv_tf.models.embedder_file import load_embedder, save_embedder
from cv_tf.models.folding import fold_norms
from cv_tf.models.whitening import Whitening
from cv_tf.vision import color_input, pool_parts, windows

Pixels = TypeVar("Pixels", tf.Tensor, np.ndarray)


@keras.utils.register_keras_serializable(package="cv_tf")
class Embedder(keras.Model):
    """Maps photos to L2-normalized vectors; the similarity is their dot product.

    The Embedder holds everything between pixels and vectors: size, color, averaging
    over renderings, backbone, parts and whitening.

    Args:
      backbone: A model from float RGB in 0..255 to a feature map, see
        `cv_tf.models.build_backbone`; to be saved, one of plain layers of Keras.
      image_size: Pixels a side of the backbone's input.
      color_input: "rgb", "grey" (the luma in all three channels), or "both" (the
        vectors of both, concatenated).
      average: Renderings of the photo over which its vector is averaged: "none" (the
        photo alone), "inverse" (also with inverted lightness, which brings black and
        white variants together), "mirror" (also mirrored), or "all" (all four).
      embedding: "whole" averages the feature map; "parts" averages it in each window of
        `parts` and concatenates the vectors of the parts.
      parts: Name of the part layout, see `cv_tf.vision.LAYOUTS`.
      whitening: Layer applied to the vectors; None for no whitening.

    Raises:
      ValueError: If an option is unknown.

    Example:
      >>> embedder = Embedder(build_backbone("tiny", weights="none"), image_size=64)
      >>> embedder.save("embedder.keras")
      >>> loaded = Embedder.load("embedder.keras")
      >>> photos = np.zeros([2, 300, 200, 3], np.uint8)
      >>> loaded(photos).shape  # float32 vectors of length 1
      TensorShape([2, 64])
    """

    def __init__(
        self,
        backbone: keras.Model,
        image_size: int = 224,
        color_input: str = "grey",
        average: str = "none",
        embedding: str = "whole",
        parts: str = "symmetric_7x7",
        whitening: Whitening | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        choices.check("color_input", color_input, choices.COLOR_INPUTS)
        choices.check("average", average, choices.AVERAGES)
        choices.check("embedding", embedding, choices.EMBEDDINGS)
        windows(parts)
        self.backbone = backbone
        self.image_size = image_size
        self.color_input = color_input
        self.average = average
        self.embedding = embedding
        self.parts = parts
        self.whitening = whitening
        # All weights exist. Otherwise, loading would trace the backbone for every
        # rendering, only to find that there is nothing to build.
        self.built = True

    @property
    def color_in_training(self) -> str:
        """The color of training photos: "grey" or "rgb" (also for "both")."""
        return "grey" if self.color_input == "grey" else "rgb"

    def features(self, pixels: tf.Tensor) -> tf.Tensor:
        """The feature map, float32 `[batch, rows, columns, channels]`, of pixels.

        These are float32 `[batch, side, side, 3]` in 0..255, in the backbone's color.
        """
        return tf.cast(self._run_backbone(pixels), tf.float32)

    @functools.cached_property
    def _run_backbone(self) -> Callable[[tf.Tensor], tf.Tensor]:
        """The backbone in inference; a function, so that its weights are saved once."""
        with tf.init_scope():
            network = fold_norms(self.backbone, in_training=False)
        return functools.partial(network, training=False)

    def pool(self, features: tf.Tensor) -> tf.Tensor:
        """Pools feature maps to one unit vector each, of the whole or of its parts."""
        if self.embedding == "whole":
            return _unit(tf.reduce_mean(features, axis=(1, 2)))
        # Parts are not normalized: an empty corner must not weigh as much as a collar.
        parts = pool_parts(features, self.parts)
        return _unit(tf.reshape(parts, [-1, parts.shape[1] * parts.shape[2]]))

    def pooled(self, pixels: tf.Tensor) -> tf.Tensor:
        """The pooled vectors of one rendering, float32 `[batch, colors, dimensions]`.

        It is of squares in RGB, `[batch, image_size, image_size, 3]` in 0..255. For
        each of the colors that the backbone sees, there is one vector of length 1.
        """
        both = self.color_input == "both"
        colors = ("rgb", "grey") if both else (self.color_input,)
        vectors = [self.pool(self.features(color_input(pixels, c))) for c in colors]
        return tf.stack(vectors, axis=1)

    def renderings(self, pixels: Pixels) -> list[Pixels]:
        """The renderings that `average` asks for, of tensors or arrays in 0..255."""
        images = [pixels]
        if self.average in ("inverse", "all"):
            images.append(255 - pixels)
        if self.average in ("mirror", "all"):
            images += [image[:, :, ::-1] for image in images]
        return images

    # No Python statement depends on a tensor: to find that out takes a second.
    @tf.autograph.experimental.do_not_convert
    def describe(self, images: tf.Tensor) -> tf.Tensor:
        """The vectors before whitening, of photos as in `call`."""
        pixels = fit_square(images, self.image_size)
        vectors = tf.add_n([self.pooled(each) for each in self.renderings(pixels)])
        _, colors, dimensions = vectors.shape
        return _unit(tf.reshape(_unit(vectors), [-1, colors * dimensions]))

    def call(self, images):
        """Maps uint8 photos `[batch, height, width, 3]` of any size to vectors.

        They are float32 `[batch, dimensions]`, of length 1.
        """
        descriptors = self.describe(images)
        return self.whitening(descriptors) if self.whitening else descriptors

    def with_options(self, **options) -> Embedder:
        """An Embedder with other options, which shares the weights of the backbone."""
        return Embedder(**{**self._arguments(), **options})

    def get_config(self):
        """The arguments of this model."""
        serialize = keras.saving.serialize_keras_object
        return {
            **self._arguments(),
            "name": self.name,
            "backbone": serialize(self.backbone),
            "whitening": self.whitening and serialize(self.whitening),
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """The model that `get_config` describes, with new weights."""
        objects = {
            name: config[name]
            and keras.saving.deserialize_keras_object(config[name], custom_objects)
            for name in ("backbone", "whitening")
        }
        return cls(**{**config, **objects})

    @classmethod
    def load(cls, path: str | Path) -> Embedder:
        """Reads an Embedder that was saved with `save("NAME.keras")`.

        Nothing in the file is executed, and nothing of it is trusted: it may come from
        anywhere.

        Raises:
          FileNotFoundError: If there is no file at the path.
          EmbedderFileError: If the file is damaged, or holds anything but plain layers
            of Keras and their weights.
        """
        if not Path(path).is_file():
            raise FileNotFoundError(
                f"There is no Embedder at '{path}'. Training writes one to its workdir "
                "at the end, as embedder.keras."
            )
        return load_embedder(path, cls.from_config)

    def save(self, filepath: str | Path, *args, **kwargs) -> None:
        """Saves the Embedder; to a name that ends in `.keras`, for `load`.

        That file appears whole or not at all, and equal Embedders give equal bytes.
        Plain Keras reads it, too. Other names are as in `keras.Model.save`.

        Raises:
          UserError: If the backbone has layers that would not be read again.
        """
        if Path(filepath).suffix == ".keras" and not args and not kwargs:
            save_embedder(self, filepath)
        else:
            super().save(filepath, *args, **kwargs)

    def _arguments(self) -> dict[str, Any]:
        _, *names, _ = inspect.signature(Embedder.__init__).parameters
        return {name: getattr(self, name) for name in names}


def fit_square(images: tf.Tensor, size: int) -> tf.Tensor:
    """Scales photos to a square and pads the shorter side with the border's mean color.

    From `[batch, height, width, 3]`, uint8 or float in 0..255, to float32 `[batch,
    size, size, 3]` in 0..255. Photos that already have the size are not changed.
    """
    images = tf.cast(images, tf.float32)
    if images.shape[1] == size and images.shape[2] == size:
        return images
    border = tf.concat(
        [images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]], axis=1
    )
    color = tf.reduce_mean(border, axis=1)[:, tf.newaxis, tf.newaxis]
    # The border's color is subtracted, so that padding with zeros pads with it.
    shape = tf.shape(images)
    scale = size / tf.reduce_max(shape[1:3])
    sides = tf.cast(tf.round(tf.cast(shape[1:3], scale.dtype) * scale), tf.int32)
    sides = tf.clip_by_value(sides, 1, size)
    resized = tf.image.resize(images - color, sides, antialias=True)
    before = (size - sides) // 2
    after = size - sides - before
    padded = tf.pad(
        resized, [[0, 0], [before[0], after[0]], [before[1], after[1]], [0, 0]]
    )
    squares = tf.clip_by_value(padded + color, 0.0, 255.0)
    return tf.ensure_shape(squares, [None, size, size, 3])


def _unit(vectors: tf.Tensor) -> tf.Tensor:
    return tf.math.l2_normalize(vectors, axis=-1)
