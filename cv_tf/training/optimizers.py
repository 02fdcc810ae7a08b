"""Optimizers and the schedule of the learning rate."""

from __future__ import annotations

import tf_keras as keras

from cv_tf.config import TrainingSettings

# What weight decay must not pull to zero, by the names Keras gives.
_NOT_DECAYED = ["bias", "gamma", "beta"]


def build_optimizer(settings: TrainingSettings) -> keras.optimizers.Optimizer:
    """The optimizer with linear warm-up and cosine decay to zero.

    Weight decay is decoupled (AdamW, arXiv 1711.05101) and spares biases and
    normalization. Source of the schedule: SGDR, arXiv 1608.03983, section 3, without
    restarts.
    """
    warmup_steps = min(settings.warmup_steps, settings.steps)
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0 if warmup_steps else settings.learning_rate,
        decay_steps=max(settings.steps - warmup_steps, 1),
        warmup_target=settings.learning_rate if warmup_steps else None,
        warmup_steps=warmup_steps,
    )
    options = {
        "learning_rate": schedule,
        "weight_decay": settings.weight_decay or None,
        "global_clipnorm": settings.clip_norm or None,
    }
    if settings.optimizer == "sgd":
        optimizer = keras.optimizers.SGD(momentum=0.9, **options)
    else:
        optimizer = keras.optimizers.Adam(**options)
    if settings.weight_decay:
        optimizer.exclude_from_weight_decay(var_names=_NOT_DECAYED)
    if settings.mixed_precision == "float16":
        optimizer = keras.mixed_precision.LossScaleOptimizer(optimizer)
    return optimizer
