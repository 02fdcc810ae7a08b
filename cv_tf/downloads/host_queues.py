"""Which photo is asked for next: hosts take turns, each at its own pace."""

from __future__ import annotations

import collections
import dataclasses
import heapq
import itertools
import threading
import time

from cv_tf.downloads.addresses import Address

_LONGEST_WAIT = 60.0  # Seconds; who waits looks again then at the latest.


@dataclasses.dataclass(eq=False, slots=True)
class PhotoTask:
    """A photo that is to be fetched.

    Attributes:
      address: Of the photo, as it is known.
      target: What is asked next: `address`, or where it has redirected to.
      num_redirects: Of the attempt.
      attempt: Number of the attempt, from 1 on.
      seconds: What the attempt has taken.
      is_claimed: Whether no other process may ask for it.
    """

    address: Address
    target: Address
    num_redirects: int = 0
    attempt: int = 1
    seconds: float = 0.0
    is_claimed: bool = False

    def begin_again(self) -> None:
        """Begins the next attempt."""
        self.target, self.num_redirects, self.seconds = self.address, 0, 0.0
        self.attempt += 1


class _Host:
    """What is to be asked of one server."""

    def __init__(self) -> None:
        self.ready: collections.deque[PhotoTask] = collections.deque()
        self.later: list[tuple[float, int, PhotoTask]] = []  # A heap, by time.
        self.num_running = 0
        self.free_at = 0.0  # Before that, nothing is asked.

    def has_work(self) -> bool:
        """Whether a task waits or runs."""
        return bool(self.ready or self.later or self.num_running)

    def ready_at(self, now: float) -> float:
        """When its next task can run; tasks whose time has come are the next ones.

        Else all of a long list would be asked for once before it is known that a host
        always fails.
        """
        while self.later and self.later[0][0] <= now:
            self.ready.appendleft(heapq.heappop(self.later)[-1])
        if self.ready:
            return self.free_at
        return max(self.free_at, self.later[0][0]) if self.later else float("inf")


class HostQueues:
    """Tasks by host, which threads take one by one.

    Of the tasks that run at once, each host has an equal share, rounded down, and one
    at least: a host that hangs does not hold the others.

    Args:
      at_once: Tasks that run at a time.
      per_second: Tasks of a host that begin in a second; 0 for no limit.
    """

    def __init__(self, at_once: int, per_second: float):
        self._at_once = at_once
        self._pause = 1 / per_second if per_second else 0.0
        # In the order of their turns.
        self._hosts: collections.OrderedDict[str, _Host] = collections.OrderedDict()
        self._num_working = 0  # Hosts of which a task waits or runs.
        self._number = itertools.count()
        self._changed = threading.Condition()
        self._is_closed = False

    def put(self, task: PhotoTask, wait: float = 0.0) -> None:
        """Adds a task, which is not taken for `wait` seconds."""
        with self._changed:
            host = self._hosts.setdefault(task.target.place, _Host())
            self._num_working += not host.has_work()
            if wait > 0:
                at = time.monotonic() + wait
                heapq.heappush(host.later, (at, next(self._number), task))
            else:
                host.ready.append(task)
            self._changed.notify()

    def take(self) -> tuple[str, PhotoTask] | None:
        """Waits for the next task; gives it and its host, None after `close`.

        Call `finished` with the host when nothing is asked any more.
        """
        with self._changed:
            while not self._is_closed:
                found, wait = self._next(time.monotonic())
                if found is not None:
                    return found
                self._changed.wait(wait)
            return None

    def finished(self, place: str) -> None:
        """Says that a task of a host runs no longer."""
        with self._changed:
            host = self._hosts[place]
            host.num_running -= 1
            self._forget(place, host)
            self._changed.notify()

    def hold(self, place: str, seconds: float) -> None:
        """Begins no task of a host for some seconds."""
        with self._changed:
            host = self._hosts.setdefault(place, _Host())
            host.free_at = max(host.free_at, time.monotonic() + seconds)

    def remove(self, place: str) -> list[PhotoTask]:
        """Takes all tasks of a host out that do not run."""
        with self._changed:
            if (host := self._hosts.get(place)) is None:
                return []
            tasks = [*host.ready, *(entry[-1] for entry in host.later)]
            host.ready.clear()
            host.later.clear()
            if tasks:
                self._forget(place, host)
            return tasks

    def close(self) -> None:
        """Ends all waiting: no task is taken any more."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def _next(self, now: float) -> tuple[tuple[str, PhotoTask] | None, float]:
        """The next task if there is one, and seconds after which to look again."""
        share = max(1, self._at_once // max(1, self._num_working))
        wait = _LONGEST_WAIT
        for place, host in self._hosts.items():
            if host.num_running >= share:
                continue
            if (at := host.ready_at(now)) > now:
                wait = min(wait, at - now)
                continue
            task = host.ready.popleft()
            host.num_running += 1
            host.free_at = now + self._pause
            self._hosts.move_to_end(place)
            return (place, task), 0.0
        return None, wait

    def _forget(self, place: str, host: _Host) -> None:
        """Forgets a host that has no work, once it could be asked again."""
        if not host.has_work():
            self._num_working -= 1
            if host.free_at <= time.monotonic():
                del self._hosts[place]
