"""The Spark cluster that parts are done on."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from cv_tf.shards.shards import JobError

if TYPE_CHECKING:
    from pyspark import SparkContext

_CONNECT_SECONDS = 10
# A standalone cluster may have several masters, of which one is active.
_MASTER = re.compile(r"|spark://[^,]+:\d+(,[^,]+:\d+)*|k8s://.+|yarn|local(\[.+\])?")
_LAST_LINE = re.compile(r"^[\w.]*(?:Error|Exception): .*$", re.MULTILINE)


@contextlib.contextmanager
def cluster(master: str) -> Iterator[SparkContext]:
    """Gives the Spark context that is active, or else one of our own until the end.

    Args:
      master: As in `run_on_spark`.

    Raises:
      ImportError: If PySpark is not installed.
      JobError: If Spark cannot be started.
    """
    try:
        from py4j.protocol import Py4JError  # noqa: PLC0415
        from pyspark import SparkConf, SparkContext  # noqa: PLC0415
        from pyspark.errors import PySparkException  # noqa: PLC0415
    except ImportError as error:
        raise ImportError(
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
            f"Spark cannot be started: {words_of(error)} What Java says stands above."
        ) from error
    try:
        context.setLogLevel("WARN")
        yield context
    finally:
        context.stop()


def words_of(error: Exception) -> str:
    """What went wrong, of all that an error of PySpark has to say about it."""
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
    """Raises JobError at once where Spark would try for a minute."""
    if not _MASTER.fullmatch(master):
        raise JobError(
            f"--spark_master={master} is no URL of a Spark master. Name it as "
            "spark://host:7077, or leave it to Spark's own configuration."
        )
    if not master.startswith("spark://"):
        return
    addresses = master.removeprefix("spark://").split(",")
    if not any(map(_answers, addresses)):
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
