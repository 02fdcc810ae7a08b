"""Runs the missing shards of a job with the engine that the user chose."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator

import cv_tf
from cv_tf import choices
from cv_tf.config import setting
from cv_tf.progress import Progress
from cv_tf.shards.shards import JobError, Shards, Work, run_here

_ATTEMPTS = 3  # To write shards that are whole.


@dataclasses.dataclass(kw_only=True)
class EngineSettings:
    """Where the shards of a job are computed."""

    engine: str = setting(
        "local", "On this machine, or on a Spark cluster.", one_of=choices.ENGINES
    )
    spark_master: str = setting(
        "", "URL of the Spark master, such as spark://host:7077; empty for its default."
    )


@contextlib.contextmanager
def engine_running(settings: EngineSettings) -> Iterator[None]:
    """Keeps the engine running for several jobs in a row.

    With Spark, the jobs share one context, and its machines keep what they loaded.
    """
    is_local, master = settings.engine == "local", settings.spark_master
    with contextlib.nullcontext() if is_local else cv_tf.shards.cluster(master):
        yield


def run_shards(
    work: Work, shards: Shards, sizes: list[int], settings: EngineSettings, name: str
) -> None:
    """Runs the shards that are missing, with a progress bar.

    Args:
      work: Function that computes one shard and writes it to what `shards.writing`
        gives, see `run_here`. For Spark it must be picklable.
      shards: Shards of the job; their folder is there.
      sizes: Number of products of each shard.
      settings: Engine to use.
      name: Title of the progress bar.

    Raises:
      JobError: If shards are damaged as soon as they are written; as `run_on_spark`.
    """
    for _ in range(_ATTEMPTS):
        missing = shards.missing()
        done = sum(sizes) - sum(sizes[number] for number in missing)
        with Progress(name, sum(sizes), "products", done) as bar:
            if settings.engine == "local":
                run_here(work, missing, bar.update)
            else:
                master = settings.spark_master
                cv_tf.shards.run_on_spark(work, shards, sizes, master, bar.update)
        # A disk may damage what it was given; what is put together is whole.
        if not shards.remove_damaged():
            return
    raise JobError(
        f"'{shards.folder}' does not keep what is written to it: shards were damaged "
        f"{_ATTEMPTS} times. Check that disk, or name another --output."
    )
