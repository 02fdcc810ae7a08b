"""Processes that benchmarks ask, one line after the other."""

from __future__ import annotations

import json
import subprocess
from typing import Any


def ask(worker: subprocess.Popen, question: str = "") -> Any:
    """Sends one line to a worker, if there is one, and returns what it answers."""
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
