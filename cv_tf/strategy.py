"""Where computations run. Nothing else knows of devices and replicas."""

from __future__ import annotations

import os

import tensorflow as tf
import tf_keras as keras

from cv_tf import choices


def create(name: str = "auto") -> tf.distribute.Strategy:
    """Chooses the device and prepares it.

    Args:
      name: "cpu", "gpu", or "auto" for a GPU where there is one.

    Returns:
      A strategy with one replica, under whose scope models are built.

    Raises:
      ValueError: If the name is unknown, or there is no such device.
    """
    if name not in choices.STRATEGIES:
        raise ValueError(
            f"There is no strategy '{name}'. Choose one of: "
            f"{', '.join(choices.STRATEGIES)}."
        )
    gpus = tf.config.list_physical_devices("GPU") if name != "cpu" else []
    if name == "gpu" and not gpus:
        raise ValueError(
            "--strategy=gpu, but TensorFlow sees no GPU on this machine. Install its "
            "driver and 'tensorflow[and-cuda]', or pass --strategy=cpu."
        )
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    return tf.distribute.OneDeviceStrategy("/gpu:0" if gpus else "/cpu:0")


def is_accelerator(strategy: tf.distribute.Strategy) -> bool:
    """Whether a strategy computes on something faster than a CPU."""
    return not any("CPU" in device.upper() for device in _devices(strategy))


def _devices(strategy: tf.distribute.Strategy) -> tuple[str, ...]:
    return strategy.extended.worker_devices


def make_repeatable(seed: int) -> None:
    """Makes operations give the same bits on every run, and sets all seeds."""
    os.environ["TF_DETERMINISTIC_OPS"] = "1"
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
