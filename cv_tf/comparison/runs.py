"""Makes the runs of a comparison, one after the other."""

from __future__ import annotations

import fcntl
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

from cv_tf import command
from cv_tf.atomic import write_text
from cv_tf.comparison.plan import ComparisonPlan, Run
from cv_tf.metrics import RECALL
from cv_tf.progress import Progress, say, spell_time
from cv_tf.training import WorkdirError

_POLL_SECONDS = 0.5
_FAILED = "Failed: "  # The beginning of an error for users, see `cv_tf.command.run`.
# Flags of the last start: they mark the folder as a comparison's, and resume it.
_MARK = "compare.cfg"


class Signals:
    """Passes SIGTERM and Ctrl-C on to the running process, and remembers them."""

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
        """Waits for a process to end, and returns its exit code."""
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
    """Makes a run in a process of its own, or resumes it, unless it has finished.

    So its peak memory is measured alone, and a crash ends no other run. Returns the
    reason of a failure, in one line; "" if the run succeeded.
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
        # In a session of its own: Ctrl-C in a terminal goes to all processes of a
        # session, and a process that gets it twice does not save a checkpoint.
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
    """Waits until no other process makes the run; False if stopped by a signal.

    The process of a run inherits the lock with its log. If a comparison was killed, but
    not the run that it had started, that run ends first.
    """
    is_told = False
    while signals.stopped_by is None:
        try:
            fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if not is_told:
                say(f"{run.title}: waiting for the process that makes it.")
            is_told = True
            time.sleep(_POLL_SECONDS)
    return False


def arguments_of(run: Run) -> list[str]:
    """The command line that makes or resumes a run."""
    verb, outputs = "train", []
    if run.recipe.is_frozen:
        verb, folder = "evaluate", run.workdir
        outputs = [
            f"--output={folder.metrics}",
            f"--queries={folder.queries}",
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
    told = [i for i, line in enumerate(lines) if line.startswith(_FAILED)]
    if told:
        return " ".join(lines[told[-1] :])[len(_FAILED) :]
    return lines[-1] if lines else f"exit code {code}."


class Stopped(Exception):  # noqa: N818 (nothing went wrong)
    """The comparison was asked to stop, and can be resumed.

    Attributes:
      exit_code: Exit code that shells expect after the signal.
    """

    def __init__(self, number: int, run: Run):
        super().__init__(
            f"Stopped by {signal.Signals(number).name} during {run.title}. The same "
            "command goes on from there."
        )
        self.exit_code = 128 + number


def make_runs(runs: Sequence[Run]) -> dict[str, str]:
    """Makes the runs that have not finished; one that fails does not stop the others.

    Returns:
      Names of the runs that failed, with the reasons.

    Raises:
      Stopped: After SIGTERM or Ctrl-C, which is also passed on to the current run.
    """
    left = [run for run in runs if not run.read_figures()]
    failures = {}
    if there := len(runs) - len(left):
        print(f"{there} of {len(runs)} runs are there already.")
    bar = Progress("", len(runs), "runs", there, lines=False)  # It prints lines.
    start = time.monotonic()
    with Signals() as signals, bar:
        for num_made, run in enumerate(left, start=1):
            bar.retitle(run.title)
            reason = make_run(run, signals)
            if signals.stopped_by is not None:
                raise Stopped(signals.stopped_by, run)
            if reason:
                failures[run.name] = reason
            elapsed = time.monotonic() - start
            to_go = elapsed / num_made * (len(left) - num_made)
            bar.update()
            say(
                f"[{bar.done}/{len(runs)}] {run.title}: {_outcome(run, reason)} "
                f"({spell_time(elapsed)} elapsed, "
                f"{spell_time(to_go)} left)"
            )
    return failures


def _outcome(run: Run, reason: str) -> str:
    if reason:
        return f"failed: {reason} See '{run.log}'."
    figure = run.read_figures().get(RECALL.name)
    return "done" if figure is None else f"{RECALL.label} {figure:.{RECALL.digits}f}"


def check_folder(plan: ComparisonPlan) -> None:
    """Checks that the folder is free, or holds runs with the same settings.

    Recipes and seeds may be added; finished runs are not made again.

    Raises:
      WorkdirError: If it holds something else, or a run with other settings.
    """
    folder = plan.folder
    if folder.exists() and not folder.is_dir():
        raise WorkdirError(f"'{folder}' is a file; --workdir must be a folder.")
    names = [path.name for path in folder.iterdir()] if folder.exists() else []
    # A kill may have left the unfinished mark, before there was anything else.
    others = [name for name in names if not name.startswith(f".{_MARK}.")]
    if others and not (folder / _MARK).is_file():
        raise WorkdirError(
            f"'{folder}' is not empty and holds no comparison. Name another "
            "--workdir, or empty this one."
        )
    for run in plan.runs:
        run.workdir.check(run.config)


def open_folder(plan: ComparisonPlan) -> None:
    """Makes the folder if it does not exist, and writes the flags into it."""
    plan.folder.mkdir(parents=True, exist_ok=True)
    write_text(plan.folder / _MARK, "".join(f"{flag}\n" for flag in plan.flags))
