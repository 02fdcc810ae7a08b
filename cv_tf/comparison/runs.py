"""Makes the runs of a comparison, one after the other."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Sequence

from tqdm import tqdm

from cv_tf.comparison.figures import RECALL
from cv_tf.comparison.plan import Run
from cv_tf.comparison.process import Signals, make_run


class Stopped(Exception):  # noqa: N818 (nothing went wrong)
    """The comparison was asked to stop, and can be gone on with.

    Attributes:
      exit_code: What shells expect after the signal.
    """

    def __init__(self, number: int, run: Run):
        super().__init__(
            f"Stopped by {signal.Signals(number).name} during {run.title}. The same "
            "command goes on from there."
        )
        self.exit_code = 128 + number


def make_runs(runs: Sequence[Run]) -> dict[str, str]:
    """Makes the runs that have not finished yet; one that fails stops no other.

    Args:
      runs: In the order in which they are made.

    Returns:
      Names of runs that failed, and why.

    Raises:
      Stopped: After SIGTERM or Ctrl-C, which the run under way was told of, too.
    """
    left = [run for run in runs if not run.read_figures()]
    if len(left) < len(runs):
        print(f"{len(runs) - len(left)} of {len(runs)} runs are there already.")
    failures = {}
    with Signals() as signals, _Progress(len(runs), len(left)) as progress:
        for run in left:
            progress.begin(run)
            reason = make_run(run, signals)
            if signals.stopped_by is not None:
                raise Stopped(signals.stopped_by, run)
            if reason:
                failures[run.name] = reason
            progress.end(run, reason)
    return failures


class _Progress:
    """A bar for people, and a line a run for logs."""

    def __init__(self, num_runs: int, num_left: int):
        self._num_runs, self._num_left = num_runs, num_left
        self._num_made = 0
        self._start = time.monotonic()
        self._bar = tqdm(total=num_runs, initial=num_runs - num_left, unit="run")

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_) -> None:
        self._bar.close()

    def begin(self, run: Run) -> None:
        """Says which run is under way."""
        self._bar.set_description(run.title)

    def end(self, run: Run, reason: str) -> None:
        """Says what became of it, and how long the others will take."""
        self._num_made += 1
        self._num_left -= 1
        elapsed = time.monotonic() - self._start
        left = elapsed / self._num_made * self._num_left
        self._bar.update()
        tqdm.write(
            f"[{self._num_runs - self._num_left}/{self._num_runs}] {run.title}: "
            f"{_outcome(run, reason)} ({tqdm.format_interval(elapsed)} elapsed, "
            f"{tqdm.format_interval(left)} left)"
        )
        sys.stdout.flush()  # Whoever reads a log of this wants to know now.


def _outcome(run: Run, reason: str) -> str:
    if reason:
        return f"failed: {reason} See '{run.log}'."
    figure = run.read_figures().get(RECALL.name)
    return "done" if figure is None else f"{RECALL.label} {figure:.{RECALL.digits}f}"
