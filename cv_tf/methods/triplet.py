"""Triplets: a product nearer to those of its style than to others, by a margin."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf
import tf_keras as keras

from cv_tf import replicas
from cv_tf.methods.method import Method
from cv_tf.models import Embedder, fold_norms
from cv_tf.vision import pool_parts


class Triplet(Method):
    """Compares triplets of recolored photos with semi-hard negatives.

    1. Draw P styles and K products of each (`cv_tf.pipeline.StyleOrder`).
    2. Make one view of each photo.
    3. Embed the views. There is no head: descriptors are compared, or else each part
       with the same part of other products.
    4. Minimize the triplet loss over all pairs of the batch.

    Source: FaceNet, arXiv 1503.03832, sections 3.1 and 3.2.

    Args:
      embedder: The model to train.
      views: Layer, such as `Views`, that makes a random view of each photo.
      loss: Function from styles `[batch]` and embeddings, float32, to a scalar.
      by_part: Whether each of the Embedder's parts has triplets of its own.
      seed: Seed of the views, at least 0.
      **kwargs: Arguments of `keras.Model`.
    """

    def __init__(
        self,
        embedder: Embedder,
        views: keras.layers.Layer,
        loss: Callable[[tf.Tensor, tf.Tensor], tf.Tensor],
        by_part: bool = False,
        seed: int = 0,
        **kwargs,
    ):
        super().__init__(embedder, seed, **kwargs)
        self.network = fold_norms(embedder.backbone, in_training=True)
        self.views = views
        self.triplet_loss = loss
        self.by_part = by_part

    def features(self, images, seed, rows=None):
        """Descriptors `[batch, dimensions]`, and parts `[batch, parts, channels]`."""
        color = self.embedder.color_in_training
        pixels = self.views(images, seed, rows, mode=color)
        features = tf.cast(self.network(pixels, training=True), tf.float32)
        embeddings = self.embedder.pool(features)
        if not self.by_part:
            return (embeddings,)
        parts = pool_parts(features, self.embedder.parts)
        return embeddings, tf.math.l2_normalize(parts, axis=-1)

    def objective(self, features, styles):
        """See `Method.objective`; each replica computes the loss of the whole batch."""
        styles = replicas.gather(styles)
        if not self.by_part:
            (embeddings,) = features
            return self.triplet_loss(styles, replicas.gather(embeddings)), embeddings
        embeddings, parts = features
        parts = tf.unstack(replicas.gather(parts), axis=1)
        losses = [self.triplet_loss(styles, part) for part in parts]
        return tf.add_n(losses) / len(losses), embeddings
