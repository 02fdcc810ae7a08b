"""What all methods share: one compiled training step."""

from __future__ import annotations

import abc

import tensorflow as tf
import tf_keras as keras

from cv_tf.methods.collapse import effective_rank, spread
from cv_tf.models import Embedder


class Method(keras.Model, abc.ABC):
    """An Embedder in training: views, heads and a loss around its backbone.

    A subclass says what is learned in `objective`; the step is the same for all and
    runs under `fit`. Randomness is derived from the seed and the number of the step
    alone. The step is saved with the weights, so a run that is resumed with the same
    seed repeats nothing and skips nothing.

    Args:
      embedder: What is trained, and all that is kept.
      seed: Of all that is random in a step.
    """

    def __init__(self, embedder: Embedder, seed: int = 0, **kwargs):
        super().__init__(**kwargs)
        self.embedder = embedder
        self.seed = seed
        self.step = tf.Variable(0, trainable=False, dtype=tf.int64, name="step")

    @abc.abstractmethod
    def objective(
        self, images: tf.Tensor, styles: tf.Tensor, seed: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """The loss of a batch.

        Args:
          images: uint8 `[batch, size, size, 3]`.
          styles: int32 `[batch]`; self-supervised methods do not look at it.
          seed: int32 `[2]`, another one each step.

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
        """What follows the optimizer's update, e.g. of a momentum twin."""

    def train_step(self, batch):
        """One step of `fit` on a batch of `cv_tf.pipeline.batches`."""
        seed = tf.stack([self.seed, tf.cast(self.step, tf.int32)])
        with tf.GradientTape() as tape:
            loss, embeddings = self.objective(batch["image"], batch["style"], seed)
            # Under mixed precision the optimizer scales the loss and its gradients.
            scale = getattr(self.optimizer, "get_scaled_loss", lambda value: value)
            scaled = scale(loss)
        unscale = getattr(self.optimizer, "get_unscaled_gradients", lambda value: value)
        variables = self.learned_variables
        gradients = unscale(tape.gradient(scaled, variables))
        self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        self.after_update()
        self.step.assign_add(1)
        return {
            "loss": loss,
            "spread": spread(embeddings),
            "rank": effective_rank(embeddings),
        }
