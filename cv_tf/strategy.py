"""Where computations run. Nothing else knows of devices, replicas and workers.

A batch is spread over the replicas of a strategy, row by row: replica r of R has rows
`r * b` to `(r + 1) * b` of a batch of `R * b`. What is learned is the mean over the
replicas of each replica's loss, and the optimizer sums their gradients. So a loss that
compares products looks at its own rows beside those that `gather` brings from all
replicas, and two replicas with half a batch each learn what one learns with the whole.
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from cv_tf import choices, workers
from cv_tf.errors import UserError
from cv_tf.vision import Rows

# What the others' collective operations end with.
_LOST = (
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.InternalError,
    tf.errors.UnavailableError,
)


class WorkerLostError(ConnectionError):
    """Another worker of the run is gone."""


def create(name: str = "auto", tpu: str = "") -> tf.distribute.Strategy:
    """Chooses what to train on and prepares it; before TensorFlow computes anything.

    Args:
      name: "cpu" or "gpu" for one device; "mirrored" for all GPUs of the machine (where
        there is none, its logical CPUs); "multi_worker" for the machines of TF_CONFIG;
        "tpu"; "auto" for whatever of these is there: workers, a TPU that is named,
        several GPUs, one, or the CPU.
      tpu: Name or address of a TPU; "local" for that of this machine.

    Returns:
      A strategy, under whose scope models are built.

    Raises:
      ValueError: If the name is unknown, or there is no such device.
    """
    choices.check("strategy", name, choices.STRATEGIES)
    if name == "auto":
        name = _what_is_there(tpu)
    if name in ("cpu", "gpu"):
        return one_device(name)
    return _several_devices(name, tpu)


@functools.cache
def _several_devices(name: str, tpu: str) -> tf.distribute.Strategy:
    """One a process: those of two strategies would take each other's messages."""
    if name == "multi_worker":
        workers.read()  # Says what is wrong with TF_CONFIG, where something is.
        _let_gpu_memory_grow()
        return tf.distribute.MultiWorkerMirroredStrategy()
    if name == "mirrored":
        return tf.distribute.MirroredStrategy(_mirrored_devices())
    return _tpu_strategy(tpu)


def one_device(name: str = "auto") -> tf.distribute.Strategy:
    """One device of this process, whatever the others do: to embed and to evaluate.

    Args:
      name: As for `create`: "cpu" for the CPU, "gpu" for a GPU that has to be there,
        any other for a GPU where there is one.

    Raises:
      ValueError: If the name is unknown, or there is no such device.
    """
    choices.check("strategy", name, choices.STRATEGIES)
    gpus = [] if name == "cpu" else _let_gpu_memory_grow()
    if name == "gpu" and not gpus:
        raise UserError(_no_gpu("--strategy=gpu"))
    return tf.distribute.OneDeviceStrategy("/gpu:0" if gpus else "/cpu:0")


def _what_is_there(tpu: str) -> str:
    if workers.are_set():
        return "multi_worker"
    if tpu:
        return "tpu"
    num_gpus = len(tf.config.list_physical_devices("GPU"))
    return "mirrored" if num_gpus > 1 else "gpu" if num_gpus else "cpu"


def _let_gpu_memory_grow() -> list[tf.config.PhysicalDevice]:
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    return gpus


def _mirrored_devices() -> list[str]:
    kind = "GPU" if _let_gpu_memory_grow() else "CPU"
    devices = [device.name for device in tf.config.list_logical_devices(kind)]
    if kind == "CPU" and len(devices) == 1:
        raise UserError(_no_gpu("--strategy=mirrored"))
    return devices


def _no_gpu(flag: str) -> str:
    return (
        f"{flag}, but TensorFlow sees no GPU on this machine. Install its driver and "
        "'tensorflow[and-cuda]', or pass --strategy=cpu."
    )


def _tpu_strategy(tpu: str) -> tf.distribute.Strategy:
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu or "local")
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
    except (ValueError, tf.errors.OpError) as error:
        raise UserError(
            f"--strategy=tpu, but the TPU {tpu or 'local'!r} does not answer: "
            f"{str(error).splitlines()[0]} Pass its name or address as --tpu, or "
            "--tpu=local on a TPU VM with a TensorFlow that is built for TPUs."
        ) from error
    return tf.distribute.TPUStrategy(resolver)


def compiles_with_xla(strategy: tf.distribute.Strategy, jit_compile: str) -> bool:
    """Whether a training step is to be compiled by Keras.

    Args:
      strategy: What it runs on.
      jit_compile: "on", "off", or "auto" for one accelerator. TPUs compile anyway.

    Raises:
      ValueError: If several CPU replicas were to be compiled, which cannot exchange
        anything within a compiled step.
    """
    if jit_compile == "on" and not _is_accelerator(strategy) and _is_spread(strategy):
        raise UserError(
            "--jit_compile=on: a step that is spread over several CPU devices cannot "
            "be compiled. Pass --jit_compile=off, or --strategy=cpu."
        )
    if isinstance(strategy, tf.distribute.TPUStrategy):
        return False
    if jit_compile == "auto":
        return _is_accelerator(strategy) and not _is_spread(strategy)
    return jit_compile == "on"


def _is_accelerator(strategy: tf.distribute.Strategy) -> bool:
    devices = strategy.extended.worker_devices
    return not any("CPU" in device.upper() for device in devices)


