"""What the methods with two views of each photo share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf
import tf_keras as keras

from cv_tf.methods.method import Method
from cv_tf.methods.part_encoder import PartEncoder
from cv_tf.models import Embedder
from cv_tf.vision import color_input
from cv_tf.vision.random import Rows


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
        """What the optimizer updates: what has a gradient, so no momentum twin."""
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
