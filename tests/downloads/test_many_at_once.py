"""Many photos: bounds on requests, hosts that hang, kills, several processes."""

import contextlib
import functools
import hashlib
import json
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import tracemalloc
import types
from pathlib import Path
from random import Random

import pytest
from photo_server import photo_of

from cv_tf.downloads import download_photos
from cv_tf.downloads.download_run import _End
from cv_tf.downloads.photo_cache import PhotoCache

pytestmark = pytest.mark.integration

# Prints a line when it begins, and what became of the photos.
PROGRAM = """
import json, sys
from pathlib import Path
from cv_tf.downloads import DownloadLimits, download_photos
cache, at_once, *urls = json.load(sys.stdin)
print("begins", flush=True)
limits = DownloadLimits(at_once, allow_http=True, allow_private=True)
found = download_photos(urls, Path(cache), limits, progress=False)
print(json.dumps(found))
"""


@pytest.fixture
def start():
    """A function that downloads in another process."""
    processes = []

    def begin(cache, urls, at_once=4):
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        process.stdin.write(json.dumps([str(cache), at_once, *urls]))
        process.stdin.close()
        assert process.stdout.readline() == "begins\n"
        return process

    yield begin
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()


def _wait_until(is_true, seconds=10.0):
    until = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < until
        time.sleep(0.005)


def _check(cache):
    """Whatever is in a cache is whole; returns how many photos."""
    objects = [path for path in (cache / "objects").rglob("*") if path.is_file()]
    for path in objects:
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.stem
    return len(objects)


def test_requests_at_once_are_bounded(server, download):
    server.otherwise = lambda it: time.sleep(0.05) or it.answer(body=photo_of(it.path))
    begun = time.monotonic()
    found = download(*(server.url(f"/{n}") for n in range(24)), at_once=6)
    assert all(one.path for one in found.values())
    assert server.most_running <= 6
    assert server.most_running >= 4
    assert time.monotonic() - begun >= 4 * 0.05


def test_requests_a_second_are_bounded_host_by_host(server, other_server, download):
    urls = [one.url(f"/{n}") for n in range(8) for one in (server, other_server)]
    begun = time.monotonic()
    assert all(one.path for one in download(*urls, per_second=20.0).values())
    assert 7 / 20 <= time.monotonic() - begun < 2
    for one in (server, other_server):
        times = [at for _, _, at in one.requests]
        assert times[-1] - times[0] >= 0.9 * 7 / 20


def test_a_host_that_hangs_does_not_hold_others(server, other_server, download):
    server.otherwise = lambda it: it.hang()
    slow = [server.url(f"/{n}") for n in range(6)]
    quick = [other_server.url(f"/{n}") for n in range(40)]
    found = download(*slow, *quick, at_once=4, seconds=1.0, attempts=1)
    assert all(found[url].path for url in quick)
    assert {found[url].reason for url in slow} == {"the photo is not there after 1 s"}
    first_timeout = server.requests[0][2] + 1.0
    assert other_server.requests[-1][2] < first_timeout


def test_photos_are_not_held_in_memory(server, download):
    piece = bytes(100_000)

    def send(it):
        begin = photo_of(it.path)
        it.answer(body=begin, Content_Length=len(begin) + 100 * len(piece))
        for _ in range(100):
            it.wfile.write(piece)

    server.otherwise = send
    tracemalloc.start()
    try:
        found = download(*(server.url(f"/{n}") for n in range(8)), at_once=8)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert all(Path(one.path).stat().st_size > 10_000_000 for one in found.values())
    assert peak < 5_000_000  # Of 80 MB.


@pytest.mark.parametrize("num_photos", [1, 7, 20])
def test_a_kill_leaves_nothing_half_written(
    num_photos, server, start, download, tmp_path
):
    cache = tmp_path / "cache"
    urls = [server.url(f"/{n}") for n in range(30)]

    def slowly(it):
        body = photo_of(it.path)
        it.answer(body=body[:100], Content_Length=len(body))
        time.sleep(0.02)
        it.wfile.write(body[100:])

    server.otherwise = slowly
    process = start(cache, urls)
    _wait_until(lambda: server.asked.total() >= num_photos)
    process.kill()
    process.wait()
    done = _check(cache)
    found = download(*urls)
    assert all(Path(one.path).read_bytes() for one in found.values())
    assert _check(cache) == 30
    # Nothing is asked for again but what was on its way, four at a time.
    assert done >= num_photos - 4
    assert server.asked.total() <= 30 + 4
    assert {path.name for path in cache.iterdir()} <= {
        *("objects", "claims", "index.sqlite", "index.sqlite-wal", "index.sqlite-shm")
    }


