"""What losses share: a temperature, distances within a batch, and labels."""

from __future__ import annotations

import tensorflow as tf
import tf_keras as keras

from cv_tf import choices


class TemperatureLoss(keras.losses.Loss):
    """A Keras loss whose similarities are divided by a temperature, above 0."""

    default_name: str

    def __init__(
        self,
        temperature: float = 0.1,
        reduction: str = keras.losses.Reduction.AUTO,
        name: str | None = None,
    ):
        super().__init__(reduction=reduction, name=name or self.default_name)
        self.temperature = temperature

    def get_config(self) -> dict:
        """The arguments of `__init__`."""
        return {**super().get_config(), "temperature": self.temperature}


def pairwise_distances(embeddings: tf.Tensor, distance: str = "L2") -> tf.Tensor:
    """Distances between every two embeddings, float32 [batch, batch], at least 0.

    Two identical embeddings are at distance 0 with gradient 0, where the gradient of
    the square root alone would be infinite.

    Args:
      embeddings: Float [batch, dim]. Only "angular" normalizes them to length 1.
      distance: "L2", "squared-L2" or "angular" (one minus the cosine).

    Raises:
      ValueError: If the distance is unknown.

    Example:
      >>> pairwise_distances([[0.0, 0.0], [3.0, 4.0]]).numpy().tolist()
      [[0.0, 5.0], [5.0, 0.0]]
    """
    choices.check("distance", distance, choices.DISTANCES)
    embeddings = tf.cast(embeddings, tf.float32)
    if distance == "angular":
        embeddings = tf.math.l2_normalize(embeddings, axis=1)
        raw = 1.0 - tf.matmul(embeddings, embeddings, transpose_b=True)
    else:
        square_norms = tf.reduce_sum(tf.square(embeddings), axis=1)
        raw = square_norms[:, tf.newaxis] + square_norms[tf.newaxis, :]
        raw -= 2.0 * tf.matmul(embeddings, embeddings, transpose_b=True)

    # Rounding leaves small values of either sign where the distance is 0.
    zero = (raw <= 0.0) | diagonal(tf.shape(embeddings)[0])
    if distance == "L2":
        # The inner `where` keeps the square root's gradient finite: 0 * inf is NaN.
        raw = tf.sqrt(tf.where(zero, 1.0, raw))
    return tf.where(zero, 0.0, raw)


def diagonal(size: int | tf.Tensor) -> tf.Tensor:
    """Bool [size, size], true on the diagonal."""
    index = tf.range(size)
    return index[:, tf.newaxis] == index[tf.newaxis, :]


def integer_labels(labels: tf.Tensor) -> tf.Tensor:
    """Flattens integer labels of shape [batch], or Keras's [batch, 1], to [batch].

    Raises:
      TypeError: If the labels are not integers.
    """
    labels = tf.convert_to_tensor(labels)
    if not labels.dtype.is_integer:
        raise TypeError(
            f"labels are {labels.dtype.name}, expected integers: floats cannot tell "
            "large ids apart. Pass dense int32 labels."
        )
    return tf.reshape(labels, [-1])
