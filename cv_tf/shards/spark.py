"""Runs the shards of a job on a Spark cluster."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import shutil
import socket
import sys
import time
import traceback
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cv_tf.errors import MissingPackageError, UserError
from cv_tf.shards.shards import JobError, Shards, Work

if TYPE_CHECKING:
    from pyspark import Accumulator, SparkContext


_CONNECT_SECONDS = 10
# A standalone cluster may have several masters, of which one is active.
_MASTER = re.compile(r"|spark://[^,]+:\d+(,[^,]+:\d+)*|k8s://.+|yarn|local(\[.+\])?")
_POLL_SECONDS = 0.5
_LATE_SECONDS = 60  # How late shared storage may show what another machine wrote.
_LAST_LINE = re.compile(r"^[\w.]*(?:Error|Exception): .*$", re.MULTILINE)


@contextlib.contextmanager
def cluster(master: str) -> Iterator[SparkContext]:
    """Gives the active Spark context, or else one of a master, stopped at the end.

    Raises:
      MissingPackageError: If PySpark is not installed.
      JobError: If Spark cannot be started.
    """
    try:
        from py4j.protocol import Py4JError  # noqa: PLC0415
        from pyspark import SparkConf, SparkContext  # noqa: PLC0415
        from pyspark.errors import PySparkException  # noqa: PLC0415
    except ImportError as error:
        raise MissingPackageError(
            "--engine=spark needs PySpark 4, which is not installed. Run pip install "
            "'cv_tf[spark]'; it also needs Java 17 or 21."
        ) from error
    active = SparkContext._active_spark_context
    if active is not None:
        yield active
        return
    _check_java()
    _check_master(master)
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    configuration = SparkConf().setAppName("cv_tf")
    configuration.set("spark.ui.showConsoleProgress", "false")
    if master:
        configuration.setMaster(master)
    try:
        context = SparkContext(conf=configuration)
    except (PySparkException, Py4JError) as error:
        raise JobError(
            f"Spark cannot be started: {words_of(error)} The output of Java is above."
        ) from error
    try:
        context.setLogLevel("WARN")
        yield context
    finally:
        context.stop()


def words_of(error: Exception) -> str:
    """The cause of an error of PySpark, in one line of its long message."""
    exception = getattr(error, "java_exception", None)
    text = str(exception.getMessage() if exception else error)
    if "No module named 'cv_tf'" in text:
        return (
            "the Python of its machines has no cv_tf. Install it there, and set "
            "PYSPARK_PYTHON to the path of that Python."
        )
    if "stopped SparkContext" in text or "has been shutdown" in text:
        return "the master has ended it, or is gone."
    raised = _LAST_LINE.findall(text)
    return raised[-1] if raised else text.split("\n", maxsplit=1)[0]


def _check_master(master: str) -> None:
    """Raises JobError at once for a master that Spark would try for a minute."""
    if not _MASTER.fullmatch(master):
        raise JobError(
            f"--spark_master={master} is no URL of a Spark master. Name it as "
            "spark://host:7077, or leave it to Spark's own configuration."
        )
    addresses = master.removeprefix("spark://").split(",")
    if master.startswith("spark://") and not any(map(_answers, addresses)):
        raise JobError(
            f"--spark_master={master}: no master answers there. Start one, or "
            "compare the URL with what the master's log and web page say."
        )


def _answers(address: str) -> bool:
    host, port = address.rsplit(":", 1)
    try:
        with socket.create_connection((host, int(port)), _CONNECT_SECONDS):
            return True
    except OSError:
        return False


def _check_java() -> None:
    home = os.environ.get("JAVA_HOME")
    java = Path(home, "bin", "java") if home else Path(shutil.which("java") or "")
    if not java.is_file():
        where = f"in JAVA_HOME={home}" if home else "on the PATH"
        raise JobError(
            f"--engine=spark needs Java 17 or 21, and there is no java {where}. "
            "Install it (on Debian, openjdk-17-jre-headless), or set JAVA_HOME."
        )


@dataclass(frozen=True, order=True)
class _Failure:
    """The failure of a shard; users can mend a `UserError` or `OSError`."""

    number: int
    message: str
    is_for_users: bool
    details: str  # The traceback on the machine where it happened.


class _Failures:
    """Collects failures on the driver as they happen (an `AccumulatorParam`)."""

    def zero(self, value: list[_Failure]) -> list[_Failure]:
        return value[:0]

    # The name is Spark's.
    def addInPlace(  # noqa: N802
        self, first: list[_Failure], second: list[_Failure]
    ) -> list[_Failure]:
        return first + second


def run_on_spark(
    work: Work,
    shards: Shards,
    sizes: list[int],
    master: str,
    report: Callable[[int], None],
) -> None:
    """Runs the missing shards of a job on a cluster, each on the next free core.

    All machines must see the folder of the shards, and the files that the work reads,
    under the paths they have here: they are on shared storage. Each shard is a task.
    Spark's Python processes outlive their tasks, so what a process has loaded serves
    all its shards. A shard appears whole or not at all, so running one again after a
    machine was lost, or twice at once by speculation, does no harm.

    Args:
      work: Picklable function that computes one shard, as for `run_shards`.
      shards: Shards of the job; their folder is there.
      sizes: Number of products of each shard.
      master: URL of the Spark master; "" for that of Spark's own configuration. An
        active Spark context of this process is used instead, and left running.
      report: Function to call with the number of products done since the last call.

    Raises:
      MissingPackageError: If PySpark is not installed.
      JobError: If a shard fails with an error that users can mend; if Spark cannot be
        started, or gives up; if machines do not share the folder.
      RuntimeError: If a shard fails otherwise, with the traceback of its machine.
    """
    missing = shards.missing()
    if not missing:
        return
    with cluster(master) as context:
        failures = context.accumulator([], _Failures())
        # Not a DataFrame's `mapInArrow`: with that, PySpark asks for pandas.
        task = functools.partial(_do_shards, work, shards, Path.cwd(), failures)
        group = f"cv_tf-{uuid.uuid4()}"

        def submit() -> None:
            context.setJobGroup(group, "shards of a cv_tf job", interruptOnCancel=True)
            context.parallelize(missing, len(missing)).foreachPartition(task)

        with ThreadPoolExecutor(1) as thread:
            job = thread.submit(submit)
            try:
                _watch(job, failures, shards, sizes, report)
            finally:
                if not job.done():
                    context.cancelJobGroup(group)
        if failures.value:
            raise _error_of(min(failures.value))
        _check_end(job, shards, context.master)


def _do_shards(
    work: Work,
    shards: Shards,
    directory: Path,
    failures: Accumulator,
    numbers: Iterable[int],
) -> None:
    """Runs shards in a process of the cluster.

    Errors are collected, not raised: Spark would try four times, and show its own.
    """
    for number in numbers:
        try:
            if not shards.folder.is_dir():
                raise JobError(
                    f"{socket.gethostname()}, a machine of the cluster, does not see "
                    f"'{shards.folder}'. All machines need the folder of --output, the "
                    "catalogue and its photos under the same paths: put them on "
                    "shared storage."
                )
            # An earlier attempt of this task may have finished the shard.
            if shards.find(number) is None:
                with _inside(directory):
                    work(number, lambda _: None)  # The driver sees the files.
        except Exception as error:
            failures.add([_failure(number, error)])


def _failure(number: int, error: Exception) -> _Failure:
    message = str(error)
    if isinstance(error, (OSError, MissingPackageError)):
        message += f" (on {socket.gethostname()})"
    is_for_users = isinstance(error, (UserError, OSError))
    return _Failure(number, message, is_for_users, traceback.format_exc())


@contextlib.contextmanager
def _inside(directory: Path) -> Iterator[None]:
    """Changes to the driver's folder, so that relative paths mean the same."""
    before = Path.cwd()
    if directory.is_dir():
        os.chdir(directory)
    try:
        yield
    finally:
        os.chdir(before)


