"""The side of embedding.py that embeds photos with fastdup, in a Python of its own."""

from __future__ import annotations

import csv
import json
import os
import resource
import shutil
import sys
import time
from pathlib import Path


def main() -> None:
    """Answers until there are no more questions."""
    about = json.loads(sys.stdin.readline())
    os.sched_setaffinity(0, range(about["cores"]))
    import fastdup  # noqa: PLC0415 (threads are made when it is loaded)

    folder = Path(about["folder"])
    photos = folder / "photos"
    photos.mkdir(parents=True)
    base = Path(about["catalog"]).absolute().parent
    with Path(about["catalog"]).open(newline="", encoding="utf-8") as file:
        paths = [base / row["image"] for row in csv.DictReader(file)]
    for row in range(about["photos"]):
        path = paths[row % len(paths)]
        shutil.copyfile(path, photos / f"{row}{path.suffix}")
    answer({"photos": about["photos"]})
    for line in sys.stdin:
        if line.strip() == "memory":
            answer(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
            continue
        work = folder / "work"
        shutil.rmtree(work, ignore_errors=True)
        start = time.perf_counter()
        # Mode 1 extracts features, and compares nothing.
        fastdup.run(str(photos), str(work), run_mode=1, num_threads=about["cores"])
        answer(time.perf_counter() - start)


def answer(value: object) -> None:
    """Writes one line."""
    print(f"answer {json.dumps(value)}", flush=True)


if __name__ == "__main__":
    main()
