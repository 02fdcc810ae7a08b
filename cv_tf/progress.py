"""Progress of long work: a bar on a terminal, plain lines elsewhere, or nothing."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from tqdm import tqdm

_EVERY = 30.0  # Seconds between two lines.
_quiet = False  # Of this process, as `quiet` says.


@contextlib.contextmanager
def quiet(is_on: bool = True) -> Iterator[None]:
    """Within it, no progress and no hints are shown, in all threads of this process."""
    global _quiet  # noqa: PLW0603 (whoever shows progress may be in any room)
    before, _quiet = _quiet, is_on
    try:
        yield
    finally:
        _quiet = before


def is_quiet() -> bool:
    """Whether progress and hints are to be left out."""
    return _quiet


def say(text: str) -> None:
    """Prints a line about work that goes on, above its bar; nothing if quiet."""
    if not _quiet and sys.stdout is not None:  # A daemon may have none.
        tqdm.write(text)
        sys.stdout.flush()  # Logs show the line at once.


def draws_bars() -> bool:
    """Whether bars can be redrawn: on a terminal, and in a notebook."""
    if sys.stderr is None:  # As a daemon may have it.
        return False
    return sys.stderr.isatty() or _is_in_notebook()


def _is_in_notebook() -> bool:
    """Whether this process is the kernel of a notebook, and not one that knows how."""
    kernels = sys.modules.get("ipykernel.kernelapp")
    return kernels is not None and kernels.IPKernelApp.initialized()


class _Bar(tqdm):
    """A bar that says "2.6 s/steps" of slow work, without a blank before the unit."""

    @staticmethod
    def format_meter(*args: Any, **kwargs: Any) -> str:
        """See base class."""
        return tqdm.format_meter(*args, **kwargs).replace("s/ ", "s/")


class Progress:
    """How far a work is, on standard error.

    A terminal shows a bar. Elsewhere, such as in a log, there is a line every 30
    seconds, and one at the end of work that took as long; quick work says nothing.

    Args:
      title: Name of the work, such as "Embedding".
      total: Number of things to do; None if unknown.
      unit: Name of the things, in the plural, such as "photos".
      initial: Number of things that were done before.
      shown: False to show nothing.
      leave: Whether the bar stays when the work is over.
      lines: False for work that prints lines of its own: then there is only a bar.
      clock: Function that returns seconds.

    Example:
      >>> with Progress("Counting", 3, "sheep") as progress:
      ...     for sheep in range(3):
      ...         progress.update()
    """

    def __init__(
        self,
        title: str,
        total: int | None = None,
        unit: str = "",
        initial: int = 0,
        shown: bool = True,
        leave: bool = True,
        lines: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.title, self.done = title, initial
        self._total, self._unit, self._initial = total, unit, initial
        self._clock = clock
        self._start = self._told_at = clock()
        self._told, self._note = initial, ""
        shown = shown and not _quiet
        self._bar = None
        if shown and draws_bars():
            self._bar = _Bar(
                desc=title, total=total, initial=initial, unit=f" {unit}", leave=leave
            )
        self._has_lines = shown and lines and self._bar is None
        self._lock = threading.Lock()  # Some work is counted by several threads.

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._has_lines = self._has_lines and kind is None  # What fails is not done.
        self.close()

    @property
    def rate(self) -> float:
        """Things done a second, of late."""
        if self._bar is not None:
            return self._bar.format_dict["rate"] or 0.0
        seconds = self._clock() - self._told_at
        return (self.done - self._told) / seconds if seconds > 0 else 0.0

    def update(self, number: int = 1, note: str = "") -> None:
        """Counts things that are done; the note is shown behind their number."""
        with self._lock:
            self.done += number
            self._note = note or self._note
            if self._bar is not None:
                if note:
                    self._bar.set_postfix_str(note, refresh=False)
                self._bar.update(number)
            elif self._has_lines and self._clock() - self._told_at >= _EVERY:
                self._print(self._line())
                self._told, self._told_at = self.done, self._clock()

    def retitle(self, title: str) -> None:
        """Says what is done from now on."""
        self.title = title
        if self._bar is not None:
            self._bar.set_description(title)

    def close(self) -> None:
        """Ends the bar, or says in a line that long work is done."""
        if self._bar is not None:
            self._bar.close()
        seconds = self._clock() - self._start
        is_done = self._total is None or self.done >= self._total
        if self._has_lines and is_done and seconds >= _EVERY:
            self._print(f"{self.title}: {self.done:,} done in {spell_time(seconds)}")
        self._has_lines = False

    def _line(self) -> str:
        line, rate = f"{self.title}: {self.done:,}", self.rate
        if self._total:
            line += f" of {self._total:,} ({100 * self.done // self._total}%)"
        digits = 0 if rate >= 10 else 1 if rate >= 1 else 2
        line += f", {rate:,.{digits}f} {self._unit}".rstrip() + "/s"
        if self._total and rate:
            line += f", {spell_time((self._total - self.done) / rate)} left"
        return f"{line}, {self._note}" if self._note else line

    def _print(self, line: str) -> None:
        if sys.stderr is not None:  # Else it would go among the results.
            print(line, file=sys.stderr, flush=True)


def spell_time(seconds: float) -> str:
    """Spells a time as people say it.

    Example:
      >>> spell_time(45), spell_time(200), spell_time(8000)
      ('45 s', '3 min', '2 h 13 min')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"
