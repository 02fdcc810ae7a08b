"""Chooses the devices of training and evaluation, and speaks with other workers.

What a replica does within a training step is in `cv_tf.replicas`.
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf
import tf_keras as keras

from cv_tf import choices, replicas, workers
from cv_tf.settings import ConfigError

# Errors of collective operations whose other worker has stopped.
_LOST = (
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.InternalError,
    tf.errors.UnavailableError,
)


class WorkerLostError(ConnectionError):
    """Another worker of the run has stopped."""


def create(name: str = "auto", tpu: str = "") -> tf.distribute.Strategy:
    """Chooses the devices to train on; call it before TensorFlow computes anything.

    Models are built under the scope of the strategy.

    Args:
      name: "cpu" or "gpu" for one device; "mirrored" for all GPUs of the machine (its
        logical CPUs if it has none); "multi_worker" for the machines of TF_CONFIG;
        "tpu"; "auto" for the first of these that is available: workers, a TPU that is
        named, several GPUs, one GPU, the CPU.
      tpu: Name or address of a TPU; "local" for the TPU of this machine.

    Raises:
      ValueError: If the name is unknown, or there is no such device.
    """
    choices.check("strategy", name, choices.STRATEGIES)
    if name == "auto":
        name = _available(tpu)
    return one_device(name) if name in ("cpu", "gpu") else _several_devices(name, tpu)


@functools.cache
def _several_devices(name: str, tpu: str) -> tf.distribute.Strategy:
    """Cached: two strategies of a process would receive each other's messages."""
    if name == "tpu":
        return _tpu_strategy(tpu)
    if name == "mirrored":
        return tf.distribute.MirroredStrategy(_mirrored_devices())
    workers.read()  # Raises if TF_CONFIG cannot be used.
    _let_gpu_memory_grow()
    return tf.distribute.MultiWorkerMirroredStrategy()


def one_device(name: str = "auto") -> tf.distribute.Strategy:
    """Chooses one device of this process, to embed and to evaluate.

    "cpu" is the CPU, "gpu" a GPU, and any other name that `create` knows a GPU if there
    is one, or else the CPU.

    Raises:
      ValueError: If the name is unknown, or there is no such device.
    """
    choices.check("strategy", name, choices.STRATEGIES)
    gpus = [] if name == "cpu" else _let_gpu_memory_grow()
    if name == "gpu" and not gpus:
        raise ConfigError(_no_gpu("--strategy=gpu"))
    return tf.distribute.OneDeviceStrategy("/gpu:0" if gpus else "/cpu:0")


def _available(tpu: str) -> str:
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
        raise ConfigError(_no_gpu("--strategy=mirrored"))
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
        raise ConfigError(
            f"--strategy=tpu, but the TPU {tpu or 'local'!r} does not answer: "
            f"{str(error).splitlines()[0]} Pass its name or address as --tpu, or "
            "--tpu=local on a TPU VM with a TensorFlow that is built for TPUs."
        ) from error
    return tf.distribute.TPUStrategy(resolver)


def compiles_with_xla(strategy: tf.distribute.Strategy, jit_compile: str) -> bool:
    """Tells whether Keras should compile a training step by XLA.

    "auto" compiles for one accelerator that is not a TPU; TPUs compile in any case,
    without Keras. Raises ConfigError for several CPU replicas, which cannot exchange
    anything within a compiled step.
    """
    is_accelerator = _is_accelerator(strategy)
    is_single = strategy.num_replicas_in_sync == 1
    if jit_compile == "on" and not is_accelerator and not is_single:
        raise ConfigError(
            "--jit_compile=on: a step that is spread over several CPU devices cannot "
            "be compiled. Pass --jit_compile=off, or --strategy=cpu."
        )
    if isinstance(strategy, tf.distribute.TPUStrategy):
        return False
    is_worth_it = jit_compile == "auto" and is_accelerator and is_single
    return jit_compile == "on" or is_worth_it


def on_cpu() -> bool:
    """Tells whether this replica, or what has no strategy, is computed by a CPU."""
    if tf.distribute.has_strategy():
        return not _is_accelerator(tf.distribute.get_strategy())
    accelerators = ("GPU", "TPU")
    return not any(map(tf.config.list_logical_devices, accelerators))


def _is_accelerator(strategy: tf.distribute.Strategy) -> bool:
    devices = strategy.extended.worker_devices
    return not any("CPU" in device.upper() for device in devices)


def make_repeatable(seed: int) -> None:
    """Makes all operations deterministic, and seeds Python, NumPy and TensorFlow."""
    os.environ["TF_DETERMINISTIC_OPS"] = "1"
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


def spread_batches(
    strategy: tf.distribute.Strategy, batches: Callable[[range, int], tf.data.Dataset]
) -> Any:
    """Makes batches for `fit`; each process reads the rows of its own replicas only.

    `batches` maps the numbers of this process's replicas, and the number of all
    replicas, to an endless data set: the rows of each of these in turn, batch by batch.
    """

    def local(context: tf.distribute.InputContext) -> tf.data.Dataset:
        num_replicas = context.num_replicas_in_sync
        share = num_replicas // context.num_input_pipelines
        first = context.input_pipeline_id * share
        return batches(range(first, first + share), num_replicas)

    return strategy.distribute_datasets_from_function(local)


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Tells whether this process writes the files of the run."""
    return not _has_workers(strategy) or workers.read().task_index == 0


def in_all_workers(strategy: tf.distribute.Strategy, value: float) -> tuple[float, ...]:
    """Collects a number of each worker, in their order; waits for all of them."""
    if not _has_workers(strategy):
        return (value,)
    num_local = strategy.num_replicas_in_sync // workers.read().num_workers
    gathered = _exchange(strategy)(tf.constant([value], tf.float32))
    of_replicas = strategy.experimental_local_results(gathered)[0]
    return tuple(of_replicas[::num_local].numpy().tolist())


@functools.cache
def _exchange(strategy: tf.distribute.Strategy) -> Callable[[tf.Tensor], Any]:
    return tf.function(lambda value: strategy.run(replicas.gather, (value,)))


@contextlib.contextmanager
def watching_workers(strategy: tf.distribute.Strategy) -> Iterator[None]:
    """Explains the errors of TensorFlow that mean that another worker has stopped.

    Raises:
      WorkerLostError: In place of these errors.
    """
    try:
        yield
    except _LOST as error:
        if not is_lost_worker(error, strategy):
            raise
        raise WorkerLostError(
            "Another worker has stopped, so this one cannot go on: "
            f"{str(error).splitlines()[0]} Start all workers again with the same "
            "command; they go on from the last checkpoint."
        ) from error


def is_lost_worker(error: BaseException, strategy: tf.distribute.Strategy) -> bool:
    """Whether an error may mean that another worker has stopped."""
    is_of_disk = "No space left" in str(error)
    return _has_workers(strategy) and isinstance(error, _LOST) and not is_of_disk


def _has_workers(strategy: tf.distribute.Strategy) -> bool:
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
