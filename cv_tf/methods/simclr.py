"""SimCLR; on the fixed parts of products, the part-based contrastive model."""

from __future__ import annotations

import tensorflow as tf

from cv_tf import replicas
from cv_tf.losses import WholeBatch, part_nt_xent_loss
from cv_tf.methods.two_views import TwoViews


class SimCLR(TwoViews):
    """Tells the two views of each product from all other views of the batch.

    1. Make two views of each photo.
    2. Encode and project both by the same network.
    3. Minimize NT-Xent: each view finds the other one of its product.

    With views of whole products that are encoded part by part, each part is contrasted
    with the same part of the other products: collar with collar, hem with hem. That is
    `--method=part_contrast`.

    Source: SimCLR, arXiv 2002.05709, algorithm 1. Fixed parts in place of random crops
    are an idea of arXiv 2104.08581 and 2112.02910; layout, heads, weights and
    temperature are our own.

    Args:
      *args: Arguments of `TwoViews`.
      temperature: Number above 0 that similarities are divided by.
      **kwargs: Arguments of `TwoViews`.
    """

    def __init__(self, *args, temperature: float = 0.1, **kwargs):
        super().__init__(*args, **kwargs)
        self.temperature = temperature

    def objective(self, features, styles):  # noqa: ARG002 (no label is used)
        """See `Method.objective`."""
        first, second = tf.split(self.project(features), 2)
        rows = replicas.my_rows(first.shape[0])
        loss = part_nt_xent_loss(
            first,
            second,
            self.temperature,
            part_weights=self.part_shares,
            whole=rows
            and WholeBatch(replicas.gather(first), replicas.gather(second), rows.first),
        )
        return loss, first[:, 0]
