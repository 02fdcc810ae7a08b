"""The figures that a comparison shows."""

from __future__ import annotations

from typing import NamedTuple


class Figure(NamedTuple):
    """A column of the table.

    Attributes:
      name: As in `metrics.json`.
      label: As a reader calls it.
      digits: After the point.
      better: "higher" or "lower"; "" for what is given beforehand.
    """

    name: str
    label: str
    digits: int = 3
    better: str = "higher"


RECALL = Figure("recall_at_1_in_block", "R@1 in block")
PRECISION = Figure("map_at_r_in_block", "mAP@R in block")
FMS = Figure("fms", "FMS")

QUALITY = (
    RECALL,
    Figure("recall_at_1", "R@1"),
    PRECISION,
    Figure("map_at_r", "mAP@R"),
    Figure("cgacc", "CGacc"),
    Figure("ari", "ARI"),
    FMS,
    Figure("nmi", "NMI"),
)
COST = (
    Figure("images_per_second", "images/s", 1),
    Figure("seconds", "training s", 1, "lower"),
    Figure("peak_memory_gigabytes", "peak GB", 2, "lower"),
    Figure("images_seen", "images seen", 0, ""),
)
FIGURES = QUALITY + COST
