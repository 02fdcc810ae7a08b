"""Optimizers and the schedule of the learning rate."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import tensorflow as tf
import tf_keras as keras

from cv_tf.config import TrainingSettings

# Names that Keras gives to variables which must not decay.
_NOT_DECAYED = ["bias", "gamma", "beta"]


@keras.utils.register_keras_serializable(package="cv_tf")
class LARS(keras.optimizers.SGD):
    """Momentum SGD that scales each variable's gradient to the size of the variable.

    With weights w, gradient g, weight decay d and the norms of whole variables:

        update = g + d * w
        local_rate = trust_coefficient * |w| / |update|, or 1 if w is 0
        velocity = momentum * velocity + learning_rate * local_rate * update
        w = w - velocity

    Weight decay is coupled: the local rate and the momentum apply to it, unlike that of
    Keras' own optimizers. Biases and parameters of normalization should have neither a
    local rate nor decay: pass their names to `exclude_from_weight_decay`, and they
    learn by plain SGD with momentum.

    Source: You et al., arXiv 1708.03888, algorithm 1. Its denominator, |g| + d * |w|,
    became |g + d * w| in SimCLR (arXiv 2002.05709) and BYOL (arXiv 2006.07733, section
    3.3), which also made those exceptions.

    Args:
      learning_rate: Number or schedule; about 0.2 for each 256 products of a batch.
      momentum: Momentum, 0 to 1.
      trust_coefficient: Change of a variable as a share of its norm, at a learning
        rate of 1 and without momentum.
      weight_decay: Factor of the coupled weight decay; None for none.
      global_clipnorm: Largest norm of all gradients together, before they are scaled;
        None for no limit. The local rate undoes most of the clipping.
      name: Name of the optimizer.
      **kwargs: Arguments of `keras.optimizers.SGD`.

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
        """Updates a variable by its gradient, float32 of the same shape."""
        if self._use_weight_decay(variable):
            gradient = self._scaled(gradient, variable)
        super().update_step(gradient, variable)

    def _scaled(self, gradient: tf.Tensor, variable: tf.Variable) -> tf.Tensor:
        update = (self.weight_decay or 0.0) * variable + gradient
        weight_norm = tf.norm(variable)
        ratio = tf.math.divide_no_nan(weight_norm, tf.norm(update))
        # The ratio is 0 for an update of 0, which changes nothing at any rate.
        local_rate = tf.where(weight_norm > 0, self.trust_coefficient * ratio, 1.0)
        return local_rate * update

    def _apply_weight_decay(self, variables) -> None:
        """Does nothing: the base class would decay a second time, decoupled."""

    def get_config(self) -> dict:
        """The arguments of `__init__`; without exclusions, as in all of Keras."""
        return {**super().get_config(), "trust_coefficient": self.trust_coefficient}


_CLASSES = {"adam": keras.optimizers.Adam, "sgd": keras.optimizers.SGD, "lars": LARS}


def build_optimizer(
    settings: TrainingSettings, constant_rate: Sequence[tf.Variable] = ()
) -> keras.optimizers.Optimizer:
    """Builds an optimizer with linear warm-up and cosine decay of the learning rate.

    Weight decay spares biases and normalization. It is decoupled (AdamW, arXiv
    1711.05101), but part of the gradient in LARS. The variables in `constant_rate`
    learn without warm-up and decay. The attribute `learning_rate` of the optimizer, for
    float16 wrapped in a `LossScaleOptimizer`, is the scheduled rate.

    Sources: the schedule, SGDR, arXiv 1608.03983, section 3, without restarts; a
    learning rate in proportion to the batch, Goyal et al., arXiv 1706.02677, section
    2.1; one that stays constant, SimSiam, arXiv 2011.10566, section 4.2.
    """
    rate = settings.learning_rate
    if settings.base_batch_size:
        rate *= settings.batch_size / settings.base_batch_size
    warmup_steps = min(settings.warmup_steps, settings.steps)
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0 if warmup_steps else rate,
        decay_steps=max(settings.steps - warmup_steps, 1),
        warmup_target=rate if warmup_steps else None,
        warmup_steps=warmup_steps,
    )
    options = {
        "learning_rate": schedule,
        "weight_decay": settings.weight_decay or None,
        "global_clipnorm": settings.clip_norm or None,
    }
    if settings.optimizer != "adam":
        options["momentum"] = 0.9
    optimizer_class = _CLASSES[settings.optimizer]
    if constant_rate:
        name = f"PartlyConstant{optimizer_class.__name__}"
        optimizer = type(name, (_PartlyConstant, optimizer_class), {})(**options)
        optimizer.keep_rate(rate, constant_rate)
    else:
        optimizer = optimizer_class(**options)
    optimizer.exclude_from_weight_decay(var_names=_NOT_DECAYED)
    if settings.mixed_precision == "float16":
        optimizer = keras.mixed_precision.LossScaleOptimizer(optimizer)
    return optimizer


class _PartlyConstant(keras.optimizers.Optimizer):
    """Mixin of an optimizer: some variables have a learning rate that never changes.

    Keras reads `learning_rate` anew whenever it decays or updates a variable, so the
    property can return the constant rate while it is the turn of such a variable.
    """

    _constant_rate = 0.0
    _constant_keys: frozenset[str] = frozenset()
    _is_constant_turn = False

    def keep_rate(self, rate: float, variables: Sequence[tf.Variable]) -> None:
        """Sets the constant rate and the variables that it is for."""
        self._constant_rate = rate
        self._constant_keys = frozenset(map(self._var_key, variables))

    @property
    def learning_rate(self) -> tf.Variable | float:
        """The scheduled rate; the constant one during the turn of its variables."""
        return self._constant_rate if self._is_constant_turn else super().learning_rate

    def update_step(self, gradient: tf.Tensor, variable: tf.Variable) -> None:
        """Updates a variable by its gradient."""
        with self._turn_of(variable):
            super().update_step(gradient, variable)

    def _apply_weight_decay(self, variables: Sequence[tf.Variable]) -> None:
        for variable in variables:
            with self._turn_of(variable):
                super()._apply_weight_decay([variable])

    @contextlib.contextmanager
    def _turn_of(self, variable: tf.Variable) -> Iterator[None]:
        self._is_constant_turn = self._var_key(variable) in self._constant_keys
        try:
            yield
        finally:
            self._is_constant_turn = False
