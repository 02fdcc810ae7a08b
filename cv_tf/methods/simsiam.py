"""SimSiam: predict the other view's projection, without a momentum encoder."""

from __future__ import annotations

import tensorflow as tf
import tf_keras as keras

from cv_tf.methods.two_views import TwoViews, apply_to_parts


class SimSiam(TwoViews):
    """Predicts, from one view, the projection of the other, which gets no gradient.

    1. Make two views of each photo.
    2. Encode and project both by the network, and predict from the projections.
    3. Minimize the negative cosine of each prediction and the other view's projection,
       through which no gradient flows. Without that stop the embeddings collapse.

    With parts, each part of one view predicts the same part of the other view. Heads
    normalize over both views at once.

    Source: SimSiam, arXiv 2011.10566, section 3 and algorithm 1.

    Args:
      *args: Arguments of `TwoViews`.
      predictor: Model from projections `[n, dimensions]` to predictions of that shape.
      **kwargs: Arguments of `TwoViews`.
    """

    def __init__(self, *args, predictor: keras.Model, **kwargs):
        super().__init__(*args, **kwargs)
        self.predictor = predictor

    @property
    def learned_variables(self):
        """Variables that the optimizer updates."""
        return self.encoder.trainable_variables + self.predictor.trainable_variables

    @property
    def constant_rate_variables(self):
        """Variables of the predictor, which has to keep up (section 4.2)."""
        return self.predictor.trainable_variables

    def objective(self, features, styles):  # noqa: ARG002 (no label is used)
        """See `Method.objective`."""
        projections = self.project(features)
        predictions = apply_to_parts(self.predictor, projections, training=True)
        first, second = tf.split(tf.stop_gradient(projections), 2)
        # In the other order: each view predicts the other one.
        targets = tf.concat([second, first], axis=0)
        negative_cosines = keras.losses.cosine_similarity(targets, predictions)
        loss = self.mean_over_parts(tf.transpose(negative_cosines))
        return loss, first[:, 0]
