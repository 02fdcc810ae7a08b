"""What the methods with two views of each photo share."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf
import tf_keras as keras

from cv_tf import choices
from cv_tf.methods.method import Method
from cv_tf.models import Embedder, normalize_together, projection_head
from cv_tf.vision import Rows, color_input, pool_parts, slice_parts, windows


class PartEncoder(keras.Model):
    """A backbone with one projection for the whole and one shared by the parts.

    The whole product counts as the part number 0.

    Args:
      backbone: From pixels to a feature map.
      layout: Of the parts, see `cv_tf.vision.LAYOUTS`.
      source: "features" averages the windows of the feature map, one pass for all;
        "pixels" cuts the windows from the view and encodes each by itself, a pass a
        part.
      whole: Whether the whole is one of the parts.
      parts: Whether there are others.
      aggregate: "none" to give the projection of each part, "mean" to make one of
        them: the mean of their unit vectors.
      head: From the number of channels and a name to a projection.

    Raises:
      ValueError: If the source or the aggregate is unknown, or there is neither whole
        nor parts.
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
            raise ValueError("An encoder of neither the whole nor parts has no output.")
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
        """How many projections come out, the whole among them."""
        if self.aggregate == "mean":
            return 1
        num_windows = len(windows(self.layout)) if self.part_head else 0
        return num_windows + bool(self.whole_head)

    @property
    def dimensions(self) -> int:
        """Width of the projections."""
        return (self.part_head or self.whole_head).output_shape[-1]

    def call(self, pixels, training=False):
        """`[batch, side, side, 3]` in 0..255 to `[batch, num_parts, dimensions]`."""
        return self.project(self.features(pixels, training), training)

    def features(self, pixels: tf.Tensor, training: bool = False) -> tf.Tensor:
        """The backbone's part: pixels to float32 `[batch, windows, channels]`.

        The whole, where it is one of the parts, has the first of the windows.
        """
        features = []
        feature_map = None
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
        """The heads' part: features to float32 `[batch, num_parts, dimensions]`."""
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
        """A copy with weights of its own, in the same order."""
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
    """Applies a head to each part: `[batch, parts, channels]` to `[..., width]`."""
    _, num_parts, channels = parts.shape
    flat = head(tf.reshape(parts, [-1, channels]), training=training)
    return tf.reshape(flat, [-1, num_parts, flat.shape[-1]])


class TwoViews(Method):
    """Two views of each photo, encoded part by part.

    What a view is (a random crop, the whole product) and what its parts are is given;
    a subclass says what is learned from them. Random crops and whole products are
    encoded as one part.

    Args:
      embedder: What is trained; the encoder's backbone is its own.
      encoder: From views to the parts' projections.
      views: A layer `(images, seed, rows)` that changes photos.
      part_weights: How much each part counts, relative to the others; None for all
        the same.
      seed: Of the views.
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
        """What the optimizer updates: what has a gradient, so no momentum encoder."""
        return self.encoder.trainable_variables

    def two_views(
        self, images: tf.Tensor, seed: tf.Tensor, rows: Rows | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Two views of each photo, float32 `[batch, side, side, 3]` in 0..255."""
        first, second = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
        color = self.embedder.color_in_training
        return (
            color_input(self.views(images, first, rows), color),
            color_input(self.views(images, second, rows), color),
        )

    def features(self, images, seed, rows=None):
        """Of both views by the network, float32 `[batch, windows, channels]` each."""
        views = tf.concat(self.two_views(images, seed, rows), axis=0)
        return tuple(tf.split(self.encoder.features(views, training=True), 2))

    def project(self, features: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        """Both views' projections, one after the other.

        Args:
          features: Of the two views.

        Returns:
          float32 `[2 * batch, parts, dimensions]`.
        """
        return self.encoder.project(tf.concat(features, axis=0), training=True)

    def mean_over_parts(self, losses: tf.Tensor) -> tf.Tensor:
        """Losses `[parts, ...]` to one number: the parts' means, by their weights."""
        means = tf.reduce_mean(tf.reshape(losses, [losses.shape[0], -1]), axis=1)
        return tf.tensordot(self.part_shares, means, axes=1)
