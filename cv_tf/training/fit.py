"""From a method and photos to a trained method."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cv_tf import choices, strategy as devices
from cv_tf.catalog import Catalog
from cv_tf.config import Config
from cv_tf.errors import Interrupted, UserError
from cv_tf.methods import Method
from cv_tf.pipeline import BlockOrder, Photos, RandomOrder, Shares, StyleOrder, batches
from cv_tf.training.callbacks import (
    Curves,
    Probe,
    ProgressBar,
    SaveCheckpoints,
    Stopwatch,
    StopWhenCollapsed,
    StopWhenNotFinite,
)
from cv_tf.training.checkpoints import Checkpoints
from cv_tf.training.workdir import Workdir


def build_order(config: Config, catalog: Catalog) -> Callable[[int], np.ndarray]:
    """The batches of a run: rows of the products to learn from, for each step.

    Raises:
      ValueError: If a supervised method lacks labels, or a batch or the queue does not
        fit.
    """
    if config.method == "moco" and config.queue_size >= len(catalog):
        raise UserError(
            f"--queue_size={config.queue_size} must be less than the {len(catalog)} "
            "products to learn from: each would have its own past as a negative."
        )
    blocks = catalog.block if config.batches == "block" else None
    if config.method in choices.SUPERVISED:
        return StyleOrder(
            catalog.style,
            config.products_per_style,
            config.batch_size,
            config.seed,
            blocks=blocks,
        )
    if blocks is not None:
        return BlockOrder(blocks, config.batch_size, config.seed)
    return RandomOrder(len(catalog), config.batch_size, config.seed)


def fit(
    method: Method,
    photos: Photos,
    config: Config,
    checkpoints: Checkpoints,
    workdir: Workdir,
    measure: Callable[[], dict[str, float] | None] | None = None,
) -> dict[str, float]:
    """Trains a compiled method to the last step, from its newest checkpoint on.

    Args:
      method: Compiled, under the run's strategy.
      photos: To learn from.
      config: Of the run.
      checkpoints: Of the method.
      workdir: Of the run, where curves are written.
      measure: What a probe measures, on all workers, of whom the chief has figures;
        None for no probes.

    Returns:
      What it has cost, as `Cost.figures` has it.

    Raises:
      Interrupted: If the run was asked to stop; its state is saved.
      NonFiniteLossError: If the loss is no number any more.
      CollapseError: If the embeddings do not differ any more.
    """
    start = checkpoints.restore()
    everyone = devices.in_all_workers(method.distribute_strategy, start)
    if len(set(everyone)) > 1:
        raise UserError(
            f"The workers would go on from different steps, {everyone}. --workdir must "
            "be a folder that all of them share."
        )
    if start < config.steps:
        _fit_from(start, method, photos, config, checkpoints, workdir, measure)
    return checkpoints.cost.figures(method.steps_made, config.batch_size)


def _fit_from(
    start: int,
    method: Method,
    photos: Photos,
    config: Config,
    checkpoints: Checkpoints,
    workdir: Workdir,
    measure: Callable[[], dict[str, float] | None] | None,
) -> None:
    remaining = config.steps - start
    order = build_order(config, photos.catalog)
    strategy = method.distribute_strategy
    saver = SaveCheckpoints(start, config.checkpoint_every, checkpoints)
    stopwatch = Stopwatch(start, checkpoints.cost)
    callbacks = [stopwatch, StopWhenNotFinite(start)]
    if config.method not in choices.SUPERVISED:
        callbacks.append(StopWhenCollapsed(start, config.method))
    progress = curves = None
    if devices.is_chief(strategy):
        curves = Curves(start, workdir.tensorboard, config.batch_size)
        progress = ProgressBar(start, config.steps, config.batch_size)
        callbacks += [progress, curves]
    if measure is not None:
        callbacks.append(Probe(start, config.probe_every, measure, curves))

    def shares(replicas: range, num_replicas: int):
        rows = Shares(order, replicas, num_replicas)
        # Without an end, so that no batch can be a part: its shape is static.
        return batches(photos, rows, start * len(replicas))

    try:
        method.fit(
            devices.spread_batches(strategy, shares),
            steps_per_epoch=remaining,
            callbacks=[*callbacks, saver],
            verbose=0,
        )
    finally:
        saver.restore_signals()
        if progress is not None:
            progress.close()
    if saver.stopped_by is not None:
        raise Interrupted(saver.stopped_by, method.steps_made, str(workdir.path))
    checkpoints.save()


def compile_method(method: Method, config: Config, optimizer, strategy) -> None:
    """Compiles the training step; XLA is on where `--jit_compile` says so.

    Raises:
      ValueError: If the step cannot be compiled under the strategy, a batch cannot be
        shared equally, or a replica's share is no multiple of `--micro_batch`.
    """
    share, rest = divmod(config.batch_size, strategy.num_replicas_in_sync)
    if rest:
        raise UserError(
            f"--batch_size={config.batch_size} must be a multiple of the "
            f"{strategy.num_replicas_in_sync} replicas that share it."
        )
    if config.micro_batch and share % config.micro_batch:
        raise UserError(
            f"Each of the {strategy.num_replicas_in_sync} replicas has {share} photos "
            f"of a batch, which must be a multiple of --micro_batch="
            f"{config.micro_batch}."
        )
    method.micro_batch = config.micro_batch if config.micro_batch < share else 0
    method.compile(
        optimizer=optimizer,
        jit_compile=devices.compiles_with_xla(strategy, config.jit_compile),
        steps_per_execution=config.steps_per_execution,
    )
