"""The side of embedding.py that embeds photos with fastdup, in a Python of its own."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

from embedding_answers import Ask, photos_of, serve


def start(about: dict[str, Any]) -> tuple[dict[str, Any], Ask]:
    """Copies the photos to a folder of their own."""
    import fastdup  # noqa: PLC0415 (threads are made when it is loaded)

    photos, work = (Path(about["folder"], name) for name in ("photos", "work"))
    photos.mkdir(parents=True)
    for row, path in enumerate(photos_of(about)):
        shutil.copyfile(path, photos / f"{row}{path.suffix}")

    def ask(_: str) -> float:
        shutil.rmtree(work, ignore_errors=True)
        began = time.perf_counter()
        # Mode 1 extracts features, and compares nothing.
        fastdup.run(str(photos), str(work), run_mode=1, num_threads=about["cores"])
        return time.perf_counter() - began

    return {"photos": about["photos"]}, ask


if __name__ == "__main__":
    serve(start)
