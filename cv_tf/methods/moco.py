"""MoCo v2: a momentum encoder and a queue of negatives."""

from __future__ import annotations

import tensorflow as tf

from cv_tf import replicas
from cv_tf.losses import info_nce, parts_first
from cv_tf.methods.two_views import TwoViews, follow


class MoCo(TwoViews):
    """Tells the key of each query from the keys of past batches.

    1. Make two views of each photo.
    2. Encode and project the first by the network (queries), the second by the momentum
       encoder (keys).
    3. Minimize InfoNCE: each query finds its own key among the keys of the queue.
    4. Move the momentum encoder towards the network, and put the keys into the queue in
       place of the oldest.

    With parts, each part has a queue of its own. If parts are aggregated, the queue
    holds the combined embeddings of products, as in the paper of the part-based model.

    The momentum encoder normalizes by statistics that follow those of the network,
    never by those of its batch. So keys do not tell which of them share a batch, and
    batches need not be shuffled (EMAN, arXiv 2101.08482).

    Source: MoCo, arXiv 1911.05722, algorithm 1; v2, arXiv 2003.04297, has a projection
    with a hidden layer and stronger views.

    Args:
      *args: Arguments of `TwoViews`.
      temperature: Number above 0 that similarities are divided by.
      momentum: Momentum of the momentum encoder, 0 to 1.
      queue_size: Number of past keys of each part, a multiple of the batch size.
      **kwargs: Arguments of `TwoViews`.
    """

    def __init__(
        self,
        *args,
        temperature: float = 0.1,
        momentum: float = 0.99,
        queue_size: int = 1024,
        **kwargs,
    ):
        super().__init__(*args, **kwargs)
        self.temperature = temperature
        self.momentum = momentum
        self.momentum_encoder = self.encoder.momentum_copy()
        # Rows of zeros are empty places, which `info_nce` leaves out.
        shape = [self.encoder.num_parts, queue_size, self.encoder.dimensions]
        self.queue = tf.Variable(tf.zeros(shape), trainable=False, name="queue")

    def features(self, images, seed, rows=None):
        """Features of the first view; those of the second by the momentum encoder."""
        first, second = self.two_views(images, seed, rows)
        keys = self.momentum_encoder.features(second, training=False)
        return self.encoder.features(first, training=True), tf.stop_gradient(keys)

    def objective(self, features, styles):  # noqa: ARG002 (no label is used)
        """See `Method.objective`."""
        projections = self.encoder.project(features[0], training=True)
        queries = parts_first(projections)
        keys = parts_first(self.momentum_encoder.project(features[1], training=False))
        keys = tf.stop_gradient(keys)
        own = tf.range(keys.shape[1])
        losses = info_nce(
            queries,
            keys,
            positives=own,
            temperature=self.temperature,
            # Keys of the same batch are no negatives, as in the paper.
            excluded=own[:, tf.newaxis] != own,
            queue=self.queue,
        )
        # Keys of all replicas, so that all replicas have the same queue.
        newest_first = tf.concat([replicas.gather(keys, axis=1), self.queue], axis=1)
        replicas.assign([self.queue], [newest_first[:, : self.queue.shape[1]]])
        return self.mean_over_parts(losses), projections[:, 0]

    def after_update(self):
        """Moves the momentum encoder towards the network."""
        follow(self.momentum_encoder, self.encoder, self.momentum)
