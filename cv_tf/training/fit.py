"""From a method and photos to a trained method."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from cv_tf import choices, strategy as devices
from cv_tf.catalog import Catalog
from cv_tf.config import Config
from cv_tf.errors import Interrupted, UserError
from cv_tf.methods import Method
from cv_tf.pipeline import BlockOrder, Photos, RandomOrder, Shares, StyleOrder, batches
from cv_tf.training.alarms import StopWhenCollapsed, StopWhenNotFinite
from cv_tf.training.callbacks import (
    Curves,
    Probe,
    ProgressBar,
    SaveCheckpoints,
    StepCallback,
    Stopwatch,
)
from cv_tf.training.checkpoints import Checkpoints, Cost
from cv_tf.training.workdir import Workdir


def build_order(
    config: Config, catalog: Catalog, different: np.ndarray | None = None
) -> Callable[[int], np.ndarray]:
    """Returns a function from a step to the row numbers of its batch.

    `different`, [m, 2] int, are rows that people said are two designs; None for none.

    Raises:
      ValueError: If a supervised method lacks labels, or a batch or the queue does not
        fit the catalogue.
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
            different=different,
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
    different: np.ndarray | None = None,
) -> dict[str, float]:
    """Trains a compiled method from its newest checkpoint to the last step.

    All workers call `measure`, the function of a probe; None for no probes. `different`
    is as for `build_order`. Returns the cost of the training, see `Cost.figures`.

    Raises:
      Interrupted: If the run was asked to stop; its state is saved.
      NonFiniteLossError: If the loss is no finite number any more.
      CollapseError: If the embeddings do not differ any more.
      ValueError: If the workers would resume from different steps.
    """
    strategy = method.distribute_strategy
    start = checkpoints.restore()
    starts = devices.in_all_workers(strategy, start)
    if len(set(starts)) > 1:
        raise UserError(
            f"The workers would go on from different steps, {starts}. --workdir must "
            "be a folder that all of them share."
        )
    if start < config.steps:
        order = build_order(config, photos.catalog, different)
        saver = SaveCheckpoints(start, config.checkpoint_every, checkpoints)
        others = _callbacks(start, method, config, checkpoints.cost, workdir, measure)
        callbacks = [*others, saver]

        def shares(replicas: range, num_replicas: int):
            rows = Shares(order, replicas, num_replicas)
            # Without an end, so that no batch can be a part: its shape is static.
            return batches(photos, rows, start * len(replicas))

        try:
            method.fit(
                devices.spread_batches(strategy, shares),
                steps_per_epoch=config.steps - start,
                callbacks=callbacks,
                verbose=0,
            )
        finally:
            for callback in callbacks:
                callback.close()
        if saver.stopped_by is not None:
            raise Interrupted(saver.stopped_by, method.steps_made, str(workdir.path))
        checkpoints.save()
    return checkpoints.cost.figures(method.steps_made, config.batch_size)


def _callbacks(
    start: int,
    method: Method,
    config: Config,
    cost: Cost,
    workdir: Workdir,
    measure: Callable[[], dict[str, float] | None] | None,
) -> Iterator[StepCallback]:
    """Yields the callbacks, the stopwatch first: it must not time the others."""
    yield Stopwatch(start, cost)
    yield StopWhenNotFinite(start)
    if config.method not in choices.SUPERVISED:
        yield StopWhenCollapsed(start, config.method)
    curves = None
    if devices.is_chief(method.distribute_strategy):
        curves = Curves(start, workdir.tensorboard, config.batch_size)
        yield ProgressBar(start, config.steps, config.batch_size)
        yield curves
    if measure is not None:
        yield Probe(start, config.probe_every, measure, curves)


def compile_method(method: Method, config: Config, optimizer, strategy) -> None:
    """Compiles the training step, by XLA if `--jit_compile` says so.

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
