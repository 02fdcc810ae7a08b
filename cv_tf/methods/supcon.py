"""Supervised contrast: all views of a style are positives of each other."""

from __future__ import annotations

import tensorflow as tf

from cv_tf import replicas
from cv_tf.losses import parts_first, sup_con_loss
from cv_tf.methods.two_views import TwoViews


class SupCon(TwoViews):
    """Tells the views of each style from those of all others.

    1. Draw P styles and K products of each (`cv_tf.pipeline.StyleOrder`).
    2. Make two views of each photo; encode and project both.
    3. Minimize the supervised contrastive loss: each view finds all views of its style.

    With parts, each part is contrasted with the same part of other products.

    Source: Supervised Contrastive Learning, arXiv 2004.11362, section 3.2.

    Args:
      *args: Arguments of `TwoViews`.
      temperature: Number above 0 that similarities are divided by.
      **kwargs: Arguments of `TwoViews`.
    """

    def __init__(self, *args, temperature: float = 0.1, **kwargs):
        super().__init__(*args, **kwargs)
        self.temperature = temperature

    def objective(self, features, styles):
        """See `Method.objective`; each replica computes the loss of the whole batch."""
        projections = self.project(features)
        losses = sup_con_loss(
            parts_first(replicas.gather(projections)),
            replicas.gather(tf.tile(styles, [2])),
            self.temperature,
        )
        return self.mean_over_parts(losses), projections[: styles.shape[0], 0]
