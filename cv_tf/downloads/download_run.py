"""Threads that fetch photos: attempts, redirects, and hosts that are left alone."""

from __future__ import annotations

import contextlib
import queue
import random
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from absl import logging

from cv_tf.downloads.addresses import Address
from cv_tf.downloads.failures import FetchFailure
from cv_tf.downloads.fetch import Fetcher, Redirect, check_redirects
from cv_tf.downloads.host_queues import HostQueues, PhotoTask
from cv_tf.downloads.limits import DownloadLimits
from cv_tf.downloads.photo_cache import PhotoCache, StoredPhoto
from cv_tf.downloads.wire import THREADS
from cv_tf.progress import Progress

_FIRST_PAUSE = 0.5  # Seconds before the second attempt; each further one is twice it.
_LONGEST_PAUSE = 30.0
_POLL = 0.2  # Seconds between looks whether another process has fetched a photo.
_REDRAW = 0.1  # Seconds between looks at how far the threads are.
_PATIENCE = 1.0  # Seconds for threads to end after they were told to.
# Photos that fail one after the other, in all attempts, until their host is left alone.
_MOST_FAILED = 20


class Downloaded(NamedTuple):
    """What became of a photo.

    Attributes:
      path: Absolute path of the photo in the cache; "" if it could not be fetched.
      reason: Why not: the end of a sentence, such as "the server answers 404 (Not
        Found)"; "" if it was fetched.
    """

    path: str = ""
    reason: str = ""


class _End:
    """Tells threads, and the main thread that waits for it, that a run is over.

    A `threading.Event` that the main thread waits for may stay locked for ever when
    Ctrl-C comes, as it locks and unlocks in Python. Here a wait is one call of C.
    """

    def __init__(self) -> None:
        self._is_set = False
        self._said: queue.SimpleQueue[None] = queue.SimpleQueue()

    def is_set(self) -> bool:
        return self._is_set

    def set(self) -> None:
        self._is_set = True
        self._said.put(None)

    def wait(self, seconds: float) -> bool:
        """Waits so long at most; returns whether the run is over."""
        if not self._is_set:
            with contextlib.suppress(queue.Empty):
                self._said.get(timeout=seconds)
        return self._is_set


