"""Trains methods for two steps under a strategy; a process of its own.

    python replicas.py STRATEGY OUTPUT.npz NAME...

Writes the loss of each step and all weights after the first, which SGD makes of the
gradients, and after the second. Several replicas share the batches of one.
"""

import sys

import numpy as np
import tensorflow as tf
import tf_keras as keras

from cv_tf import strategy as devices
from cv_tf.config import Config
from cv_tf.methods import build_embedder, build_method
from cv_tf.pipeline import Shares
from cv_tf.training.fit import compile_method

STEPS = 2
BATCH = 8
SMALL = {
    "backbone": "tiny",
    "weights": "none",
    "image_size": 32,
    "batch_size": BATCH,
    "projection_dimensions": 8,
    "projection_hidden": 16,
    "predictor_hidden": 12,
    "queue_size": 16,
    "steps": 10,
    "parts": "halves",
}
SETTINGS = {
    "simclr": {"method": "simclr", "views": "crops"},
    "part_contrast": {"method": "part_contrast", "whole_weight": 1.0},
    "moco": {"method": "moco", "views": "parts"},
    "byol": {"method": "byol", "views": "parts"},
    "simsiam": {"method": "simsiam", "views": "parts"},
    "supcon": {"method": "supcon", "views": "parts"},
    "triplet": {"method": "triplet", "views": "parts"},
    "batch_norm": {"method": "byol", "views": "whole", "freeze_batch_norm": False},
    "moco_norms": {"method": "moco", "views": "parts", "freeze_batch_norm": False},
    "micro_batch": {"method": "moco", "views": "parts", "micro_batch": 2},
}


def photos(num_photos):
    """Smooth photos and the styles of pairs of them."""
    generator = np.random.default_rng(0)
    coarse = generator.integers(0, 256, (num_photos, 4, 4, 3)).astype(np.float32)
    fine = tf.clip_by_value(tf.image.resize(coarse, (32, 32), "bicubic"), 0, 255)
    return tf.cast(fine, tf.uint8).numpy(), np.arange(num_photos, dtype=np.int32) // 2


def shares(replicas, num_replicas):
    """The shares of some replicas of the same batches, whatever their number."""
    order = Shares(lambda step: np.arange(BATCH) + BATCH * step, replicas, num_replicas)
    rows = np.stack([order(i) for i in range(STEPS * len(replicas))])
    images, styles = photos(STEPS * BATCH)
    batches = {"image": images[rows], "style": styles[rows]}
    return tf.data.Dataset.from_tensor_slices(batches).repeat()


def train(strategy, settings):
    """The losses and the weights of two steps."""
    config = Config(**{**SMALL, **settings})
    with strategy.scope():
        keras.utils.set_random_seed(1)
        method = build_method(config, build_embedder(config))
        # Large enough for a wrong gradient to show.
        optimizer = keras.optimizers.SGD(0.1, momentum=0.9)
        compile_method(method, config, optimizer, strategy)
    steps = []

    def note(batch, logs):
        steps.append((logs["loss"], method.get_weights()))

    method.fit(
        devices.spread_batches(strategy, shares),
        steps_per_epoch=STEPS,
        callbacks=[keras.callbacks.LambdaCallback(on_batch_end=note)],
        verbose=0,
    )
    return steps


def steps_of(name, strategy):
    """What a method learns: NAME/STEP/loss and all weights, NAME/STEP/NUMBER."""
    arrays = {}
    for step, (loss, weights) in enumerate(train(strategy, SETTINGS[name])):
        arrays[f"{name}/{step}/loss"] = np.asarray(loss)
        for number, weight in enumerate(weights):
            arrays[f"{name}/{step}/{number}"] = weight
    return arrays


def main():
    """Trains each of the methods that are named."""
    name, output, *names = sys.argv[1:]
    if name == "mirrored":
        cpu = tf.config.list_physical_devices("CPU")[0]
        halves = [tf.config.LogicalDeviceConfiguration()] * 2
        tf.config.set_logical_device_configuration(cpu, halves)
    strategy = devices.create(name)
    assert strategy.num_replicas_in_sync == (1 if name == "cpu" else 2)
    arrays = {}
    for method in names:
        arrays |= steps_of(method, strategy)
    if devices.is_chief(strategy):
        np.savez(output, **arrays)


if __name__ == "__main__":
    main()
