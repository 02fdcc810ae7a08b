"""NT-Xent: the contrastive loss of SimCLR between two views of a batch."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf
import tf_keras as keras


def info_nce(
    anchors: tf.Tensor,
    candidates: tf.Tensor,
    positives: tf.Tensor,
    temperature: float = 0.1,
    *,
    excluded: tf.Tensor | None = None,
    queue: tf.Tensor | None = None,
) -> tf.Tensor:
    """Cross-entropy of finding each anchor's positive among the candidates.

    The core of every contrastive loss here. Inputs are L2-normalized in float32, so
    similarity is the cosine. Anchors need not be candidates: they may be the local
    rows of a global batch of candidates.

    Source: van den Oord et al., arXiv 1807.03748, equation 4; the queue: He et al.,
    MoCo, arXiv 1911.05722, section 3.2.

    Args:
      anchors: Float [..., n, dim]; leading dimensions are separate problems that
        share `positives` and `excluded`.
      candidates: Float [..., m, dim], the same leading dimensions.
      positives: Int32 [n], the row in `candidates` of each anchor's positive.
      temperature: What similarities are divided by.
      excluded: Bool [n, m], candidates that an anchor is not compared with (itself,
        for one). The positive is kept whatever this says.
      queue: Float [..., k, dim], further negatives of every anchor; a row of zeros is
        an empty place and counts for nothing.

    Returns:
      Float32 [..., n], one loss an anchor.
    """
    anchors, candidates = _unit(anchors), _unit(candidates)
    positives = tf.convert_to_tensor(positives, tf.int32)
    logits = tf.matmul(anchors, candidates, transpose_b=True) / temperature
    if excluded is not None:
        columns = tf.range(tf.shape(excluded)[1])
        excluded &= columns[tf.newaxis, :] != positives[:, tf.newaxis]
        logits = tf.where(excluded, -float("inf"), logits)
    if queue is not None:
        more = tf.matmul(anchors, _unit(queue), transpose_b=True) / temperature
        empty = tf.reduce_all(tf.equal(queue, 0), axis=-1)[..., tf.newaxis, :]
        more = tf.where(empty, -float("inf"), more)
        logits = tf.concat([logits, more], axis=-1)
    return tf.nn.sparse_softmax_cross_entropy_with_logits(
        labels=tf.broadcast_to(positives, tf.shape(logits)[:-1]), logits=logits
    )


def _unit(vectors: tf.Tensor) -> tf.Tensor:
    return tf.math.l2_normalize(tf.cast(vectors, tf.float32), axis=-1)


class WholeBatch(NamedTuple):
    """A batch, some rows of which are at hand; for a batch that is spread.

    Attributes:
      first: Float [..., total, dim], one view of all of its products.
      second: Float [..., total, dim], their other view.
      start: Integer scalar, the row of the first product at hand.
    """

    first: tf.Tensor
    second: tf.Tensor
    start: int | tf.Tensor


def nt_xent_loss(
    first: tf.Tensor,
    second: tf.Tensor,
    temperature: float = 0.1,
    *,
    weights: tf.Tensor | None = None,
    ignore: tf.Tensor | None = None,
) -> tf.Tensor:
    """Mean NT-Xent over the 2 * batch anchors of two views.

    Each view of a product has the other one as its positive, and both views of
    every other product as negatives.

    Source: Chen et al., SimCLR, arXiv 2002.05709, equation 1.

    Args:
      first: Float [batch, dim], one view a product; normalized here.
      second: Float [batch, dim], the other view of the same products.
      temperature: What similarities are divided by.
      weights: Float [batch], how much each product counts in the mean.
      ignore: Bool [batch, batch], pairs of products that are not to be negatives
        of each other, say because they are known to be of one style.

    Returns:
      Float32 scalar.
    """
    losses = nt_xent_per_product(first, second, temperature, ignore=ignore)
    if weights is None:
        return tf.reduce_mean(losses)
    weights = tf.cast(weights, tf.float32)
    return tf.math.divide_no_nan(
        tf.reduce_sum(weights * losses), tf.reduce_sum(weights)
    )


def nt_xent_per_product(
    first: tf.Tensor,
    second: tf.Tensor,
    temperature: float = 0.1,
    *,
    ignore: tf.Tensor | None = None,
    whole: WholeBatch | None = None,
) -> tf.Tensor:
    """NT-Xent of each product, the mean of its two anchors.

    Args:
      first: Float [..., batch, dim]; leading dimensions are separate problems.
      second: Float [..., batch, dim].
      temperature: What similarities are divided by.
      ignore: Bool [batch, total], pairs that are not to be negatives.
      whole: The batch of `total` products whose rows first and second are; None where
        they are all of it. The other products are negatives, too.

    Returns:
      Float32 [..., batch].
    """
    whole = whole or WholeBatch(first, second, 0)
    total = tf.shape(whole.first)[-2]
    products = whole.start + tf.range(tf.shape(first)[-2])
    # Rows among the candidates: all first views, then all second ones.
    own = tf.concat([products, products + total], axis=0)
    other = tf.concat([products + total, products], axis=0)
    excluded = own[:, tf.newaxis] == tf.range(2 * total)
    if ignore is not None:
        excluded |= tf.tile(ignore, [2, 2])
    losses = info_nce(
        anchors=tf.concat([first, second], axis=-2),
        candidates=tf.concat([whole.first, whole.second], axis=-2),
        positives=other,
        temperature=temperature,
        excluded=excluded,
    )
    return 0.5 * tf.add(*tf.split(losses, 2, axis=-1))


@keras.utils.register_keras_serializable(package="cv_tf")
class NTXentLoss(keras.losses.Loss):
    """`nt_xent_loss` as a Keras loss: `y_true` is one view, `y_pred` the other.

    Which is which makes no difference; both get a gradient. Sample weights are
    weights of products, averaged over as Keras does: by their number, where
    `nt_xent_loss` divides by their sum.

    Args:
      temperature: What similarities are divided by.
      reduction: As in every Keras loss.
      name: As in every Keras loss.
    """

    def __init__(
        self,
        temperature: float = 0.1,
        reduction: str = keras.losses.Reduction.AUTO,
        name: str = "nt_xent",
    ):
        super().__init__(reduction=reduction, name=name)
        self.temperature = temperature

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        """Two views, each [batch, dim], to one loss a product, [batch]."""
        return nt_xent_per_product(y_true, y_pred, self.temperature)

    def get_config(self) -> dict:
        """The arguments of `__init__`."""
        return {**super().get_config(), "temperature": self.temperature}
