"""BYOL: predict the momentum encoder's projection of the other view."""

from __future__ import annotations

import tensorflow as tf
import tf_keras as keras

from cv_tf.methods.two_views import TwoViews, apply_to_parts, follow, rising_momentum


class BYOL(TwoViews):
    """Predicts the momentum encoder's projection of one view from the other view.

    1. Make two views of each photo.
    2. Encode and project both by the network, and predict from the projections.
    3. Encode and project both by the momentum encoder: targets without a gradient.
    4. Minimize the squared distance of each unit prediction to the other view's target.
    5. Move the momentum encoder towards the network, by ever smaller steps.

    With parts, each part of one view predicts the same part of the other view. Heads
    normalize over both views at once.

    Source: BYOL, arXiv 2006.07733, section 3 and algorithm 1.

    Args:
      *args: Arguments of `TwoViews`.
      predictor: Model from projections `[n, dimensions]` to predictions of that shape.
      num_steps: Steps of the whole training, at whose end the momentum is 1.
      momentum: Momentum of the momentum encoder at the first step, 0 to 1.
      **kwargs: Arguments of `TwoViews`.
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
        """Variables that the optimizer updates: not the momentum encoder's."""
        return self.encoder.trainable_variables + self.predictor.trainable_variables

    def features(self, images, seed, rows=None):
        """Features of both views, by the network and by the momentum encoder."""
        views = tf.concat(self.two_views(images, seed, rows), axis=0)
        targets = tf.stop_gradient(self.momentum_encoder.features(views, training=True))
        online = self.encoder.features(views, training=True)
        return (*tf.split(online, 2), *tf.split(targets, 2))

    def objective(self, features, styles):  # noqa: ARG002 (no label is used)
        """See `Method.objective`."""
        first, second, first_target, second_target = features
        projections = self.project((first, second))
        predictions = apply_to_parts(self.predictor, projections, training=True)
        # In the other order: each view predicts the other one.
        targets = tf.concat([second_target, first_target], axis=0)
        targets = tf.stop_gradient(
            self.momentum_encoder.project(targets, training=True)
        )
        # The squared distance of unit vectors.
        distances = 2.0 + 2.0 * keras.losses.cosine_similarity(targets, predictions)
        # The losses of both directions are summed (equation 2), not averaged.
        loss = 2.0 * self.mean_over_parts(tf.transpose(distances))
        return loss, projections[: first.shape[0], 0]

    def after_update(self):
        """Moves the momentum encoder towards the network."""
        momentum = rising_momentum(self.momentum, self.step, self.num_steps)
        follow(self.momentum_encoder, self.encoder, momentum)
