"""Times downloads of photos from a server on this machine.

    python benchmarks/downloads.py

A server in a process of its own sends photos of 15 KB, each another one, at once or
after 50 ms. Downloads with different numbers of requests at a time take turns, each
into a new cache, and each is then repeated, when all photos are there. What is measured
is this machine: how many photos a second a server allows, and a line carries, is
another matter. Prints a Markdown table of photos/s, and writes it to
benchmarks/results/downloads.md.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import socketserver
import statistics
import tempfile
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path

from cv_tf.downloads import DownloadLimits, download_photos

RESULT = Path(__file__).parent / "results" / "downloads.md"
PHOTO_BYTES = 15_000
# Milliseconds that the server waits, and requests at a time.
CASES = ((0, 1), (0, 4), (0, 16), (0, 64), (50, 16), (50, 64))


def main() -> None:
    """Runs the rounds, prints the table and writes it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=4000, help="a download")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    ours, theirs = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    server = context.Process(target=serve, args=(theirs,), daemon=True)
    server.start()
    port = ours.recv()
    rates = {(case, what): [] for case in CASES for what in ("new", "there")}
    try:
        for _ in range(arguments.rounds):
            for wait, at_once in CASES:
                photos = range(arguments.photos)
                urls = [f"http://127.0.0.1:{port}/{wait}/{n}.jpg" for n in photos]
                with tempfile.TemporaryDirectory() as folder:
                    for what in ("new", "there"):
                        rate = photos_per_second(urls, Path(folder), at_once)
                        rates[(wait, at_once), what].append(rate)
    finally:
        server.terminate()
    report = f"{preamble(arguments)}\n{table(rates)}\n"
    print(report)
    RESULT.write_text(report)


def photos_per_second(urls: list[str], folder: Path, at_once: int) -> float:
    """Downloads photos, or finds them in the cache."""
    limits = DownloadLimits(at_once, allow_http=True, allow_private=True)
    start = time.perf_counter()
    found = download_photos(urls, folder, limits, progress=False)
    seconds = time.perf_counter() - start
    failed = next((one.reason for one in found.values() if not one.path), "")
    if failed:
        raise SystemExit(f"A photo could not be downloaded: {failed}.")
    return len(urls) / seconds


def serve(pipe: Connection) -> None:
    """Sends what begins as a JPEG does; tells its port first."""

    class Photos(socketserver.StreamRequestHandler):
        disable_nagle_algorithm = True

        def handle(self) -> None:
            while (line := self.rfile.readline()).strip():
                while self.rfile.readline().strip():
                    pass
                time.sleep(int(line.split(b"/")[1]) / 1000)
                body = b"\xff\xd8\xff" + line
                body += bytes(PHOTO_BYTES - len(body))
                head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n"
                self.wfile.write(head.encode() + body)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        request_queue_size = 256

    with Server(("127.0.0.1", 0), Photos) as server:
        pipe.send(server.server_address[1])
        threading.Thread(target=server.serve_forever, daemon=True).start()
        pipe.poll(None)  # Until the other end is gone.


def preamble(arguments: argparse.Namespace) -> str:
    """The head of the report: the measurement and the machine."""
    return (
        "# Downloads from a server on the same machine\n\n"
        f"`python benchmarks/downloads.py --photos={arguments.photos} "
        f"--rounds={arguments.rounds}`: photos of {PHOTO_BYTES:,} bytes, medians of "
        "rounds in turns (lowest, highest), server in another process, without TLS, "
        f"{os.cpu_count()} cores for both, load {os.getloadavg()[1]:.1f} in the last "
        f"five minutes, Python {platform.python_version()}, {platform.machine()}. "
        'Photos that are "there" are found in the cache by a second run.\n'
    )


def table(rates: dict[tuple[tuple[int, int], str], list[float]]) -> str:
    """Photos a second of each case."""
    lines = [
        "| the server waits | requests at a time | new photos/s | there, photos/s |"
    ]
    lines.append("| ---: | ---: | ---: | ---: |")
    for case in CASES:
        cells = []
        for what in ("new", "there"):
            of = rates[case, what]
            low, high = f"{min(of):,.0f}", f"{max(of):,.0f}"
            cells.append(f"{statistics.median(of):,.0f} ({low}, {high})")
        lines.append(f"| {case[0]} ms | {case[1]} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
