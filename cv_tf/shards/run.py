"""Does the shards of a job that are missing, wherever the user wants them done."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator

from tqdm import tqdm

import cv_tf
from cv_tf import choices
from cv_tf.config import setting
from cv_tf.shards.shards import Shards, Work, run_here


@dataclasses.dataclass(kw_only=True)
class EngineSettings:
    """Where the work is done."""

    engine: str = setting(
        "local", "On this machine, or on a Spark cluster.", one_of=choices.ENGINES
    )
    spark_master: str = setting(
        "", "URL of the Spark master, such as spark://host:7077; empty for its default."
    )


@contextlib.contextmanager
def engine_running(settings: EngineSettings) -> Iterator[None]:
    """Keeps a cluster's machines, and what they loaded, from one job to the next."""
    if settings.engine == "local":
        yield
        return

    with cv_tf.shards.cluster(settings.spark_master):
        yield


def run_shards(
    work: Work, shards: Shards, sizes: list[int], settings: EngineSettings, name: str
) -> None:
    """Does what is missing, with a progress bar.

    Args:
      work: Does one shard, and leaves it at `shards.path(number)`. For Spark it must be
        picklable, and every machine must see the folder under the same path.
      shards: The job's shards.
      sizes: How many products each shard has, for the progress bar.
      settings: Where to do it.
      name: For the progress bar.
    """
    missing = shards.missing()
    done = sum(sizes) - sum(sizes[number] for number in missing)
    with tqdm(total=sum(sizes), initial=done, desc=name, unit=" products") as bar:
        if settings.engine == "local":
            run_here(work, missing, bar.update)
        else:
            cv_tf.shards.run_on_spark(
                work, shards, sizes, settings.spark_master, bar.update
            )
