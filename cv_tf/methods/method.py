"""What all methods share: one training step, on any number of replicas."""

from __future__ import annotations

import abc

import tensorflow as tf
import tf_keras as keras

from cv_tf import strategy as devices
from cv_tf.methods.gradients import cached_gradients, plain_gradients
from cv_tf.models import Embedder
from cv_tf.vision import Rows


def embedding_std(embeddings: tf.Tensor) -> tf.Tensor:
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


class Method(keras.Model, abc.ABC):
    """An Embedder in training: views, heads and a loss around its backbone.

    A subclass says in `features` what the backbone makes of each photo, by itself, and
    in `objective` what is learned from those of the whole batch; the step is the same
    for all and runs under `fit`. Randomness is derived from the seed and the number of
    the step alone. The step is saved with the weights, so a run that is resumed with
    the same seed repeats nothing and skips nothing.

    Args:
      embedder: What is trained, and all that is kept.
      seed: Of all that is random in a step.

    Attributes:
      micro_batch: How many of a replica's photos go through the backbone at once, as
        `cached_gradients` has it; 0 for all.
    """

    def __init__(self, embedder: Embedder, seed: int = 0, **kwargs):
        super().__init__(**kwargs)
        self.embedder = embedder
        self.seed = seed
        self.micro_batch = 0
        # What a step tells is the same on all replicas; Keras would add it up.
        self.distribute_reduction_method = "first"
        self.step = tf.Variable(
            0,
            trainable=False,
            dtype=tf.int64,
            name="step",
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
        )

    @property
    def steps_made(self) -> int:
        """How many there have been, in all processes of the run."""
        return int(self.step.numpy())

    @abc.abstractmethod
    def features(
        self, images: tf.Tensor, seed: tf.Tensor, rows: Rows | None = None
    ) -> tuple[tf.Tensor, ...]:
        """What the backbone makes of photos.

        Args:
          images: uint8 `[n, size, size, 3]`.
          seed: int32 `[2]`, another one each step.
          rows: Which of a larger batch they are; None where they are all of it.

        Returns:
          float32 tensors `[n, ...]`. Each row depends on its photo alone, unless the
          backbone normalizes by its batch.
        """

    @abc.abstractmethod
    def objective(
        self, features: tuple[tf.Tensor, ...], styles: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """The loss of a batch; under a strategy, a replica's share of it.

        The loss of the whole batch is the mean of those of the replicas.

        Args:
          features: Of `features`, `[batch, ...]` each.
          styles: int32 `[batch]`; self-supervised methods do not look at it.

        Returns:
          The loss, a float32 scalar, and float32 embeddings `[batch, dimensions]`
          in which a collapse would show.
        """

    @property
    def learned_variables(self) -> list[tf.Variable]:
        """What the optimizer updates."""
        return self.trainable_variables

    @property
    def constant_rate_variables(self) -> list[tf.Variable]:
        """Those of `learned_variables` whose learning rate never changes."""
        return []

    # AutoGraph warns that it cannot convert a function without statements.
    @tf.autograph.experimental.do_not_convert
    def after_update(self) -> None:
        """What follows the optimizer's update, e.g. of a momentum encoder."""

    def train_step(self, batch):
        """One step of `fit` on a batch of `cv_tf.pipeline.batches`."""
        find = cached_gradients if self.micro_batch else plain_gradients
        gradients, loss, embeddings = find(self, batch["image"], batch["style"])
        # Sums the gradients of all replicas.
        self.optimizer.apply_gradients(
            zip(gradients, self.learned_variables, strict=True)
        )
        self.after_update()
        self.step.assign_add(1)
        embeddings = devices.gather(embeddings)
        return {
            "loss": devices.mean(loss),
            "embedding_std": embedding_std(embeddings),
            "rank": effective_rank(embeddings),
        }
