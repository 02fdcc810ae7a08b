"""Supervised contrast: all views of a style together, all others apart."""

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

    On parts, each part is contrasted with the same part.

    Source: Supervised Contrastive Learning, arXiv 2004.11362, section 3.2.

    Args:
      *args: As `TwoViews`.
      temperature: What similarities are divided by.
      **kwargs: As `TwoViews`.
    """

    def __init__(self, *args, temperature: float = 0.1, **kwargs):
        super().__init__(*args, **kwargs)
        self.temperature = temperature

    def objective(self, features, styles):
        """See `Method.objective`; every replica finds the loss of the whole batch."""
        projections = self.project(features)
        losses = sup_con_loss(
            parts_first(replicas.gather(projections)),
            replicas.gather(tf.tile(styles, [2])),
            self.temperature,
        )
        return self.mean_over_parts(losses), projections[: styles.shape[0], 0]
