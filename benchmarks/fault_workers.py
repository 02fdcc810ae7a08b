"""Workers that are killed: of Spark while it embeds, and of two that train together.

A case is "spark" or "training", and a number that draws the victim and the moment:
"spark:1". The processes are true ones here, and the workers of Spark those of a cluster
on this machine.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from fault_digests import digests
from fault_jobs import JOBS, TRAIN
from fault_lab import Lab, Trial
from fault_server import Server

_TRIALS = {"spark": 4, "training": 4}
_START_SECONDS = 240.0  # Until a worker works, on a busy machine.
_END_SECONDS = 60.0  # From a kill to the end of the others.
_FLAGS = ["--steps=40", "--checkpoint_every=5", "--strategy=multi_worker"]
_SPARK = ["--engine=spark", "--spark_master=local[2]", "--shard_size=4"]


class Workers:
    """Kills workers, and gives the same command again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._right: dict[str, dict[str, str]] = {}

    def cases(self, lab: Lab, server: Server) -> list[str]:
        """The cases of a campaign; those of Spark where there is Java."""
        del server
        kinds = lab.wanted(_TRIALS)
        if not (shutil.which("java") and find_spec("pyspark")):
            kinds = [kind for kind in kinds if kind != "spark"]
            print("  no Spark: Java or PySpark is not installed", file=sys.stderr)
        numbers = {it: lab.number(_TRIALS[it], f"workers {it}") for it in kinds}
        return [f"{it}:{n}" for it in kinds for n in range(numbers[it])]

    def trial(self, lab: Lab, case: str, server: Server) -> Trial:
        """Kills a worker, waits for the end of the others, and starts all again."""
        kind, number = case.split(":")
        what = (_kill_spark if kind == "spark" else _kill_training)(
            self._undisturbed(lab, kind, server), lab, int(number), server
        )
        return Trial.of(1, case, what)

    def _undisturbed(self, lab: Lab, kind: str, server: Server) -> dict[str, str]:
        """What workers write that nobody kills."""
        with self._lock:
            if kind not in self._right:
                with _folder(lab, kind, server) as folder:
                    for process in _start(kind, folder):
                        if code := process.wait():
                            raise SystemExit(f"{kind} fails undisturbed: {code}")
                    self._right[kind] = digests(folder, _outputs(kind))
            return self._right[kind]


def _outputs(kind: str) -> tuple[str, ...]:
    return JOBS["embed"].outputs if kind == "spark" else ("run/embedder.keras",)


@contextlib.contextmanager
def _folder(lab: Lab, kind: str, server: Server) -> Iterator[Path]:
    job = JOBS["embed" if kind == "spark" else "train"]
    with tempfile.TemporaryDirectory(dir=lab.scratch) as scratch:
        folder = Path(scratch, "job")
        shutil.copytree(lab.base.start(job, server), folder)
        yield folder


def _start(kind: str, folder: Path) -> list[subprocess.Popen]:
    """Starts the processes of a job; what they print is in NUMBER.log."""
    if kind == "spark":
        commands = [(["embed", *JOBS["embed"].arguments, *_SPARK], {})]
    else:
        flags = ["train", *TRAIN, *_FLAGS]
        commands = [(flags, {"TF_CONFIG": config}) for config in _tf_configs(2)]
    started = []
    for number, ((verb, *flags), more) in enumerate(commands):
        with (folder.parent / f"{number}.log").open("wb") as log:
            process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", f"cv_tf.{verb}", *flags],
                cwd=folder,
                env=os.environ | more,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        started.append(process)
    return started


