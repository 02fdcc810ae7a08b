"""InfoNCE: tell an anchor's positive from all other candidates."""

from __future__ import annotations

import tensorflow as tf


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
