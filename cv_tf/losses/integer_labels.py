"""Labels as the supervised losses need them."""

from __future__ import annotations

import tensorflow as tf


def integer_labels(labels: tf.Tensor) -> tf.Tensor:
    """Labels as one row, [batch], from [batch] or Keras's [batch, 1].

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
