"""Products left out, and why."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from cv_tf.catalog.whole_file import whole_file


class Reject(NamedTuple):
    """A product whose photo cannot be used, with the reason in plain words."""

    product_id: str
    image: str
    reason: str


def write_rejects(path: str | Path, rejects: Sequence[Reject]) -> None:
    """Writes rejects as CSV: product_id, image, reason. The file appears whole."""
    with (
        whole_file(Path(path)) as unfinished,
        unfinished.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(Reject._fields)
        writer.writerows(rejects)