def _tf_configs(number: int) -> list[str]:
    """TF_CONFIG of workers on this machine, at ports that are free now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for each in sockets:
            each.bind(("localhost", 0))
        hosts = [f"localhost:{each.getsockname()[1]}" for each in sockets]
    return [
        json.dumps(
            {"cluster": {"worker": hosts}, "task": {"type": "worker", "index": i}}
        )
        for i in range(number)
    ]


def _kill_spark(right: dict[str, str], lab: Lab, number: int, server: Server) -> str:
    rng = lab.rng(f"spark {number}")
    with _folder(lab, "spark", server) as folder:
        (process,) = _start("spark", folder)
        shards = folder / "my.parquet.shards"
        wanted = rng.randint(0, 3)  # Shards that are done before the kill.

        def is_time() -> bool:
            done = len(list(shards.glob("shard-*"))) if shards.is_dir() else 0
            return done >= wanted and bool(_python_workers(process.pid))

        if not _wait_for(is_time, [process]):
            return f"no worker of Spark works: {_last_words(folder, 0)}"
        if victims := _python_workers(process.pid):
            os.kill(rng.choice(victims), signal.SIGKILL)
        if not _ends([process]):
            return "still running a minute after a worker was killed"
        if process.returncode and not _is_told(folder, 0):
            return f"not told: {_last_words(folder, 0)}"
        return _finish("spark", folder, right)


def _kill_training(right: dict[str, str], lab: Lab, number: int, server: Server) -> str:
    rng = lab.rng(f"training {number}")
    with _folder(lab, "training", server) as folder:
        workers = _start("training", folder)
        wanted = rng.randint(0, 5)  # Steps that are saved before the kill.
        saved = folder / "run/checkpoints"

        def is_time() -> bool:
            names = [path.name for path in saved.glob("ckpt-*.index")]
            steps = [int(name.split("-")[1].split(".")[0]) for name in names]
            return max(steps, default=-1) >= wanted

        victim = number % 2
        if not _wait_for(is_time, workers):
            return f"the workers do not begin: {_last_words(folder, 0)}"
        workers[victim].kill()
        if not _ends(workers):
            return "the other worker runs on for a minute"
        if workers[1 - victim].returncode == 0:
            return "the other worker says that all is well"
        if not _is_told(folder, 1 - victim):
            return f"not told: {_last_words(folder, 1 - victim)}"
        return _finish("training", folder, right)


def _finish(kind: str, folder: Path, right: dict[str, str]) -> str:
    """What is wrong after the same commands are given again."""
    processes = _start(kind, folder)
    if not _ends(processes, _START_SECONDS):
        return "the same command does not end"
    if any(process.returncode for process in processes):
        is_done = digests(folder, right) == right
        if not (is_done and "exists. Pass --overwrite" in _last_words(folder, 0)):
            return f"the same command does not finish: {_last_words(folder, 0)}"
    found = digests(folder, right)
    wrong = [name for name in found if found[name] != right[name]]
    return f"the same command ends with another {', '.join(wrong)}" if wrong else ""


def _wait_for(is_time, processes: list[subprocess.Popen]) -> bool:
    deadline = time.monotonic() + _START_SECONDS
    while not is_time():
        if any(it.poll() is not None for it in processes):
            return all(it.poll() == 0 for it in processes)  # Done before the kill.
        if time.monotonic() > deadline:
            _end_all(processes)
            return False
        time.sleep(0.02)
    return True


def _ends(processes: list[subprocess.Popen], seconds: float = _END_SECONDS) -> bool:
    """Whether processes end within some seconds; they do not run on."""
    deadline = time.monotonic() + seconds
    for process in processes:
        try:
            process.wait(max(deadline - time.monotonic(), 0))
        except subprocess.TimeoutExpired:
            _end_all(processes)
            return False
    return True


def _end_all(processes: list[subprocess.Popen]) -> None:
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _python_workers(ancestor: int) -> list[int]:
    """The processes of Spark that run Python code, forks of its daemon."""
    parents, names = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError):
            pid = int(folder.name)
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            parents[pid] = int(fields[1])
            names[pid] = (folder / "cmdline").read_bytes()

    def is_below(pid: int) -> bool:
        while pid in parents and pid != ancestor:
            pid = parents[pid]
        return pid == ancestor

    daemons = {it for it, name in names.items() if b"pyspark.daemon" in name}
    return [it for it in daemons if parents[it] in daemons and is_below(it)]


def _is_told(folder: Path, number: int) -> bool:
    text = (folder.parent / f"{number}.log").read_text(errors="replace")
    told = "Failed: " in text or "Another worker has stopped" in text
    return (
        told and "Traceback (most recent call last)" not in text.split("Failed: ")[-1]
    )


def _last_words(folder: Path, number: int) -> str:
    text = (folder.parent / f"{number}.log").read_text(errors="replace")
    lines = [line for line in text.strip().splitlines() if line.strip()]
    plain = [line for line in lines if line.startswith("Failed: ")]
    return (plain or lines or ["nothing said"])[-1][:240]
