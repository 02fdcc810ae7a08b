"""What a collapse of the embeddings shows in."""

from __future__ import annotations

import tensorflow as tf


def spread(embeddings: tf.Tensor) -> tf.Tensor:
    """How far embeddings are spread over the sphere: 1 evenly, 0 where all are one.

    The standard deviation of each dimension of the L2-normalized embeddings, their
    mean, times the square root of the number of dimensions.

    Source: SimSiam, arXiv 2011.10566, section 4.1.

    Args:
      embeddings: float32 `[batch, dimensions]`.

    Returns:
      A float32 scalar.
    """
    deviations = tf.math.reduce_std(tf.math.l2_normalize(embeddings, axis=1), axis=0)
    return tf.reduce_mean(deviations) * tf.sqrt(float(embeddings.shape[1]))


def effective_rank(embeddings: tf.Tensor) -> tf.Tensor:
    """In how many directions embeddings differ: 1 where all lie on one line.

    Normalization of the output keeps the spread of every dimension, even if all
    dimensions say the same; this one sees it. It is the participation ratio of the
    covariance's eigenvalues, `sum(v)^2 / sum(v^2)`, of the L2-normalized embeddings.

    Source: what it is to detect, "dimensional collapse", arXiv 2110.09348, section 3.

    Args:
      embeddings: float32 `[batch, dimensions]`.

    Returns:
      A float32 scalar, at most the batch less one; 0 where all embeddings are equal.
    """
    units = tf.math.l2_normalize(embeddings, axis=1)
    centered = units - tf.reduce_mean(units, axis=0)
    # It has the covariance's eigenvalues, up to a factor, and is small.
    gram = tf.matmul(centered, centered, transpose_b=True)
    return tf.math.divide_no_nan(
        tf.square(tf.linalg.trace(gram)), tf.reduce_sum(tf.square(gram))
    )
