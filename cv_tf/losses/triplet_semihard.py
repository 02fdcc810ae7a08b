"""Triplet loss with semi-hard negatives, in O(batch^2) memory."""

from __future__ import annotations

import tensorflow as tf
import tf_keras as keras

from cv_tf.losses.distances import (
    check_distance,
    diagonal,
    integer_labels,
    pairwise_distances,
)


def triplet_semihard_loss(
    labels: tf.Tensor,
    embeddings: tf.Tensor,
    margin: float = 1.0,
    distance: str = "L2",
) -> tf.Tensor:
    """Mean over all (anchor, positive) pairs of the semi-hard triplet's hinge.

    A pair's negative is the closest one that is farther from the anchor than the
    positive is; where there is none, the farthest negative of all:
    `mean(max(margin + d(anchor, positive) - d(anchor, negative), 0))`.

    Value and gradient are those of `tfa.losses.TripletSemiHardLoss`, which compares
    all batch^3 triplets. Here each anchor's negatives are sorted and searched:
    O(batch^2) memory, O(batch^2 log batch) time. Negatives tied at one distance share
    the gradient equally, as in tfa; what tfa then leaks to a positive that is exactly
    as far away as the farthest negative, the negative keeps here. An anchor without a
    negative has one at distance 0, as in tfa. Where tfa's loss is NaN, because no two
    labels agree, this one is 0 with gradient 0.

    Source: Schroff et al., FaceNet, arXiv 1503.03832, section 3.2.

    Args:
      labels: Integer [batch] or [batch, 1].
      embeddings: Float [batch, dim], any precision; L2-normalized, as a rule.
      margin: How much farther than the positive the negative has to be.
      distance: "L2", "squared-L2" or "angular" (one minus the cosine).

    Returns:
      Float32 scalar.

    Raises:
      TypeError: If the labels are not integers.
      ValueError: If `distance` is not one of the three.
    """
    labels = integer_labels(labels)
    same = labels[:, tf.newaxis] == labels[tf.newaxis, :]
    positive = same & ~diagonal(tf.size(labels))

    @tf.custom_gradient
    def mean_hinge(distances):
        # Without stop_gradient an eager tape would keep every table of the mining.
        distances = tf.stop_gradient(distances)
        loss, slope = _mean_hinge(distances, positive, ~same, margin)
        return loss, lambda upstream: upstream * slope

    return mean_hinge(pairwise_distances(embeddings, distance))


@keras.utils.register_keras_serializable(package="cv_tf")
class TripletSemiHardLoss(keras.losses.Loss):
    """`triplet_semihard_loss` as a Keras loss: `y_true` labels, `y_pred` embeddings.

    The loss of a batch is one number, so per-sample weights have no meaning here.

    Args:
      margin: How much farther than the positive the negative has to be.
      distance: "L2", "squared-L2" or "angular" (one minus the cosine).
      reduction: As in every Keras loss.
      name: As in every Keras loss.
    """

    def __init__(
        self,
        margin: float = 1.0,
        distance: str = "L2",
        reduction: str = keras.losses.Reduction.AUTO,
        name: str = "triplet_semihard",
    ):
        super().__init__(reduction=reduction, name=name)
        check_distance(distance)
        self.margin = margin
        self.distance = distance

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        """Labels [batch] or [batch, 1] and embeddings [batch, dim] to a scalar."""
        return triplet_semihard_loss(y_true, y_pred, self.margin, self.distance)

    def get_config(self) -> dict:
        """The arguments of `__init__`."""
        config = {"margin": self.margin, "distance": self.distance}
        return {**super().get_config(), **config}


def _mean_hinge(
    distances: tf.Tensor, positive: tf.Tensor, negative: tf.Tensor, margin: float
) -> tuple[tf.Tensor, tf.Tensor]:
    """The loss from the distances, and its derivative with respect to them.

    The derivative is written out because it is one [batch, batch] table: nothing of
    the mining has to be kept for the backward pass.
    """
    # What is not finite must not enter the sort, whose order a NaN would break.
    negative &= distances < float("inf")
    num_negatives = tf.reduce_sum(tf.cast(negative, tf.int32), axis=1, keepdims=True)
    ranked = tf.sort(tf.where(negative, distances, float("inf")), axis=1)
    num_not_farther = _count_not_above(ranked, distances)

    # Negatives at the same distance stand side by side in `ranked`, `num_tied` of
    # them from `first` to `last` (0 where the column is no negative).
    last = tf.where(negative, num_not_farther - 1, 0)
    num_tied = _take(_count(last, negative), last)
    first = tf.where(negative, num_not_farther - num_tied, 0)
    farthest = tf.reduce_max(first, axis=1, keepdims=True)

    chosen = tf.where(num_not_farther < num_negatives, num_not_farther, farthest)
    semihard = tf.where(num_negatives > 0, _take(ranked, chosen), 0.0)
    violation = margin + distances - semihard
    num_positives = tf.reduce_sum(tf.cast(positive, tf.float32))
    # 0 * distances lets a NaN of any embedding reach the loss.
    hinge = tf.where(positive, tf.maximum(violation, 0.0), 0.0 * distances)
    loss = tf.math.divide_no_nan(tf.reduce_sum(hinge), num_positives)

    active = positive & (violation >= 0.0)
    num_chosen = tf.cast(_take(_count(chosen, active), first), tf.float32)
    push = tf.math.divide_no_nan(num_chosen, tf.cast(num_tied, tf.float32))
    slope = tf.cast(active, tf.float32) - tf.where(negative, push, 0.0)
    slope = tf.math.divide_no_nan(slope, num_positives)
    return loss, slope


def _count_not_above(ranked: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """How many of a row's ranked numbers are <= each value of the row, as int32.

    A binary search; `tf.searchsorted` would do, but XLA compiles that to a comparison
    of everything with everything. Each row has to end with infinity, and does: an
    anchor is no negative of its own.
    """

    def halve(count, length):
        half = length // 2
        passed = _take(ranked, count + half - 1) <= values
        return tf.where(passed, count + half, count), length - half

    # `length` answers are left, from `count` on.
    count, _ = tf.while_loop(
        lambda _, length: length > 1,
        halve,
        (tf.zeros_like(values, tf.int32), tf.shape(ranked)[1]),
    )
    return count


def _take(table: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
    """The row's entries of a [b, b] table at the given columns, int32 [b, b]."""
    return tf.gather(tf.reshape(table, [-1]), _flat(columns))


def _count(columns: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """How often each column, int32 [b, b], occurs in its row under the mask."""
    ones = tf.reshape(tf.cast(mask, tf.int32), [-1])
    flat = tf.reshape(_flat(columns), [-1])
    counts = tf.math.unsorted_segment_sum(ones, flat, tf.size(columns))
    return tf.reshape(counts, tf.shape(columns))


def _flat(columns: tf.Tensor) -> tf.Tensor:
    """Columns, int32 [b, b], as positions in the flattened table."""
    size = tf.shape(columns)[1]
    return columns + size * tf.range(size)[:, tf.newaxis]
