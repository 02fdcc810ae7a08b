"""Makes one run in a process of its own."""

from __future__ import annotations

import fcntl
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, BinaryIO

from tqdm import tqdm

from cv_tf import command
from cv_tf.comparison.plan import Run

_POLL_SECONDS = 0.5
_TOLD = "Failed: "  # How verbs begin to say what users can mend.


class Signals:
    """Hands SIGTERM and Ctrl-C on to the process under way, and remembers them."""

    def __init__(self):
        self.stopped_by: int | None = None
        self._process: subprocess.Popen | None = None
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> Signals:
        for number in (signal.SIGTERM, signal.SIGINT):
            try:
                self._previous[number] = signal.signal(number, self._hand_on)
            except ValueError:  # Not in the main thread, as in some notebooks.
                break
        return self

    def __exit__(self, *_) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def wait(self, process: subprocess.Popen) -> int:
        """Waits for the end of a process; returns its exit code."""
        came_before = self.stopped_by
        self._process = process
        if came_before is not None:
            process.send_signal(came_before)
        try:
            return process.wait()
        finally:
            self._process = None

    def _hand_on(self, number: int, _frame: Any) -> None:
        self.stopped_by = number
        if self._process is not None:
            self._process.send_signal(number)


def make_run(run: Run, signals: Signals) -> str:
    """Makes a run, or goes on with it, unless it has finished.

    So its peak memory is its own, and a crash is no other run's. What it prints is
    added to its log.

    Args:
      run: The run.
      signals: Hands signals on to it.

    Returns:
      Why it failed, in one line; "" if it did not.
    """
    with run.log.open("ab") as log:
        if not _lock(log, run, signals) or run.read_figures():
            return ""
        if run.recipe.is_frozen:
            run.workdir.open(run.config)
        arguments = arguments_of(run)
        log.write(f"$ {shlex.join(arguments)}\n".encode())
        log.flush()
        start = os.fstat(log.fileno()).st_size
        # In a session of its own: Ctrl-C in a terminal goes to all processes of one,
        # and the second one does not wait for a checkpoint any more.
        with subprocess.Popen(  # noqa: S603
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process:
            code = signals.wait(process)
    if code == 0 and run.read_figures():
        return ""
    return _reason(code, run.log, start)


def _lock(log: BinaryIO, run: Run, signals: Signals) -> bool:
    """Waits until no other process makes the run; returns whether it came to that.

    The process that makes it inherits the lock with its output. So where a comparison
    was killed, but not the run that it had started, that one comes to its end first.
    """
    is_told = False
    while signals.stopped_by is None:
        try:
            fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not is_told:
                tqdm.write(f"{run.title}: another process is at it; waiting for that.")
            is_told = True
            time.sleep(_POLL_SECONDS)
        else:
            return True
    return False


def arguments_of(run: Run) -> list[str]:
    """The command line that makes a run, or goes on with it."""
    verb, outputs = "train", []
    if run.recipe.is_frozen:
        verb, folder = "evaluate", run.workdir
        outputs = [
            f"--output={folder.metrics}",
            f"--save_embedder={folder.embedder}",
            "--overwrite",
        ]
    flags = command.to_flags(command.changed_settings(run.config))
    return [sys.executable, "-m", f"cv_tf.{verb}", *flags, *outputs]


def _reason(code: int, log: Path, start: int) -> str:
    if code < 0:
        hint = ", as the system does when memory is short" if code == -9 else ""
        return f"killed by {signal.Signals(-code).name}{hint}."
    if code == 0:
        return "it ended without figures."
    with log.open("rb") as file:
        file.seek(start)
        text = file.read().decode(errors="replace")
    # A progress bar goes back to the beginning of its line.
    lines = [line.strip() for line in re.split(r"[\r\n]", text) if line.strip()]
    told = [i for i, line in enumerate(lines) if line.startswith(_TOLD)]
    if told:
        return " ".join(lines[told[-1] :])[len(_TOLD) :]
    return lines[-1] if lines else f"exit code {code}."
