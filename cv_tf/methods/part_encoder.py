"""From a view to the projections of its fixed parts."""

from __future__ import annotations

import tensorflow as tf
import tf_keras as keras

from cv_tf import choices
from cv_tf.models import projection_head
from cv_tf.vision import pool_parts, slice_parts, windows


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
      dimensions: Width of the projections.
      hidden: Width of the heads' hidden layers; 0 for none.

    Raises:
      ValueError: If the source is unknown, or there is neither whole nor parts.
    """

    def __init__(
        self,
        backbone: keras.Model,
        layout: str = "symmetric_7x7",
        source: str = "features",
        whole: bool = True,
        parts: bool = True,
        dimensions: int = 128,
        hidden: int = 512,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if not (whole or parts):
            raise ValueError("An encoder of neither the whole nor parts has no output.")
        if source not in choices.PARTS_FROM:
            raise ValueError(
                f"Parts cannot come from '{source}'; choose one of: "
                f"{', '.join(choices.PARTS_FROM)}."
            )
        self.backbone = backbone
        self.layout = layout
        self.source = source
        self.dimensions = dimensions
        self.hidden = hidden
        channels = backbone.output_shape[-1]
        self.whole_head = self.part_head = None
        if whole:
            self.whole_head = projection_head(channels, dimensions, hidden, "whole")
        if parts:
            self.part_head = projection_head(channels, dimensions, hidden, "parts")

    @property
    def num_parts(self) -> int:
        """How many projections come out, the whole among them."""
        num_windows = len(windows(self.layout)) if self.part_head else 0
        return num_windows + bool(self.whole_head)

    def call(self, pixels, training=False):
        """`[batch, side, side, 3]` in 0..255 to `[batch, num_parts, dimensions]`."""
        projections = []
        features = None
        if self.whole_head or self.source == "features":
            features = self._features(pixels, training)
        if self.whole_head:
            whole = self.whole_head(tf.reduce_mean(features, axis=(1, 2)))
            projections.append(whole[:, tf.newaxis])
        if self.part_head:
            if self.source == "features":
                parts = pool_parts(features, self.layout)
            else:
                parts = self._encode_slices(pixels, training)
            projections.append(self._project(parts))
        return tf.concat(projections, axis=1)

    def twin(self) -> PartEncoder:
        """A copy with weights of its own, in the same order."""
        copy = PartEncoder(
            self.backbone.__class__.from_config(self.backbone.get_config()),
            self.layout,
            self.source,
            whole=self.whole_head is not None,
            parts=self.part_head is not None,
            dimensions=self.dimensions,
            hidden=self.hidden,
            name="twin",
        )
        copy.set_weights(self.get_weights())
        return copy

    def _project(self, parts: tf.Tensor) -> tf.Tensor:
        _, num_parts, channels = parts.shape
        projections = self.part_head(tf.reshape(parts, [-1, channels]))
        return tf.reshape(projections, [-1, num_parts, self.dimensions])

    def _features(self, pixels: tf.Tensor, training: bool) -> tf.Tensor:
        return tf.cast(self.backbone(pixels, training=training), tf.float32)

    def _encode_slices(self, pixels: tf.Tensor, training: bool) -> tf.Tensor:
        slices = slice_parts(pixels, self.layout)
        _, num_slices, height, width, channels = slices.shape
        flat = tf.reshape(slices, [-1, height, width, channels])
        features = tf.reduce_mean(self._features(flat, training), axis=(1, 2))
        return tf.reshape(features, [-1, num_slices, features.shape[-1]])
