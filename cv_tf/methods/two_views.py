"""What methods with two views share: views, encoders, and their momentum copies."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf
import tf_keras as keras

from cv_tf import choices, replicas
from cv_tf.methods.method import Method
from cv_tf.models import Embedder, normalize_together, projection_head
from cv_tf.vision import Rows, pool_parts, slice_parts, windows


class PartEncoder(keras.Model):
    """A backbone with a projection head for the whole product and one for all parts.

    The whole product, if it is encoded, is part number 0.

    Args:
      backbone: Model from pixels `[n, side, side, 3]` to a feature map.
      layout: Name of the layout of the parts, see `cv_tf.vision.LAYOUTS`.
      source: "features" averages windows of the feature map, one pass for all parts;
        "pixels" cuts windows from the view and encodes each part in a pass of its own.
      whole: Whether to encode the whole product.
      parts: Whether to encode the parts of the layout.
      aggregate: "none" for a projection of each part, "mean" for a single one: the mean
        of their L2-normalized projections.
      head: Function from the number of channels and a `name` to a projection head.
      **kwargs: Arguments of `keras.Model`.

    Raises:
      ValueError: If the source or the aggregate is unknown, or nothing is encoded.
    """

    def __init__(
        self,
        backbone: keras.Model,
        layout: str = "symmetric_7x7",
        source: str = "features",
        whole: bool = False,
        parts: bool = True,
        aggregate: str = "none",
        head: Callable[..., keras.Model] = projection_head,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if not (whole or parts):
            raise ValueError(
                "There is neither the whole nor parts to encode: set whole or parts."
            )
        choices.check("source", source, choices.PARTS_FROM)
        choices.check("aggregate", aggregate, choices.AGGREGATES)
        self.backbone = backbone
        self.layout = layout
        self.source = source
        self.aggregate = aggregate
        self._make_head = head
        channels = backbone.output_shape[-1]
        self.whole_head = head(channels, name="whole") if whole else None
        self.part_head = head(channels, name="parts") if parts else None

    @property
    def num_parts(self) -> int:
        """Number of projections of a view, that of the whole product among them."""
        if self.aggregate == "mean":
            return 1
        num_windows = len(windows(self.layout)) if self.part_head else 0
        return num_windows + bool(self.whole_head)

    @property
    def dimensions(self) -> int:
        """Width of the projections."""
        heads = [head for head in (self.whole_head, self.part_head) if head]
        return heads[0].output_shape[-1]

    def call(self, pixels, training=False):
        """Projects pixels as `features` and `project` do, one after the other."""
        return self.project(self.features(pixels, training), training)

    def features(self, pixels: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Features of each window, float32 `[batch, windows, channels]`.

        The first window is the whole product, if it is encoded. Pixels are float32
        `[batch, side, side, 3]` in 0..255.
        """
        features, feature_map = [], None
        if self.whole_head or self.source == "features":
            feature_map = self._feature_map(pixels, training)
        if self.whole_head:
            features.append(
                tf.reduce_mean(feature_map, axis=(1, 2), keepdims=True)[:, 0]
            )
        if self.part_head and self.source == "features":
            features.append(pool_parts(feature_map, self.layout))
        elif self.part_head:
            features.append(self._encode_slices(pixels, training))
        return tf.concat(features, axis=1)

    def project(self, features: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Projects features of windows to float32 `[batch, num_parts, dimensions]`."""
        projections = []
        if self.whole_head:
            whole, features = features[:, :1], features[:, 1:]
            projections.append(apply_to_parts(self.whole_head, whole, training))
        if self.part_head:
            projections.append(apply_to_parts(self.part_head, features, training))
        projections = tf.concat(projections, axis=1)
        if self.aggregate == "none":
            return projections
        units = tf.math.l2_normalize(projections, axis=-1)
        return tf.reduce_mean(units, axis=1, keepdims=True)

    def momentum_copy(self) -> PartEncoder:
        """Makes a copy with weights of its own, in the same order."""
        copy = PartEncoder(
            self.backbone.__class__.from_config(self.backbone.get_config()),
            self.layout,
            self.source,
            whole=self.whole_head is not None,
            parts=self.part_head is not None,
            aggregate=self.aggregate,
            head=self._make_head,
            name="momentum_encoder",
        )
        normalize_together(copy.backbone)
        copy.set_weights(self.get_weights())
        return copy

    def _feature_map(self, pixels: tf.Tensor, training: bool) -> tf.Tensor:
        return tf.cast(self.backbone(pixels, training=training), tf.float32)

    def _encode_slices(self, pixels: tf.Tensor, training: bool) -> tf.Tensor:
        slices = slice_parts(pixels, self.layout)
        _, num_slices, height, width, channels = slices.shape
        flat = tf.reshape(slices, [-1, height, width, channels])
        features = tf.reduce_mean(self._feature_map(flat, training), axis=(1, 2))
        return tf.reshape(features, [-1, num_slices, features.shape[-1]])


def apply_to_parts(head: keras.Model, parts: tf.Tensor, training: bool) -> tf.Tensor:
    """Applies a head to each of `[batch, parts, channels]`: `[batch, parts, width]`."""
    _, num_parts, channels = parts.shape
    flat = head(tf.reshape(parts, [-1, channels]), training=training)
    return tf.reshape(flat, [-1, num_parts, flat.shape[-1]])


class TwoViews(Method):
    """A method that makes two views of each photo and encodes them part by part.

    A subclass says in its objective what is learned from the views. Views that have no
    parts (random crops, whole products) are encoded as a single part.

    Args:
      embedder: The model to train; its backbone is that of the encoder.
      encoder: Model from views to projections of their parts.
      views: Layer, such as `Views`, that makes a random view of each photo.
      part_weights: Weights of the parts in the loss, relative to each other, at least
        0; None for equal weights.
      seed: Seed of the views, at least 0.
      **kwargs: Arguments of `keras.Model`.

    Attributes:
      part_shares: float32 `[parts]`, the weights divided by their sum.
    """

    def __init__(
        self,
        embedder: Embedder,
        encoder: PartEncoder,
        views: keras.layers.Layer,
        part_weights: Sequence[float] | None = None,
        seed: int = 0,
        **kwargs,
    ):
        super().__init__(embedder, seed, **kwargs)
        self.encoder = encoder
        self.views = views
        weights = part_weights or [1.0] * encoder.num_parts
        self.part_shares = np.divide(weights, np.sum(weights), dtype=np.float32)

    @property
    def learned_variables(self):
        """Variables that the optimizer updates: not those of a momentum encoder."""
        return self.encoder.trainable_variables

    def two_views(
        self, images: tf.Tensor, seed: tf.Tensor, rows: Rows | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Makes two views of each photo, float32 `[batch, size, size, 3]` in 0..255.

        Args:
          images: uint8 `[batch, side, side, 3]`.
          seed: int32 `[2]`.
          rows: Rows of the images in a larger batch; None if they are all of it.
        """
        first, second = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
        color = self.embedder.color_in_training
        return (
            self.views(images, first, rows, mode=color),
            self.views(images, second, rows, mode=color),
        )

    def features(self, images, seed, rows=None):
        """Features of both views, float32 `[batch, windows, channels]` each."""
        views = tf.concat(self.two_views(images, seed, rows), axis=0)
        return tuple(tf.split(self.encoder.features(views, training=True), 2))

    def project(self, features: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        """Projects the features of both views, `[batch, windows, channels]` each.

        Returns `[2 * batch, parts, dimensions]`, all first views, then all second.
        """
        return self.encoder.project(tf.concat(features, axis=0), training=True)

    def mean_over_parts(self, losses: tf.Tensor) -> tf.Tensor:
        """Averages losses `[parts, ...]` to a scalar, parts by their weights."""
        means = tf.reduce_mean(tf.reshape(losses, [losses.shape[0], -1]), axis=1)
        return tf.tensordot(self.part_shares, means, axes=1)


def follow(slow: keras.Model, fast: keras.Model, momentum: float | tf.Tensor) -> None:
    """Moves the weights of a slow network to those of a fast one, by `1 - momentum`.

    Statistics of batch normalization are moved, too, so that the slow network needs no
    statistics of its batch (MoCo, arXiv 1911.05722, equation 2; for statistics, EMAN,
    arXiv 2101.08482, equation 4).
    """
    pairs = zip(slow.weights, fast.weights, strict=True)
    # In this form a weight that is not trained stays what it is, to the last bit.
    moved = [weight + (1.0 - momentum) * (target - weight) for weight, target in pairs]
    replicas.assign(slow.weights, moved)


def rising_momentum(base: float, step: tf.Tensor, num_steps: int) -> tf.Tensor:
    """A momentum, a float32 scalar, that rises from `base` to 1 by half a cosine.

    `step` is counted from 0 to `num_steps` (BYOL, arXiv 2006.07733, section 3.3).
    """
    progress = tf.cast(step, tf.float32) / max(num_steps, 1)
    return 1.0 - (1.0 - base) * (tf.cos(math.pi * progress) + 1.0) / 2.0
