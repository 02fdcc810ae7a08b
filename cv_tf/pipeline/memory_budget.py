"""Memory that all threads of a process share while they read and decode photos."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Iterator


class MemoryBudget:
    """Bytes that threads hold at a time; who comes when there are none left waits.

    Threads are served in the order in which they come, so that a large photo waits no
    longer than a small one. One that needs more than there is holds all, and is alone.

    Args:
      num_bytes: Bytes that may be held at a time.

    Example:
      >>> budget = MemoryBudget(100)
      >>> with budget.hold(60):
      ...     budget.held
      60
      >>> budget.held
      0
    """

    def __init__(self, num_bytes: int) -> None:
        self._num_bytes = num_bytes
        self._held = 0
        self._waiting: deque[object] = deque()
        self._changed = threading.Condition()

    @property
    def held(self) -> int:
        """The bytes that are held at this moment."""
        return self._held

    @contextlib.contextmanager
    def hold(self, num_bytes: int) -> Iterator[None]:
        """Holds a number of bytes until the end of the block.

        A thread must not hold twice of one budget: it could wait for itself.
        """
        wanted = min(max(num_bytes, 0), self._num_bytes)
        ticket = object()
        with self._changed:
            self._waiting.append(ticket)
            try:
                self._changed.wait_for(
                    lambda: (
                        self._waiting[0] is ticket
                        and self._held + wanted <= self._num_bytes
                    )
                )
                self._held += wanted
            finally:
                self._waiting.remove(ticket)
                self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._held -= wanted
                self._changed.notify_all()


# Files are held while their pixels are waited for, never the other way around.
FILES = MemoryBudget(420 * 10**6)
PIXELS = MemoryBudget(2**30)