class DownloadRun:
    """Threads that fetch photos, and what became of these so far."""

    def __init__(
        self,
        store: PhotoCache,
        limits: DownloadLimits,
        known: Mapping[str, StoredPhoto],
    ):
        self._store, self._limits, self._known = store, limits, known
        self._queues = HostQueues(limits.at_once, limits.per_second)
        self._begun = time.time()
        self._lock = threading.Lock()
        self._results: dict[str, Downloaded] = {}
        self._num_failed = 0
        self._unrefreshed: list[tuple[str, str]] = []  # Addresses and reasons.
        self._failed_in_a_row: Counter[str] = Counter()  # By host.
        self._given_up: dict[str, str] = {}  # Why, by host.
        self._error: BaseException | None = None
        self._num_wanted = 0
        self._is_over = _End()

    def fetch_all(
        self, addresses: Sequence[Address], progress: bool
    ) -> dict[str, Downloaded]:
        """Fetches photos; returns what became of them, by address."""
        self._num_wanted = len(addresses)
        for address in addresses:
            self._queues.put(PhotoTask(address, address))
        with self._store.receiving() as folder:
            self._fetcher = Fetcher(self._limits, folder)
            num_threads = min(self._limits.at_once, len(addresses))
            threads = [
                # What waits for a name server cannot be ended, and ends with Python.
                threading.Thread(target=self._work, name=f"{THREADS}-{i}", daemon=True)
                for i in range(num_threads)
            ]
            try:
                for thread in threads:
                    thread.start()
                self._show(len(addresses), progress)
            finally:
                self._stop(threads)
            if self._error is not None:
                raise self._error
        return self._results

    def warn(self) -> None:
        """Says of how many photos nobody knows whether they have changed."""
        if self._unrefreshed:
            logging.warning(
                "%s of %s photos could not be asked for again; those of before are "
                "used. The first is %s: %s.",
                f"{len(self._unrefreshed):,}",
                f"{self._num_wanted:,}",
                *self._unrefreshed[0],
            )

    def _show(self, num_photos: int, progress: bool) -> None:
        """Waits for the end, and shows how far it is."""
        title = "Downloading photos"
        with Progress(title, num_photos, "photos", shown=progress) as bar:
            is_over = False
            while not is_over:
                is_over = self._is_over.wait(_REDRAW)
                with self._lock:
                    num_done, num_failed = len(self._results), self._num_failed
                note = f"{num_failed:,} rejected" if num_failed else ""
                bar.update(num_done - bar.done, note)

    def _stop(self, threads: Sequence[threading.Thread]) -> None:
        self._is_over.set()
        self._queues.close()
        self._fetcher.close()
        until = time.monotonic() + _PATIENCE
        for thread in threads:
            if thread.ident is not None:
                thread.join(max(0.0, until - time.monotonic()))

    def _work(self) -> None:
        """What each thread does: one task after the other."""
        while (taken := self._queues.take()) is not None:
            place, task = taken
            try:
                self._run(place, task)
            except BaseException as error:  # Raised in the main thread.
                if not self._is_over.is_set():
                    self._error = error
                    self._is_over.set()
                return
            finally:
                self._queues.finished(place)

    def _run(self, place: str, task: PhotoTask) -> None:
        if not task.is_claimed and not self._claim(task):
            return
        begun = time.monotonic()
        try:
            deadline = begun + self._limits.seconds - task.seconds
            known = self._known.get(task.address.url)
            photo, received = self._fetcher.fetch(task.target, known, deadline)
            if received is None:
                self._store.note(task.address.url, photo)
            else:
                self._store.keep(task.address.url, received, photo)
        except Redirect as redirect:
            task.seconds += time.monotonic() - begun
            self._follow(task, redirect.target)
        except FetchFailure as failure:
            if not self._is_over.is_set():
                self._fail(place, task, failure)
        else:
            with self._lock:
                self._failed_in_a_row[place] = 0
            self._finish(task, Downloaded(self._store.path(photo)))

    def _claim(self, task: PhotoTask) -> bool:
        """Whether a photo is to be fetched here, and is not there by now."""
        if not self._store.claim(task.address.url):
            self._queues.put(task, _POLL)
            return False
        task.is_claimed = True
        url = task.address.url
        photo = self._store.find_all([url]).get(url)
        if photo is None or (url in self._known and photo.asked < self._begun):
            return True
        self._finish(task, Downloaded(self._store.path(photo)))
        return False

    def _follow(self, task: PhotoTask, target: Address) -> None:
        task.num_redirects += 1
        try:
            check_redirects(task.num_redirects)
        except FetchFailure as failure:
            self._reject(task, failure.reason)
            return
        task.target = target
        self._put(task)

    def _fail(self, place: str, task: PhotoTask, failure: FetchFailure) -> None:
        if not failure.again:
            with self._lock:
                self._failed_in_a_row[place] = 0  # Its server has answered.
            self._reject(task, failure.reason)
            return
        if failure.wait:
            self._queues.hold(place, failure.wait)
        if task.attempt < self._limits.attempts:
            pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (task.attempt - 1))
            task.begin_again()
            self._put(task, pause * random.uniform(0.5, 1.5))  # noqa: S311
            return
        attempts = f", in {task.attempt} attempts" if task.attempt > 1 else ""
        self._reject(task, f"{failure.reason}{attempts}")
        with self._lock:
            self._failed_in_a_row[place] += 1
            if self._failed_in_a_row[place] < _MOST_FAILED or place in self._given_up:
                return
            self._given_up[place] = (
                f"it was not asked for, as {_MOST_FAILED} photos of {place} failed one "
                f"after the other, at last because {failure.reason}"
            )
        for left in self._queues.remove(place):
            self._reject(left, self._given_up[place])

    def _put(self, task: PhotoTask, wait: float = 0.0) -> None:
        """Queues a task, unless its host is left alone."""
        if reason := self._given_up.get(task.target.place):
            self._reject(task, reason)
        else:
            self._queues.put(task, wait)

    def _reject(self, task: PhotoTask, reason: str) -> None:
        url = task.address.url
        if (known := self._known.get(url)) is None:
            self._finish(task, Downloaded(reason=reason))
            return
        with self._lock:
            self._unrefreshed.append((url, reason))
        self._finish(task, Downloaded(self._store.path(known)))

    def _finish(self, task: PhotoTask, result: Downloaded) -> None:
        if task.is_claimed:
            self._store.release(task.address.url)
        with self._lock:
            self._results[task.address.url] = result
            self._num_failed += not result.path
            if len(self._results) == self._num_wanted:
                self._is_over.set()