def test_an_interrupt_ends_it_at_once_and_keeps_what_is_whole(
    server, start, download, tmp_path
):
    cache = tmp_path / "cache"
    urls = [server.url(f"/{n}") for n in range(20)]
    server.otherwise = lambda it: (
        it.answer(body=photo_of(it.path)) if int(it.path[1:]) < 10 else it.hang()
    )
    process = start(cache, urls)
    _wait_until(lambda: server.asked.total() >= 14)
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.wait(30) not in (0, -signal.SIGKILL)
    assert time.monotonic() - begun < 15  # A photo that hangs would take 30.
    assert "KeyboardInterrupt" in process.stderr.read()
    assert _check(cache) == 10
    assert not list(cache.glob(".*.unfinished"))
    server.otherwise = lambda it: it.answer(body=photo_of(it.path))
    assert all(one.path for one in download(*urls).values())
    assert all(server.asked[f"/{n}"] == 1 for n in range(10))


def test_an_interrupt_at_any_moment_leaves_no_lock_behind():
    def interrupt(*_):
        raise KeyboardInterrupt

    def wait_in_short_intervals(end):
        while not end.wait(2e-5):
            pass

    before = signal.signal(signal.SIGALRM, interrupt)
    random = Random(0)
    try:
        for _ in range(1000):
            end = _End()
            with contextlib.suppress(KeyboardInterrupt):
                signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-5, 2e-3))
                wait_in_short_intervals(end)
            setter = threading.Thread(target=end.set, daemon=True)
            setter.start()
            setter.join(5)
            assert not setter.is_alive()
            assert end.wait(0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_two_processes_share_a_cache(server, start, tmp_path):
    server.otherwise = lambda it: time.sleep(0.02) or it.answer(body=photo_of(it.path))
    urls = [server.url(f"/{n}") for n in range(40)]
    both = [start(tmp_path / "cache", order) for order in (urls, urls[::-1])]
    for process in both:
        found = json.loads(process.stdout.read())
        assert {Path(path).read_bytes() for path, _ in found.values()} == {
            photo_of(f"/{n}") for n in range(40)
        }
    assert set(server.asked.values()) == {1}
    assert _check(tmp_path / "cache") == 40


def test_what_a_killed_process_has_claimed_is_free(server, start, download, tmp_path):
    server.routes["/0"] = lambda it: (
        it.hang() if server.asked["/0"] == 1 else (it.answer(body=photo_of("/0")))
    )
    process = start(tmp_path / "cache", [server.url("/0")])
    _wait_until(lambda: server.asked["/0"] == 1)
    cache = PhotoCache(tmp_path / "cache")
    assert not cache.claim(server.url("/0"))
    assert cache.claim(server.url("/1"))
    cache.close()
    process.kill()
    process.wait()
    assert download(server.url("/0"))[server.url("/0")].path


def test_threads_may_download_at_once(server, limits, tmp_path):
    urls = [server.url(f"/{n}") for n in range(20)]
    found = []

    def fetch():
        found.append(download_photos(urls, tmp_path, limits(), progress=False))

    threads = [threading.Thread(target=fetch) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3
    assert found[0] == found[1] == found[2]
    assert all(one.path for one in found[0].values())


def test_an_index_that_is_made_while_it_is_looked_at_is_used(tmp_path, monkeypatch):
    connect, made = sqlite3.connect, []

    class Slow(sqlite3.Connection):
        """Another thread makes the index right after the first question to it."""

        def execute(self, statement, *values):
            found = super().execute(statement, *values)
            is_asked = "application_id" in statement or "sqlite_master" in statement
            if is_asked and not made:
                rows = found.fetchall()
                with monkeypatch.context() as patch:
                    patch.setattr(sqlite3, "connect", connect)
                    made.append(PhotoCache(tmp_path))
                return types.SimpleNamespace(fetchone=lambda: rows[0])
            return found

    monkeypatch.setattr(sqlite3, "connect", functools.partial(connect, factory=Slow))
    PhotoCache(tmp_path).close()
    made[0].close()


def test_a_refresh_keeps_the_photo_that_is_there_when_killed(
    server, start, download, tmp_path
):
    url = server.url("/a")
    first = download(url)[url]
    server.otherwise = lambda it: it.hang()
    program = PROGRAM.replace("progress=False", "refresh=True, progress=False")
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, text=True
    )
    process.stdin.write(json.dumps([str(tmp_path / "cache"), 4, url]))
    process.stdin.close()
    _wait_until(lambda: server.asked["/a"] == 2)
    process.kill()
    process.wait()
    assert download(url)[url] == first