def _is_spread(strategy: tf.distribute.Strategy) -> bool:
    return strategy.num_replicas_in_sync > 1


def make_repeatable(seed: int) -> None:
    """Makes operations give the same bits on every run, and sets all seeds."""
    os.environ["TF_DETERMINISTIC_OPS"] = "1"
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


# --- In a replica: within a training step. Without a strategy there is one replica.


def num_replicas() -> int:
    """How many replicas share a batch."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def on_cpu() -> bool:
    """Whether this replica is a CPU; no where there is no strategy to say so."""
    strategy = tf.distribute.get_strategy()
    return tf.distribute.has_strategy() and not _is_accelerator(strategy)


def my_rows(num_rows: int | tf.Tensor) -> Rows | None:
    """Which rows of the whole batch this replica's are; None if it has all of them."""
    if num_replicas() == 1:
        return None
    replica = tf.distribute.get_replica_context().replica_id_in_sync_group
    return Rows(replica * num_rows, num_replicas() * num_rows)


def gather(values: tf.Tensor, axis: int = 0) -> tf.Tensor:
    """The rows of all replicas, in their order.

    The gradient goes back to the replica whose rows they are, summed over all that
    have used them. All shapes are static, and there is nothing in it but a sum over
    replicas, so that it runs on TPUs and in compiled steps (`all_gather` does not).

    Args:
      values: float or integer, the same shape on all replicas.
      axis: Of the rows.
    """
    if num_replicas() == 1:
        return values
    replica = tf.distribute.get_replica_context().replica_id_in_sync_group
    mine = tf.one_hot(replica, num_replicas(), dtype=values.dtype)
    # In front of the rows an axis of replicas, all of it zero but this one.
    shape = [1] * (values.shape.rank + 1)
    shape[axis] = num_replicas()
    padded = tf.expand_dims(values, axis) * tf.reshape(mine, shape)
    everyone = tf.distribute.get_replica_context().all_reduce("SUM", padded)
    rows = num_replicas() * values.shape[axis]
    return tf.reshape(everyone, [*values.shape[:axis], rows, *values.shape[axis + 1 :]])


def mean(value: tf.Tensor) -> tf.Tensor:
    """The mean over replicas of a float."""
    if num_replicas() == 1:
        return value
    return tf.distribute.get_replica_context().all_reduce("MEAN", value)


def assign(variables: Sequence[tf.Variable], values: Sequence[tf.Tensor]) -> None:
    """Gives variables values that each replica has worked out, the same on all.

    Args:
      variables: Each has a copy on each replica.
      values: One a variable.
    """

    def of_all_replicas(strategy, variables, values):
        for variable, value in zip(variables, values, strict=True):
            strategy.extended.update(
                variable, lambda copy, new: copy.assign(new), (value,), group=False
            )

    if num_replicas() > 1:
        # As the optimizers of Keras do; not all strategies have `merge_call`.
        tf.__internal__.distribute.interim.maybe_merge_call(
            of_all_replicas, tf.distribute.get_strategy(), variables, values
        )
        return
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


# --- Outside of replicas: a process with a strategy.


def spread_batches(
    strategy: tf.distribute.Strategy,
    batches: Callable[[range, int], tf.data.Dataset],
) -> Any:
    """Batches for `fit`, of which each process reads the rows of its own replicas only.

    Args:
      strategy: Of the training.
      batches: From this process's replicas, and their number in all processes, to the
        parts of these replicas in turn: of the first batch, then of the second. It
        has no end, so that shapes are static.

    Returns:
      A data set, or what stands for one under the strategy.
    """

    def local(context: tf.distribute.InputContext) -> tf.data.Dataset:
        everyone = context.num_replicas_in_sync
        share = everyone // context.num_input_pipelines
        first = context.input_pipeline_id * share
        return batches(range(first, first + share), everyone)

    return strategy.distribute_datasets_from_function(local)


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process writes the files."""
    return not _has_workers(strategy) or workers.read().index == 0


def in_all_workers(strategy: tf.distribute.Strategy, value: float) -> tuple[float, ...]:
    """Each worker's value, in their order; waits until all have one."""
    if not _has_workers(strategy):
        return (value,)
    num_local = strategy.num_replicas_in_sync // workers.read().num_workers
    gathered = _exchange(strategy)(tf.constant([value], tf.float32))
    everyone = strategy.experimental_local_results(gathered)[0]
    return tuple(everyone[::num_local].numpy().tolist())


@functools.cache
def _exchange(strategy: tf.distribute.Strategy) -> Callable[[tf.Tensor], Any]:
    return tf.function(lambda value: strategy.run(gather, (value,)))


@contextlib.contextmanager
def watching_workers(strategy: tf.distribute.Strategy) -> Iterator[None]:
    """Says in plain words that another worker is gone.

    Raises:
      WorkerLostError: In place of what TensorFlow raises then.
    """
    try:
        yield
    except _LOST as error:
        if not _has_workers(strategy):
            raise
        raise WorkerLostError(
            "Another worker has stopped, so this one cannot go on: "
            f"{str(error).splitlines()[0]} Start all workers again with the same "
            "command; they go on from the last checkpoint."
        ) from error


def _has_workers(strategy: tf.distribute.Strategy) -> bool:
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