def _watch(
    job: Future,
    failures: Accumulator,
    shards: Shards,
    sizes: list[int],
    report: Callable[[int], None],
) -> None:
    """Reports shards as they appear, until the job has ended or a shard has failed."""
    left = set(shards.missing())
    while not failures.value:
        is_over = bool(wait([job], timeout=_POLL_SECONDS).done)
        if done := left.difference(shards.missing()):
            report(sum(sizes[number] for number in done))
            left -= done
        if is_over:
            return


def _error_of(failure: _Failure) -> Exception:
    details = RuntimeError(f"Shard {failure.number} failed:\n{failure.details}")
    if not failure.is_for_users:
        return details
    error = JobError(failure.message)
    error.__cause__ = details
    return error


def _check_end(job: Future, shards: Shards, master: str) -> None:
    """Raises JobError if Spark gave up, or a shard is missing after all."""
    from py4j.protocol import Py4JError  # noqa: PLC0415 (PySpark is optional)

    try:
        job.result()
    except Py4JError as error:
        if not shards.missing():
            return
        raise JobError(
            f"Spark gave up on the job at {master}: {words_of(error)}\nShards that "
            "are done are kept: the same command goes on with the others."
        ) from error
    deadline = time.monotonic() + _LATE_SECONDS
    while shards.missing():
        if time.monotonic() > deadline:
            raise JobError(
                f"The cluster has done all shards, but {len(shards.missing())} of them "
                f"are not in '{shards.folder}' here. That folder must be the same one "
                "on all machines: put it on shared storage."
            )
        time.sleep(_POLL_SECONDS)
