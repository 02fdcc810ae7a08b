"""Parts on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

# While one part computes, the next is read: neither the device nor the disk waits.
_AT_A_TIME = 2

Work = Callable[[int, Callable[[int], None]], None]


def run_here(work: Work, numbers: Iterable[int], report: Callable[[int], None]) -> None:
    """Does parts in order, two at a time; the first failure stops the others.

    Args:
      work: Does one part: takes its number, and a function to tell how many products
        have been done since the last call.
      numbers: The parts.
      report: Is told of progress, from any thread.
    """
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        running = [pool.submit(work, number, report) for number in numbers]
        try:
            finished, _ = wait(running, return_when=FIRST_EXCEPTION)
            for future in finished:
                future.result()
        finally:
            for future in running:
                future.cancel()
