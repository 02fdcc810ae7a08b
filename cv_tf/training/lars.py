"""LARS: a learning rate of its own for each layer, for large batches."""

from __future__ import annotations

import tensorflow as tf
import tf_keras as keras


@keras.utils.register_keras_serializable(package="cv_tf")
class LARS(keras.optimizers.SGD):
    """Momentum SGD that scales each variable's gradient to the size of the variable.

    With weights w, gradient g, weight decay d and the norms of whole variables:

        update = g + d * w
        local_rate = trust_coefficient * |w| / |update|, or 1 if w is 0
        velocity = momentum * velocity + learning_rate * local_rate * update
        w = w - velocity

    Weight decay is coupled: it passes through the local rate and the momentum, unlike
    that of Keras' own optimizers. Biases and normalization parameters should get
    neither; name them to `exclude_from_weight_decay`, and they learn by plain momentum
    SGD.

    Source: You et al., arXiv 1708.03888, algorithm 1. Its denominator, |g| + d * |w|,
    became |g + d * w| in SimCLR (arXiv 2002.05709) and BYOL (arXiv 2006.07733, section
    3.3), which also made those exceptions.

    Args:
      learning_rate: Global rate, a number or a schedule; of the order of 0.2 for each
        256 products of a batch.
      momentum: From 0 to 1.
      trust_coefficient: How far a variable moves, as a share of its norm, at a
        learning rate of 1 and without momentum.
      weight_decay: Coupled; None for none.
      global_clipnorm: Largest norm of all gradients together, before they are scaled;
        None for any. The local rate undoes most of it.
      name: Of the optimizer.
      **kwargs: As `keras.optimizers.SGD`.

    Example:
      >>> optimizer = LARS(learning_rate=0.2, weight_decay=1.5e-6)
      >>> optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    """

    def __init__(
        self,
        learning_rate: float | keras.optimizers.schedules.LearningRateSchedule,
        momentum: float = 0.9,
        trust_coefficient: float = 0.001,
        weight_decay: float | None = None,
        global_clipnorm: float | None = None,
        name: str = "LARS",
        **kwargs,
    ):
        super().__init__(
            learning_rate=learning_rate,
            momentum=momentum,
            weight_decay=weight_decay,
            global_clipnorm=global_clipnorm,
            name=name,
            **kwargs,
        )
        self.trust_coefficient = trust_coefficient

    def update_step(self, gradient: tf.Tensor, variable: tf.Variable) -> None:
        """One step of one variable; both are float32 of the same shape."""
        if self._use_weight_decay(variable):
            gradient = self._scaled(gradient, variable)
        super().update_step(gradient, variable)

    def _scaled(self, gradient: tf.Tensor, variable: tf.Variable) -> tf.Tensor:
        update = (self.weight_decay or 0.0) * variable + gradient
        weight_norm = tf.norm(variable)
        ratio = tf.math.divide_no_nan(weight_norm, tf.norm(update))
        # At any rate, an update of zero is none.
        local_rate = tf.where(weight_norm > 0, self.trust_coefficient * ratio, 1.0)
        return local_rate * update

    def _apply_weight_decay(self, variables) -> None:
        """Does nothing: the base class would decay a second time, decoupled."""

    def get_config(self) -> dict:
        """The arguments of `__init__`; exclusions are not kept, as in all of Keras."""
        return {**super().get_config(), "trust_coefficient": self.trust_coefficient}
