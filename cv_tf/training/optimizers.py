"""Optimizers and the schedule of the learning rate."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import tensorflow as tf
import tf_keras as keras

from cv_tf.config import TrainingSettings
from cv_tf.training.lars import LARS

# What weight decay must not pull to zero, by the names Keras gives.
_NOT_DECAYED = ["bias", "gamma", "beta"]

_CLASSES = {"adam": keras.optimizers.Adam, "sgd": keras.optimizers.SGD, "lars": LARS}


def build_optimizer(
    settings: TrainingSettings, constant_rate: Sequence[tf.Variable] = ()
) -> keras.optimizers.Optimizer:
    """The optimizer with linear warm-up and cosine decay to zero.

    Weight decay spares biases and normalization. It is decoupled (AdamW, arXiv
    1711.05101), but part of the gradient in LARS.

    Sources: the schedule, SGDR, arXiv 1608.03983, section 3, without restarts; a
    learning rate in proportion to the batch, Goyal et al., arXiv 1706.02677, section
    2.1; one that stays constant, SimSiam, arXiv 2011.10566, section 4.2.

    Args:
      settings: Of the run.
      constant_rate: Variables that keep the learning rate at every step, without
        warm-up and without decay.

    Returns:
      An optimizer; in a `LossScaleOptimizer` if 16 bits are float16. Its
      `learning_rate` is the scheduled one.
    """
    rate = settings.learning_rate
    if settings.base_batch_size:
        rate *= settings.batch_size / settings.base_batch_size
    options = {
        "learning_rate": _schedule(rate, settings.steps, settings.warmup_steps),
        "weight_decay": settings.weight_decay or None,
        "global_clipnorm": settings.clip_norm or None,
    }
    if settings.optimizer != "adam":
        options["momentum"] = 0.9
    optimizer_class = _CLASSES[settings.optimizer]
    if constant_rate:
        optimizer = _partly_constant(optimizer_class)(**options)
        optimizer.keep_rate(rate, constant_rate)
    else:
        optimizer = optimizer_class(**options)
    optimizer.exclude_from_weight_decay(var_names=_NOT_DECAYED)
    if settings.mixed_precision == "float16":
        optimizer = keras.mixed_precision.LossScaleOptimizer(optimizer)
    return optimizer


def _schedule(
    rate: float, steps: int, warmup_steps: int
) -> keras.optimizers.schedules.CosineDecay:
    warmup_steps = min(warmup_steps, steps)
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0 if warmup_steps else rate,
        decay_steps=max(steps - warmup_steps, 1),
        warmup_target=rate if warmup_steps else None,
        warmup_steps=warmup_steps,
    )


class _PartlyConstant:
    """Mixin of an optimizer: some variables learn at a rate that never changes.

    Keras looks `learning_rate` up anew for each variable, when it decays and when it
    updates it, so that those whose turn it is can have a rate of their own.
    """

    _constant_rate = 0.0
    _constant_keys: frozenset[str] = frozenset()
    _is_constant_turn = False

    def keep_rate(self, rate: float, variables: Sequence[tf.Variable]) -> None:
        """Says which variables learn at which rate."""
        self._constant_rate = rate
        self._constant_keys = frozenset(map(self._var_key, variables))

    @property
    def learning_rate(self) -> tf.Variable | float:
        """The scheduled rate, but for those whose turn it is."""
        return self._constant_rate if self._is_constant_turn else super().learning_rate

    def update_step(self, gradient: tf.Tensor, variable: tf.Variable) -> None:
        """One step of one variable."""
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


def _partly_constant(
    optimizer_class: type[keras.optimizers.Optimizer],
) -> type[keras.optimizers.Optimizer]:
    name = f"PartlyConstant{optimizer_class.__name__}"
    return type(name, (_PartlyConstant, optimizer_class), {})
