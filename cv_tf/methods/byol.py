"""BYOL: predict what a momentum encoder makes of the other view."""

from __future__ import annotations

import tensorflow as tf
import tf_keras as keras

from cv_tf.methods.momentum import follow, rising_momentum
from cv_tf.methods.two_views import TwoViews, apply_to_parts


class BYOL(TwoViews):
    """Predicts the momentum encoder's projection of one view from the other view.

    1. Make two views of each photo.
    2. Encode and project both by the network, and predict from the projections.
    3. Encode and project both by the momentum encoder: the targets, which get no
       gradient.
    4. Minimize the squared distance of each unit prediction to the other view's unit
       target.
    5. Let the momentum encoder follow the network, ever more slowly.

    On parts, the prediction is that of the same part. Normalization of the heads is
    over both views at once.

    Source: BYOL, arXiv 2006.07733, section 3 and algorithm 1.

    Args:
      *args: As `TwoViews`.
      predictor: From projections to predictions of the same width.
      num_steps: Of the whole training, at whose end the momentum is 1.
      momentum: Of the momentum encoder at the beginning.
      **kwargs: As `TwoViews`.
    """

    def __init__(
        self,
        *args,
        predictor: keras.Model,
        num_steps: int,
        momentum: float = 0.99,
        **kwargs,
    ):
        super().__init__(*args, **kwargs)
        self.predictor = predictor
        self.num_steps = num_steps
        self.momentum = momentum
        self.momentum_encoder = self.encoder.momentum_copy()

    @property
    def learned_variables(self):
        """What the optimizer updates: not the momentum encoder."""
        return self.encoder.trainable_variables + self.predictor.trainable_variables

    def features(self, images, seed, rows=None):
        """Of both views, by the network and by its momentum encoder."""
        views = tf.concat(self.two_views(images, seed, rows), axis=0)
        targets = tf.stop_gradient(self.momentum_encoder.features(views, training=True))
        own = self.encoder.features(views, training=True)
        return (*tf.split(own, 2), *tf.split(targets, 2))

    def objective(self, features, styles):  # noqa: ARG002 (no label is used)
        """See `Method.objective`."""
        first, second, first_target, second_target = features
        projections = self.project((first, second))
        predictions = apply_to_parts(self.predictor, projections, training=True)
        # In the other order: each view is to predict the other one.
        targets = tf.concat([second_target, first_target], axis=0)
        targets = tf.stop_gradient(
            self.momentum_encoder.project(targets, training=True)
        )
        # Of unit vectors, that is the squared distance.
        distances = 2.0 + 2.0 * keras.losses.cosine_similarity(targets, predictions)
        # Both directions are summed (equation 2), not averaged.
        loss = 2.0 * self.mean_over_parts(tf.transpose(distances))
        return loss, projections[: first.shape[0], 0]

    def after_update(self):
        """Moves the momentum encoder towards the network."""
        momentum = rising_momentum(self.momentum, self.step, self.num_steps)
        follow(self.momentum_encoder, self.encoder, momentum)
