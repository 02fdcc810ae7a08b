"""The self-supervised method: fixed parts of a product against their own kind."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf
import tf_keras as keras

from cv_tf.methods.method import Method
from cv_tf.methods.part_encoder import PartEncoder
from cv_tf.models import Embedder
from cv_tf.vision import color_input


class PartContrast(Method):
    """Contrasts the parts of two recolored views of each product.

    1. Make two views of each photo: recolored, hardly moved.
    2. Encode each view into the projections of its fixed parts, the whole among them.
    3. Contrast each part with the same part of the other products (NT-Xent).

    With a momentum twin the second view is encoded by a slowly following copy of the
    network, and the twin's past projections are further negatives (MoCo).

    Source: the idea of fixed parts in place of random crops is that of arXiv
    2104.08581 and 2112.02910; layout, heads, weights and temperature are our own.

    Args:
      embedder: What is trained; the encoder's backbone is its own.
      encoder: From views to the parts' projections.
      views: A layer `(images, seed)` that changes photos.
      loss: From the projections of both views, `[batch, parts, dimensions]` each, and
        a `queue` of further negatives, `[parts, queue_size, dimensions]` or None, to
        a scalar; see `cv_tf.losses.part_nt_xent_loss`.
      momentum: Of the twin; 0 for none.
      queue_size: Past projections a part that are kept; a multiple of the batch.
      seed: Of the views.
    """

    def __init__(
        self,
        embedder: Embedder,
        encoder: PartEncoder,
        views: keras.layers.Layer,
        loss: Callable[..., tf.Tensor],
        momentum: float = 0.0,
        queue_size: int = 0,
        seed: int = 0,
        **kwargs,
    ):
        super().__init__(embedder, seed, **kwargs)
        self.encoder = encoder
        self.views = views
        self.contrast = loss
        self.momentum = momentum
        self.twin = encoder.twin() if momentum else None
        self.queue = None
        if queue_size:
            # Rows of zeros are empty places and count for nothing.
            shape = [encoder.num_parts, queue_size, encoder.dimensions]
            self.queue = tf.Variable(tf.zeros(shape), trainable=False, name="queue")

    @property
    def learned_variables(self):
        """What the optimizer updates: not the twin."""
        return self.encoder.trainable_variables

    def objective(self, images, styles, seed):  # noqa: ARG002 (no label is used)
        """See `Method.objective`."""
        seeds = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
        color = self.embedder.color_in_training
        first, second = (color_input(self.views(images, seed), color) for seed in seeds)
        if self.twin is None:
            both = self.encoder(tf.concat([first, second], axis=0), training=True)
            first, second = tf.split(both, 2)
            return self.contrast(first, second), first[:, 0]
        first = self.encoder(first, training=True)
        second = tf.stop_gradient(self.twin(second, training=False))
        loss = self.contrast(first, second, queue=self.queue)
        self._enqueue(second)
        return loss, first[:, 0]

    def after_update(self):
        """Moves the twin towards the encoder."""
        if self.twin is None:
            return
        pairs = zip(self.twin.weights, self.encoder.weights, strict=True)
        for slow, fast in pairs:
            slow.assign(self.momentum * slow + (1.0 - self.momentum) * fast)

    def _enqueue(self, projections: tf.Tensor) -> None:
        """Puts the newest projections first and drops the oldest."""
        if self.queue is None:
            return
        size = self.queue.shape[1]
        newest = tf.transpose(projections, [1, 0, 2])
        self.queue.assign(tf.concat([newest, self.queue], axis=1)[:, :size])
