"""Processes that benchmarks exchange lines of JSON with, and their memory."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any


def ask(worker: subprocess.Popen, question: str = "") -> Any:
    """Sends a question to a worker, if there is one, and returns its next answer."""
    if question:
        worker.stdin.write(f"{question}\n")
        worker.stdin.flush()
    answer = worker.stdout.readline()
    if not answer:
        raise RuntimeError(
            f"A worker ended without an answer (status {worker.wait()}); its own "
            "error is above."
        )
    return json.loads(answer)


def peak_gigabytes() -> float:
    """The most memory that this process ever held.

    Not `getrusage`: that begins with what the process that started it held.
    """
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return float(line.split()[1]) / 2**20
    raise RuntimeError("/proc/self/status has no VmHWM line; Linux was expected.")
