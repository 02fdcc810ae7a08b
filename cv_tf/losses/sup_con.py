"""Supervised contrastive loss: embeddings that share a label are positives."""

from __future__ import annotations

import tensorflow as tf
import tf_keras as keras

from cv_tf.losses.distances import TemperatureLoss, diagonal, integer_labels


def sup_con_loss(
    embeddings: tf.Tensor, labels: tf.Tensor, temperature: float = 0.1
) -> tf.Tensor:
    """Mean of `sup_con_per_anchor` over the anchors that have a positive.

    It is float32 [...], a scalar for [n, dim]; 0 with gradient 0 if no labels agree.

    Args:
      embeddings: Float [..., n, dim]; leading dimensions are separate problems.
      labels: Integer [n] or [n, 1]; negative labels are unknown.
      temperature: Divisor of the similarities, above 0.

    Raises:
      TypeError: If the labels are not integers.

    Example:
      >>> sup_con_loss(tf.random.normal([4, 16]), labels=[0, 0, 1, 1]).shape
      TensorShape([])
    """
    losses = sup_con_per_anchor(embeddings, labels, temperature)
    has_positive = tf.reduce_any(_positives(integer_labels(labels)), axis=-1)
    num_anchors = tf.reduce_sum(tf.cast(has_positive, tf.float32))
    return tf.math.divide_no_nan(tf.reduce_sum(losses, axis=-1), num_anchors)


def sup_con_per_anchor(
    embeddings: tf.Tensor, labels: tf.Tensor, temperature: float = 0.1
) -> tf.Tensor:
    """Cross-entropy of finding an anchor's positives, float32 [..., n].

    Every other embedding of the anchor's label is a positive; the loss is the mean over
    them, 0 if there is none. Each positive is to be found among all other embeddings,
    including the other positives. If each label occurs twice, this is NT-Xent. The
    embeddings are L2-normalized in float32. One of unknown label is only a negative.

    Source: Khosla et al., arXiv 2004.11362, equation 2 (L_out).

    Args:
      embeddings: Float [..., n, dim]; leading dimensions are separate problems that
        share the labels, such as the parts of n products.
      labels: Integer [n] or [n, 1]; negative labels are unknown.
      temperature: Divisor of the similarities, above 0.

    Raises:
      TypeError: If the labels are not integers.
    """
    labels = integer_labels(labels)
    positive = _positives(labels)
    embeddings = tf.math.l2_normalize(tf.cast(embeddings, tf.float32), axis=-1)
    logits = tf.matmul(embeddings, embeddings, transpose_b=True) / temperature
    logits = tf.where(diagonal(tf.size(labels)), -float("inf"), logits)
    # Not a product with a mask: on the diagonal 0 * inf would be NaN.
    losses = tf.where(positive, -tf.nn.log_softmax(logits, axis=-1), 0.0)
    num_positives = tf.reduce_sum(tf.cast(positive, tf.float32), axis=-1)
    return tf.math.divide_no_nan(tf.reduce_sum(losses, axis=-1), num_positives)


@keras.utils.register_keras_serializable(package="cv_tf")
class SupConLoss(TemperatureLoss):
    """`sup_con_loss` as a Keras loss: `y_true` labels, `y_pred` embeddings.

    The loss of a batch is one number, so sample weights are not supported.

    Args:
      temperature: Divisor of the similarities, above 0.
      reduction: Reduction, see `keras.losses.Loss`.
      name: Name of the loss.

    Example:
      >>> SupConLoss(temperature=0.2)([0, 0, 1, 1], tf.random.normal([4, 16])).shape
      TensorShape([])
    """

    default_name = "sup_con"

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        """Labels [batch] or [batch, 1] and embeddings [batch, dim] to a scalar."""
        return sup_con_loss(y_pred, y_true, self.temperature)


def _positives(labels: tf.Tensor) -> tf.Tensor:
    """Bool [n, n], true for different embeddings that share a known label."""
    same = labels[:, tf.newaxis] == labels[tf.newaxis, :]
    known = labels[:, tf.newaxis] >= 0
    return same & known & ~diagonal(tf.size(labels))
