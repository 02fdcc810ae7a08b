"""The replicas that share a batch, from within a training step.

A batch is spread over the replicas of a strategy, row by row: replica r of R has the
rows from `r * b` to `(r + 1) * b` of a batch of `R * b`. The loss of the batch is the
mean of the losses of all replicas, and the optimizer sums their gradients. A loss that
compares products compares the rows of its replica with the rows of all replicas, which
`gather` returns. So two replicas with half a batch each learn what one learns with the
whole.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from cv_tf.vision import Rows


def num_replicas() -> int:
    """Number of replicas that share a batch."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def my_rows(num_rows: int | tf.Tensor) -> Rows | None:
    """Rows of this replica, `num_rows`, in the whole batch; None if it has them all."""
    if num_replicas() == 1:
        return None
    replica = tf.distribute.get_replica_context().replica_id_in_sync_group
    return Rows(replica * num_rows, num_replicas() * num_rows)


def gather(values: tf.Tensor, axis: int = 0) -> tf.Tensor:
    """Concatenates the rows of all replicas, in their order, along an axis.

    The gradient of a row goes back to its replica, summed over all replicas that have
    used the row. It is a sum over replicas with static shapes, so that it also runs on
    TPUs and in compiled steps, where `all_gather` does not. The values are floats or
    integers of the same shape on all replicas.
    """
    if num_replicas() == 1:
        return values
    replica = tf.distribute.get_replica_context().replica_id_in_sync_group
    mine = tf.one_hot(replica, num_replicas(), dtype=values.dtype)
    # The rows get an axis of replicas in front, zero for all other replicas.
    shape = [1] * (values.shape.rank + 1)
    shape[axis] = num_replicas()
    padded = tf.expand_dims(values, axis) * tf.reshape(mine, shape)
    gathered = tf.distribute.get_replica_context().all_reduce("SUM", padded)
    rows = num_replicas() * values.shape[axis]
    return tf.reshape(gathered, [*values.shape[:axis], rows, *values.shape[axis + 1 :]])


def mean(value: tf.Tensor) -> tf.Tensor:
    """Mean over replicas of a float tensor."""
    if num_replicas() == 1:
        return value
    return tf.distribute.get_replica_context().all_reduce("MEAN", value)


def assign(variables: Sequence[tf.Variable], values: Sequence[tf.Tensor]) -> None:
    """Assigns values that each replica has computed, the same on all replicas."""

    def update_all_copies(strategy, variables, values):
        for variable, value in zip(variables, values, strict=True):
            strategy.extended.update(
                variable, lambda copy, new: copy.assign(new), (value,), group=False
            )

    if num_replicas() > 1:
        # Not `merge_call`, which some strategies lack; Keras' optimizers do the same.
        tf.__internal__.distribute.interim.maybe_merge_call(
            update_all_copies, tf.distribute.get_strategy(), variables, values
        )
    else:
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
