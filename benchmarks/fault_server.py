"""Processes that faults happen to: forks of one process that has all loaded.

A server imports TensorFlow and cv_tf once, with `fault_shim.c` preloaded, and forks a
child for each order: a verb, as `python -m cv_tf.VERB` would run it, or a function.
TensorFlow permits that as long as the server itself computes nothing. A child begins
within a tenth of a second, and its end is told with its output and its memory.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import json
import os
import resource
import runpy
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path
from typing import Any, NamedTuple

from worker import ask

SHIM = Path(__file__).with_name("fault_shim.c")
# Rooms whose public names a server loads before it forks.
_ROOMS = ("answers", "catalog", "embeddings", "grouping", "metrics", "models")
_ROOMS += ("methods", "pipeline", "report", "retrieval", "training", "deployment")
_VERBS = ("train", "evaluate", "embed", "group", "search", "export")
# Servers share the cores: what is little is quicker without more threads.
_THREADS = ("OMP", "OPENBLAS")
_MOST_OUTPUT = 20_000  # Bytes of what a child prints that are kept.
_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of Linux.
_LIMIT = 60.0  # Seconds that a child may take.


class Order(NamedTuple):
    """What a child does, and what happens to it.

    Attributes:
      run: A verb, or "MODULE:FUNCTION" of a module beside this one.
      arguments: Its flags, or the function's arguments; what JSON can hold.
      folder: Where it runs, and whose files are watched.
      kind: Kind of the operation at which it is killed: "any", "write", "rename", ...;
        "time" for a moment.
      at: Number of that operation, from 1, or seconds; 0 for never.
      space: Bytes that can be written; -1 for any number.
      log: File for the kinds of all operations; "" for none.
      clock: Readings after which the clock jumps each time, seed, and offset at the
        beginning in seconds.
      memory: Bytes of address space that it may take beside those of the server.
      limit: Seconds after which it is ended.
      delay: Seconds that it waits before it begins.
    """

    run: str
    arguments: list[Any]
    folder: str
    kind: str = "any"
    at: float = 0
    space: int = -1
    log: str = ""
    clock: tuple[int, int, int] = (0, 0, 0)
    memory: int = 0
    limit: float = _LIMIT
    delay: float = 0.0


class End(NamedTuple):
    """How a child ended.

    Attributes:
      code: Its exit code; less than 0 for a signal.
      seconds: How long it took.
      cpu: Seconds of a core that it took.
      peak: Bytes of memory beside those of the server.
      output: What it printed, errors included.
      result: What the function returned.
      too_long: Whether it was ended because of the time it took.
    """

    code: int
    seconds: float
    cpu: float
    peak: int
    output: str
    result: Any
    too_long: bool

    @property
    def was_killed(self) -> bool:
        """Whether the fault has ended it."""
        return self.code == -signal.SIGKILL and not self.too_long

    @property
    def is_plain(self) -> bool:
        """Whether it has told a failure in a sentence, without a traceback."""
        return (
            self.code in (1, 2)
            and "Traceback (most recent call last)" not in self.output
            and ("Failed: " in self.output or "Wrong use: " in self.output)
        )

    def words(self) -> str:
        """Its end in some words."""
        if self.too_long:
            return f"still running after {self.seconds:.0f} s"
        lines = [line for line in self.output.strip().splitlines() if line.strip()]
        last = lines[-1] if lines else "nothing said"
        plain = [line for line in lines if line.startswith(("Failed: ", "Wrong use: "))]
        return f"exit {self.code}: {(plain or [last])[-1][:240]}"


class Server:
    """A process that forks children; use it in a `with` block.

    Args:
      scratch: Folder for the shim and for what children print.
    """

    def __init__(self, scratch: Path):
        self.cpu = 0.0  # Seconds of a core that all children have taken.
        environment = os.environ | {"LD_PRELOAD": str(compile_shim(scratch))}
        environment |= {"TMPDIR": str(scratch), "TF_CPP_MIN_LOG_LEVEL": "3"}
        environment |= {"CUDA_VISIBLE_DEVICES": "", "PYTHONUNBUFFERED": "1"}
        environment |= {f"{it}_NUM_THREADS": "1" for it in _THREADS}
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, __file__, str(scratch)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        ask(self._process)

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stdin.close()
        self._process.wait()

    def run(self, *orders: Order) -> list[End]:
        """Runs children, at the same time if there are several."""
        asked = json.dumps([order._asdict() for order in orders])
        ends = [End(**end) for end in ask(self._process, asked)]
        self.cpu += sum(end.cpu for end in ends)
        return ends

    def run_one(self, order: Order) -> End:
        """Runs a child."""
        return self.run(order)[0]


def compile_shim(scratch: Path) -> Path:
    """Compiles the shim into a folder, unless it is there."""
    if not shutil.which("gcc"):
        raise SystemExit("gcc is not installed; faults are made by a library of C.")
    library = scratch / "fault_shim.so"
    if not library.exists():
        options = ["gcc", "-O2", "-shared", "-fPIC", "-w", "-o", str(library)]
        subprocess.run([*options, str(SHIM), "-ldl"], check=True)  # noqa: S603
    return library


def _serve(scratch: Path) -> None:
    _load_all()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    print("[]", file=answers, flush=True)
    for line in sys.stdin:
        orders = [Order(**order) for order in json.loads(line)]
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            ends = _run_all(orders, Path(folder))
        print(json.dumps([end._asdict() for end in ends]), file=answers, flush=True)


def _load_all() -> None:
    import cv_tf  # noqa: PLC0415 (clients have no use for TensorFlow)

    for room in _ROOMS:
        module = getattr(cv_tf, room)
        for name in module.__all__:
            getattr(module, name)
    for verb in _VERBS:
        importlib.import_module(f"cv_tf.{verb}")
    for job in Path(__file__).parent.glob("fault_*.py"):
        if job.stem != Path(__file__).stem:
            importlib.import_module(job.stem)
    # Pictures for TensorBoard take half of the time of a tiny training.
    for name in ("show_first_batch", "write_projector"):
        setattr(cv_tf.report, name, lambda *_: None)


def _run_all(orders: list[Order], folder: Path) -> list[End]:
    begun = time.monotonic()
    children = []
    for number, order in enumerate(orders):
        (folder / f"{number}").touch()  # A child may be killed before it begins.
        pid = os.fork()
        if not pid:
            _be_child(order, folder / f"{number}")
        with contextlib.suppress(OSError):  # The child does the same.
            os.setpgid(pid, pid)
        children.append((pid, os.pidfd_open(pid)))
    ends = []
    for number, (pid, descriptor) in enumerate(children):
        order = orders[number]
        ends.append(_wait(pid, descriptor, order, begun, folder / f"{number}"))
    return ends


def _wait(pid: int, descriptor: int, order: Order, begun: float, file: Path) -> End:
    deadline, too_long = begun + order.limit, False
    if order.kind == "time" and order.at:
        deadline = begun + order.at
    try:
        left = max(deadline - time.monotonic(), 0)
        if not select.select([descriptor], [], [], left)[0]:
            too_long = not (order.kind == "time" and order.at)
            os.killpg(pid, signal.SIGKILL)
        _, status, used = os.wait4(pid, 0)
    finally:
        os.close(descriptor)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)  # What the child has left running.
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    result = file.with_suffix(".json")
    return End(
        code=os.waitstatus_to_exitcode(status),
        seconds=time.monotonic() - begun,
        cpu=used.ru_utime + used.ru_stime,
        peak=max(used.ru_maxrss * 1024 - pages * resource.getpagesize(), 0),
        output=file.read_bytes()[-_MOST_OUTPUT:].decode(errors="replace"),
        result=json.loads(result.read_text()) if result.exists() else None,
        too_long=too_long,
    )


def _be_child(order: Order, file: Path) -> None:
    """Does what is ordered, and ends the process."""
    code = 70
    try:
        os.setpgid(0, 0)
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.chdir(order.folder)
        if order.memory:
            used = int(Path("/proc/self/statm").read_text().split()[0])
            most = used * resource.getpagesize() + order.memory
            resource.setrlimit(resource.RLIMIT_AS, (most, most))
        time.sleep(order.delay)
        _arm(order)
        code = _do(order, file)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BaseException:
        traceback.print_exc()
        code = 1
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        os._exit(code)


def _arm(order: Order) -> None:
    shim = ctypes.CDLL(None)
    if any(order.clock):
        shim.fault_clock(*map(ctypes.c_long, order.clock))
    at = 0 if order.kind == "time" else int(order.at)
    if at or order.space >= 0 or order.log:
        shim.fault_arm(
            os.path.realpath(order.folder).encode(),
            order.kind.encode(),
            ctypes.c_long(at),
            ctypes.c_long(order.space),
            order.log.encode(),
        )


def _do(order: Order, file: Path) -> int:
    module, _, function = order.run.partition(":")
    if function:
        from cv_tf.errors import UserError  # noqa: PLC0415

        try:
            call = getattr(importlib.import_module(module), function)
            result = call(*order.arguments)
        except (UserError, OSError) as error:  # As verbs do.
            print(f"Failed: {error}", file=sys.stderr)
            return 1
        file.with_suffix(".json").write_text(json.dumps(result))
        return 0
    sys.argv = [f"cv_tf.{module}", *order.arguments]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*found in sys.modules", RuntimeWarning)
        runpy.run_module(f"cv_tf.{module}", run_name="__main__", alter_sys=True)
    return 0


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
