"""Triplet loss with semi-hard negatives, in O(batch^2) memory."""

from __future__ import annotations

import tensorflow as tf
import tf_keras as keras

from cv_tf import choices
from cv_tf.losses.distances import diagonal, integer_labels, pairwise_distances


def triplet_semihard_loss(
    labels: tf.Tensor, embeddings: tf.Tensor, margin: float = 1.0, distance: str = "L2"
) -> tf.Tensor:
    """Mean over all (anchor, positive) pairs of the semi-hard triplet's hinge.

    The negative of a pair is the closest one that is farther from the anchor than the
    positive is or, if there is none, the farthest negative:
    `mean(max(margin + d(anchor, positive) - d(anchor, negative), 0))`, float32.

    Value and gradient are those of `tfa.losses.TripletSemiHardLoss`, which compares all
    batch^3 triplets. Here the negatives of each anchor are sorted and searched, in
    O(batch^2) memory and O(batch^2 log batch) time. Negatives at the same distance
    share the gradient equally, as in tfa, and an anchor without a negative has one at
    distance 0, as in tfa. There are two differences: a positive exactly as far away as
    the farthest negative gets no share of the negative's gradient; and if no two labels
    agree, this loss is 0 with gradient 0, where tfa's is NaN.

    Source: Schroff et al., FaceNet, arXiv 1503.03832, section 3.2.

    Args:
      labels: Integer [batch] or [batch, 1].
      embeddings: Float [batch, dim], usually L2-normalized.
      margin: Distance by which the negative should be farther than the positive.
      distance: "L2", "squared-L2" or "angular" (one minus the cosine).

    Raises:
      TypeError: If the labels are not integers.
      ValueError: If the distance is unknown.

    Example:
      >>> embeddings = tf.random.normal([4, 16])
      >>> triplet_semihard_loss([0, 0, 1, 1], embeddings, distance="angular").shape
      TensorShape([])
    """
    labels = integer_labels(labels)
    same = labels[:, tf.newaxis] == labels[tf.newaxis, :]
    positive = same & ~diagonal(tf.size(labels))

    @tf.custom_gradient
    def mean_hinge(distances):
        # Without stop_gradient, an eager tape keeps every intermediate table.
        distances = tf.stop_gradient(distances)
        loss, slope = _mean_hinge(distances, positive, ~same, margin)
        return loss, lambda upstream: upstream * slope

    return mean_hinge(pairwise_distances(embeddings, distance))


@keras.utils.register_keras_serializable(package="cv_tf")
class TripletSemiHardLoss(keras.losses.Loss):
    """`triplet_semihard_loss` as a Keras loss: `y_true` labels, `y_pred` embeddings.

    The loss of a batch is one number, so sample weights are not supported.

    Args:
      margin: Distance by which the negative should be farther than the positive.
      distance: "L2", "squared-L2" or "angular" (one minus the cosine).
      reduction: Reduction, see `keras.losses.Loss`.
      name: Name of the loss.

    Raises:
      ValueError: If the distance is unknown.

    Example:
      >>> loss = TripletSemiHardLoss(margin=0.5, distance="angular")
      >>> loss([0, 0, 1, 1], tf.random.normal([4, 16])).shape
      TensorShape([])
    """

    def __init__(
        self,
        margin: float = 1.0,
        distance: str = "L2",
        reduction: str = keras.losses.Reduction.AUTO,
        name: str = "triplet_semihard",
    ):
        super().__init__(reduction=reduction, name=name)
        choices.check("distance", distance, choices.DISTANCES)
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
    """The loss of the distances, and its derivative with respect to them.

    The derivative is written out because it is one [batch, batch] table: no
    intermediate result has to be kept for the backward pass.
    """
    # NaN and infinity are left out of the sort: a NaN would break its order.
    negative &= distances < float("inf")
    num_negatives = tf.reduce_sum(tf.cast(negative, tf.int32), axis=1, keepdims=True)
    ranked = tf.sort(tf.where(negative, distances, float("inf")), axis=1)
    num_not_farther = _count_not_above(ranked, distances)

    # Negatives at the same distance adjoin in `ranked`: `num_tied` of them, from
    # column `first` to column `last` (0 where the pair is not negative).
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
    """Counts the `ranked` numbers of a row that are <= each of its values, all [b, b].

    This is a binary search, because XLA compiles `tf.searchsorted` to a comparison of
    all pairs. Rows are sorted and end with infinity: no anchor is its own negative.
    """

    def halve(count, length):
        half = length // 2
        passed = _take(ranked, count + half - 1) <= values
        return tf.where(passed, count + half, count), length - half

    # The answer is one of the `length` numbers from `count` on.
    count, _ = tf.while_loop(
        lambda _, length: length > 1,
        halve,
        (tf.zeros_like(values, tf.int32), tf.shape(ranked)[1]),
    )
    return count


def _take(table: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
    """Gathers from each row of a [b, b] table the entries at columns, int32 [b, b]."""
    return tf.gather(tf.reshape(table, [-1]), _flat(columns))


def _count(columns: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Counts, for each column number, its occurrences in the row where mask is true."""
    ones = tf.reshape(tf.cast(mask, tf.int32), [-1])
    flat = tf.reshape(_flat(columns), [-1])
    counts = tf.math.unsorted_segment_sum(ones, flat, tf.size(columns))
    return tf.reshape(counts, tf.shape(columns))


def _flat(columns: tf.Tensor) -> tf.Tensor:
    """Turns column numbers, int32 [b, b], into positions in the flattened table."""
    size = tf.shape(columns)[1]
    return columns + size * tf.range(size)[:, tf.newaxis]
