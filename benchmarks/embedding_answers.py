"""What all sides of embedding.py have in common: how they are asked, and on what.

It needs nothing but Python, as some sides have a Python of their own.
"""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from worker import peak_gigabytes

# Does a task by its name, and returns its seconds.
Ask = Callable[[str], float]


def serve(start: Callable[[dict[str, Any]], tuple[dict[str, Any], Ask]]) -> None:
    """Answers until there are no more questions.

    The first line that comes in is JSON, what to work on; others are names of tasks, or
    "memory". Each line that goes out answers one.

    Args:
      start: Prepares a side for what to work on, and returns what it tells of that, and
        what does its tasks. Before, the process is bound to its cores.
    """
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # What libraries print is no answer.
    about = json.loads(sys.stdin.readline())
    os.sched_setaffinity(0, range(about["cores"]))  # Before threads are made.
    told, ask = start(about)
    print(json.dumps(told), file=answers)
    for line in sys.stdin:
        name = line.strip()
        value = peak_gigabytes() if name == "memory" else ask(name)
        print(json.dumps(value), file=answers)


def photos_of(about: dict[str, Any]) -> list[Path]:
    """The photos to work on, the first of a table; repeated if there are too few."""
    base = Path(about["catalog"]).absolute().parent
    with Path(about["catalog"]).open(newline="", encoding="utf-8") as file:
        paths = [base / row["image"] for row in csv.DictReader(file)]
    return [paths[row % len(paths)] for row in range(about["photos"])]
