"""From a method and photos to a trained method."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from cv_tf import strategy as devices
from cv_tf.config import Config
from cv_tf.methods import SUPERVISED, Method
from cv_tf.pipeline import BlockOrder, Photos, RandomOrder, StyleOrder, batches
from cv_tf.training.callbacks import (
    Curves,
    Probe,
    ProgressBar,
    SaveCheckpoints,
    StopWhenNotFinite,
)
from cv_tf.training.checkpoints import Checkpoints
from cv_tf.training.interrupted import Interrupted


def build_order(config: Config, photos: Photos) -> Callable[[int], np.ndarray]:
    """The batches of a run: rows of the photos for each step.

    Raises:
      ValueError: If a supervised method lacks labels, or a batch does not fit.
    """
    blocks = photos.catalog.block if config.batches == "block" else None
    if config.method in SUPERVISED:
        return StyleOrder(
            photos.catalog.style,
            config.products_per_style,
            config.batch_size,
            config.seed,
            blocks=blocks,
        )
    if blocks is not None:
        return BlockOrder(blocks, config.batch_size, config.seed)
    return RandomOrder(len(photos), config.batch_size, config.seed)


def fit(
    method: Method,
    photos: Photos,
    config: Config,
    checkpoints: Checkpoints,
    workdir: Path,
    measure: Callable[[], dict[str, float]] | None = None,
) -> None:
    """Trains a compiled method to the last step, from its newest checkpoint on.

    Args:
      method: Compiled, under the run's strategy.
      photos: To learn from.
      config: Of the run.
      checkpoints: Of the method.
      workdir: Where curves are written.
      measure: What a probe measures; None for no probes.

    Raises:
      Interrupted: If the run was asked to stop; its state is saved.
      NonFiniteLossError: If the loss is no number any more.
    """
    start = checkpoints.restore()
    remaining = config.steps - start
    if remaining <= 0:
        return
    order = build_order(config, photos)
    curves = Curves(start, workdir / "tensorboard", config.batch_size)
    progress = ProgressBar(start, config.steps, config.batch_size)
    saver = SaveCheckpoints(start, config.checkpoint_every, checkpoints)
    callbacks = [StopWhenNotFinite(start), progress, curves]
    if measure is not None:
        callbacks.append(Probe(start, config.probe_every, measure, curves))
    try:
        method.fit(
            batches(photos, order, start, remaining),
            steps_per_epoch=remaining,
            callbacks=[*callbacks, saver],
            verbose=0,
        )
    finally:
        saver.restore_signals()
        progress.close()
    if saver.stopped_by is not None:
        raise Interrupted(saver.stopped_by, int(method.step), str(workdir))
    checkpoints.save()


def compile_method(method: Method, config: Config, optimizer, strategy) -> None:
    """Compiles the training step; XLA is on where `--jit_compile` says so."""
    jit_compile = config.jit_compile == "on" or (
        config.jit_compile == "auto" and devices.is_accelerator(strategy)
    )
    method.compile(
        optimizer=optimizer,
        jit_compile=jit_compile,
        steps_per_execution=config.steps_per_execution,
    )
