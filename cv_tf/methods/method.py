"""What all methods share: one training step, on any number of replicas."""

from __future__ import annotations

import abc

import tensorflow as tf
import tf_keras as keras

from cv_tf import replicas
from cv_tf.methods.gradient_cache import cached_gradients
from cv_tf.models import Embedder
from cv_tf.vision import Rows


class Method(keras.Model, abc.ABC):
    """An Embedder in training: views, heads and a loss around its backbone.

    A subclass says in `features` what the backbone computes from each photo by itself,
    and in `objective` what is learned from the features of the whole batch. The step is
    the same for all methods and runs under `fit`. All randomness is derived from the
    seed and the number of the step. That number is saved with the weights, so a run
    that is resumed with the same seed repeats nothing and skips nothing.

    Args:
      embedder: The model to train; all that is kept after training.
      seed: Seed of all random operations, at least 0.

    Attributes:
      micro_batch: Number of a replica's photos that go through the backbone at once,
        see `cached_gradients`; 0 for all of them.
      step: int64 variable, the number of steps made in all processes of the run.
    """

    def __init__(self, embedder: Embedder, seed: int = 0, **kwargs):
        super().__init__(**kwargs)
        self.embedder = embedder
        self.seed = seed
        self.micro_batch = 0
        # Figures of a step are the same on all replicas; Keras would add them up.
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
        """Number of steps made in all processes of the run."""
        return int(self.step.numpy())

    @abc.abstractmethod
    def features(
        self, images: tf.Tensor, seed: tf.Tensor, rows: Rows | None = None
    ) -> tuple[tf.Tensor, ...]:
        """Makes views of photos and computes their features, float32 `[n, ...]`.

        Each row depends on its photo alone, unless the backbone normalizes by its
        batch.

        Args:
          images: uint8 `[n, size, size, 3]`.
          seed: int32 `[2]`, another one each step.
          rows: Rows of the images in a larger batch; None if they are all of it.
        """

    @abc.abstractmethod
    def objective(
        self, features: tuple[tf.Tensor, ...], styles: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Computes the loss of a batch; under a strategy, this replica's loss.

        The loss of the whole batch is the mean of the losses of all replicas.

        Args:
          features: What `features` returned, `[batch, ...]` each.
          styles: int32 `[batch]`; self-supervised methods do not use it.

        Returns:
          The loss, a float32 scalar, and float32 embeddings `[batch, dimensions]` in
          which a collapse would show.
        """

    @property
    def learned_variables(self) -> list[tf.Variable]:
        """Variables that the optimizer updates."""
        return self.trainable_variables

    @property
    def constant_rate_variables(self) -> list[tf.Variable]:
        """Those of `learned_variables` whose learning rate never changes."""
        return []

    # AutoGraph warns that it cannot convert a function without statements.
    @tf.autograph.experimental.do_not_convert
    def after_update(self) -> None:
        """Updates what the optimizer does not, e.g. a momentum encoder."""

    # No Python statement depends on a tensor: to find that out takes seconds.
    @tf.autograph.experimental.do_not_convert
    def train_step(self, batch):
        """Makes one step of `fit` on a batch of `cv_tf.pipeline.batches`."""
        gradients, loss, embeddings = self.gradients(batch["image"], batch["style"])
        # Sums the gradients of all replicas.
        self.optimizer.apply_gradients(
            zip(gradients, self.learned_variables, strict=True)
        )
        self.after_update()
        self.step.assign_add(1)
        embeddings = replicas.gather(embeddings)
        return {
            "loss": replicas.mean(loss),
            "embedding_std": embedding_std(embeddings),
            "rank": effective_rank(embeddings),
        }

    def gradients(
        self, images: tf.Tensor, styles: tf.Tensor
    ) -> tuple[list[tf.Tensor | None], tf.Tensor, tf.Tensor]:
        """Computes the gradients of a step, by pieces of `micro_batch` photos.

        Args:
          images: uint8 `[batch, size, size, 3]`, a multiple of the micro batch.
          styles: int32 `[batch]`.

        Returns:
          A gradient for each learned variable (None if the loss does not depend on it),
          this replica's loss and its embeddings, as `objective` returns them.
        """
        seed = tf.stack([self.seed, tf.cast(self.step, tf.int32)])
        variables = self.learned_variables
        scale = getattr(self.optimizer, "get_scaled_loss", lambda value: value)

        def loss_of(features):
            loss, embeddings = self.objective(features, styles)
            # Gradients of replicas are summed; those of 16 bits are scaled.
            return scale(loss / replicas.num_replicas()), loss, embeddings

        rows = replicas.my_rows(images.shape[0])
        if self.micro_batch:
            first, total = rows or (0, images.shape[0])
            size = self.micro_batch
            pieces = tf.reshape(images, [-1, size, *images.shape[1:]])

            def features_of(piece):
                its_rows = Rows(first + piece * size, total)
                return self.features(pieces[piece], seed, its_rows)

            gradients, losses = cached_gradients(
                features_of, loss_of, images.shape[0] // size, variables
            )
        else:
            with tf.GradientTape() as tape:
                losses = loss_of(self.features(images, seed, rows))
            gradients = tape.gradient(losses[0], variables)
        unscale = getattr(self.optimizer, "get_unscaled_gradients", lambda value: value)
        return unscale(gradients), *losses[1:]


def embedding_std(embeddings: tf.Tensor) -> tf.Tensor:
    """The standard deviation of embeddings, a scalar: 0 if all are equal, at most 1.

    It is the standard deviation of each dimension of the L2-normalized embeddings,
    averaged over the dimensions, times the square root of their number: about 1 if they
    are distributed evenly over the sphere (SimSiam, arXiv 2011.10566, section 4.1).
    """
    deviations = tf.math.reduce_std(tf.math.l2_normalize(embeddings, axis=1), axis=0)
    return tf.reduce_mean(deviations) * tf.sqrt(float(embeddings.shape[1]))


def effective_rank(embeddings: tf.Tensor) -> tf.Tensor:
    """The number of directions in which embeddings differ, a scalar, 0 to batch - 1.

    A head that normalizes its output keeps the standard deviation of every dimension,
    even if all dimensions are the same; the rank then falls to 1 (arXiv 2110.09348,
    section 3, describes this "dimensional collapse"; the measure is our choice). It is
    the participation ratio of the eigenvalues v of the covariance of the L2-normalized
    embeddings, `sum(v)^2 / sum(v^2)`; 0 if all are equal.
    """
    units = tf.math.l2_normalize(embeddings, axis=1)
    centered = units - tf.reduce_mean(units, axis=0)
    # Smaller than the covariance, with the same eigenvalues up to a factor.
    gram = tf.matmul(centered, centered, transpose_b=True)
    return tf.math.divide_no_nan(
        tf.square(tf.linalg.trace(gram)), tf.reduce_sum(tf.square(gram))
    )
