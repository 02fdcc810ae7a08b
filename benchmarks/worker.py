"""Processes that benchmarks exchange lines of JSON with."""

from __future__ import annotations

import json
import subprocess
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
