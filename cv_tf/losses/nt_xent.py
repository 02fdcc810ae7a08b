"""NT-Xent: the contrastive loss of SimCLR between two views of a batch."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf
import tf_keras as keras

from cv_tf.losses.distances import TemperatureLoss


def info_nce(
    anchors: tf.Tensor,
    candidates: tf.Tensor,
    positives: tf.Tensor,
    temperature: float = 0.1,
    *,
    excluded: tf.Tensor | None = None,
    queue: tf.Tensor | None = None,
) -> tf.Tensor:
    """Cross-entropy, float32 [..., n], of finding each anchor's positive.

    The embeddings are L2-normalized in float32, so similarity is the cosine. Anchors
    need not be candidates: they may be the local rows of a global batch of candidates.

    Source: van den Oord et al., arXiv 1807.03748, equation 4; the queue: He et al.,
    MoCo, arXiv 1911.05722, section 3.2.

    Args:
      anchors: Float [..., n, dim]; leading dimensions are separate problems.
      candidates: Float [..., m, dim], the same leading dimensions.
      positives: Int32 [n], the row in `candidates` of each anchor's positive.
      temperature: Divisor of the similarities, above 0.
      excluded: Bool [n, m], true for candidates that an anchor is not compared with,
        such as itself. The positive is always kept.
      queue: Float [..., k, dim], more negatives of all anchors; empty rows are zeros.

    Example:
      >>> queries, keys = tf.eye(2), tf.eye(2)
      >>> info_nce(queries, keys, positives=[0, 1], temperature=1.0).shape
      TensorShape([2])
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
    """Both views of a whole batch that is split over several replicas.

    Attributes:
      first: Float [..., total, dim], the first view of all products of the batch.
      second: Float [..., total, dim], the second view of the same products.
      start: Integer scalar, row in the batch of this replica's first product.
    """

    first: tf.Tensor
    second: tf.Tensor
    start: int | tf.Tensor


def nt_xent_loss(
    first: tf.Tensor, second: tf.Tensor, temperature: float = 0.1
) -> tf.Tensor:
    """Mean NT-Xent over the 2 * batch anchors of two views, a float32 scalar.

    The positive of a view is the other view of the same product; both views of every
    other product are negatives (Chen et al., SimCLR, arXiv 2002.05709, equation 1).

    Args:
      first: Float [batch, dim], one view a product; normalized here.
      second: Float [batch, dim], the other view of the same products.
      temperature: Divisor of the similarities, above 0.

    Example:
      >>> first, second = tf.random.normal([2, 8, 16])
      >>> nt_xent_loss(first, second, temperature=0.2).shape
      TensorShape([])
    """
    return tf.reduce_mean(nt_xent_per_product(first, second, temperature))


def nt_xent_per_product(
    first: tf.Tensor,
    second: tf.Tensor,
    temperature: float = 0.1,
    *,
    whole: WholeBatch | None = None,
) -> tf.Tensor:
    """NT-Xent of each product, float32 [..., batch]: the mean of its two views' losses.

    Args:
      first: Float [..., batch, dim]; leading dimensions are separate problems.
      second: Float [..., batch, dim].
      temperature: Divisor of the similarities, above 0.
      whole: The whole batch if `first` and `second` are some rows of it; its other
        products are negatives, too. None if they are all rows.
    """
    whole = whole or WholeBatch(first, second, 0)
    total = tf.shape(whole.first)[-2]
    products = whole.start + tf.range(tf.shape(first)[-2])
    # Rows of the candidates, which are all first views and then all second ones.
    own = tf.concat([products, products + total], axis=0)
    other = tf.concat([products + total, products], axis=0)
    losses = info_nce(
        anchors=tf.concat([first, second], axis=-2),
        candidates=tf.concat([whole.first, whole.second], axis=-2),
        positives=other,
        temperature=temperature,
        excluded=own[:, tf.newaxis] == tf.range(2 * total),
    )
    return 0.5 * tf.add(*tf.split(losses, 2, axis=-1))


@keras.utils.register_keras_serializable(package="cv_tf")
class NTXentLoss(TemperatureLoss):
    """`nt_xent_loss` as a Keras loss: `y_true` is one view, `y_pred` the other.

    Both views get a gradient, in any order. Sample weights are those of products.

    Args:
      temperature: Divisor of the similarities, above 0.
      reduction: Reduction of the losses of the products, see `keras.losses.Loss`.
      name: Name of the loss.

    Example:
      >>> first, second = tf.random.normal([2, 8, 16])
      >>> NTXentLoss(temperature=0.2)(first, second).shape
      TensorShape([])
    """

    default_name = "nt_xent"

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        """Two views, each [batch, dim], to one loss a product, [batch]."""
        return nt_xent_per_product(y_true, y_pred, self.temperature)
