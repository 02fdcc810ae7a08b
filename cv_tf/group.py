"""Finds the groups of color variants among embedded products.

  python -m cv_tf.group --embeddings=my.parquet --threshold=0.2 --output=groups.csv
  python -m cv_tf.group --embeddings=my.parquet --calibrate=labelled.csv \\
      --output=groups.csv
  python -m cv_tf.group --embeddings=my.parquet --threshold=0.2 \\
      --previous=groups.csv --output=groups_today.csv

Every product is in the output once; those without variants are groups of one. Beside
it, SUMMARY.json holds what is printed and, after --calibrate, a picture and a table
show how precision and recall depend on the threshold.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cv_tf import choices, command
from cv_tf.config import ConfigError, GroupingSettings
from cv_tf.jobs.run import EngineSettings
from cv_tf.setting import setting

if TYPE_CHECKING:
    from cv_tf.embedding import Embeddings
    from cv_tf.grouping import Calibration


@dataclasses.dataclass(kw_only=True)
class GroupConfig(EngineSettings, GroupingSettings):
    """What to group, and what is known already."""

    embeddings: str = setting("", "Parquet file that python -m cv_tf.embed wrote.")
    output: str = setting("", "CSV or Parquet file for the groups.")
    overwrite: bool = setting(False, "Replace --output if it is there.")
    previous: str = setting(
        "",
        "Groups of an earlier run: its products stay together and keep their names, "
        "new ones are placed.",
    )
    calibrate: str = setting(
        "",
        "CSV or Parquet table of labelled products (product_id, style_id) to choose "
        "the threshold on.",
    )
    calibrate_split: str = setting(
        "", "Only those with this value of the column 'split'; empty for all."
    )
    calibrate_embeddings: str = setting(
        "", "Where the vectors of the labelled products are; empty for --embeddings."
    )
    criterion: str = setting(
        "f1", "What the threshold is chosen for.", one_of=choices.CRITERIA
    )
    precision: float = setting(
        0.0,
        "Choose the highest recall at this pairwise precision instead; 0 goes by "
        "--criterion.",
        minimum=0.0,
        maximum=1.0,
    )

    def __post_init__(self):
        super().__post_init__()
        if not self.embeddings:
            raise ConfigError(
                "--embeddings is not set. Name a file that python -m cv_tf.embed wrote."
            )
        if (self.threshold == "auto") != bool(self.calibrate):
            raise ConfigError(
                "Pass either --threshold, the similarity at which products become one "
                "group, or --calibrate, labelled products to choose it on."
            )


def run(config: GroupConfig) -> dict[str, Any]:
    """Groups a file of embeddings.

    Returns:
      The summary, as it is written beside the output.

    Raises:
      ValueError: If the settings or a file cannot be used.
    """
    output = command.check_output(
        config.output, config.overwrite, (".csv", ".parquet", ".pq")
    )
    for name in ("embeddings", "previous", "calibrate", "calibrate_embeddings"):
        path = getattr(config, name)
        if path and "://" not in path and not Path(path).is_file():
            raise ConfigError(f"--{name}={path}: there is no such file.")

    from cv_tf.embedding import read_embeddings  # noqa: PLC0415
    from cv_tf.grouping import find_groups  # noqa: PLC0415
    from cv_tf.grouping.files import read_groups, write_groups  # noqa: PLC0415
    from cv_tf.report.groups import format_summary  # noqa: PLC0415
    from cv_tf.training.workdir import write_json  # noqa: PLC0415

    previous = read_groups(config.previous) if config.previous else None
    embeddings = read_embeddings(config.embeddings)
    calibration = _calibrate(config, embeddings) if config.calibrate else None
    threshold = calibration.threshold if calibration else float(config.threshold)
    grouped = find_groups(
        embeddings,
        _find_neighbors(config, embeddings),
        threshold,
        config,
        calibration.certainty if calibration else None,
        previous,
    )
    summary = grouped.summary() | {
        "threshold": threshold,
        "same_color": config.same_color,
        "model": embeddings.model,
    }
    if calibration:
        summary["expected"] = calibration.expected
        _write_curve(output, calibration)
    if previous is not None:
        summary |= {
            "num_new_products": grouped.num_new,
            "num_products_left": grouped.num_left,
            "joined_groups": [[kept, *others] for kept, others in grouped.named.joined],
        }
    write_groups(output, grouped)
    write_json(beside(output, "summary.json"), summary)
    print(format_summary(summary, grouped))
    return summary


def beside(output: Path, suffix: str) -> Path:
    """A file that goes with the output: `groups.csv` has `groups.summary.json`."""
    return output.with_name(f"{output.stem}.{suffix}")


def _calibrate(config: GroupConfig, embeddings: Embeddings) -> Calibration:
    from cv_tf.embedding import read_embeddings  # noqa: PLC0415
    from cv_tf.grouping import calibrate_on  # noqa: PLC0415
    from cv_tf.grouping.files import read_labels  # noqa: PLC0415
    from cv_tf.grouping.labels import match_labels  # noqa: PLC0415

    labels = read_labels(config.calibrate, config.calibrate_split)
    known = embeddings
    if config.calibrate_embeddings:
        known = read_embeddings(config.calibrate_embeddings)
        known.check_comparable(embeddings)
    known, styles = match_labels(known, labels, config.calibrate)
    return calibrate_on(
        known.vectors,
        known.block,
        known.lab,
        styles,
        config,
        config.criterion,
        len(embeddings),
        config.precision or None,
    )


def _find_neighbors(config: GroupConfig, embeddings: Embeddings):
    from cv_tf.grouping import find_neighbors  # noqa: PLC0415

    return find_neighbors(embeddings.vectors, embeddings.block, config)


def _write_curve(output: Path, calibration: Calibration) -> None:
    from cv_tf.report.threshold import draw_curve, write_curve  # noqa: PLC0415

    write_curve(beside(output, "threshold.csv"), calibration)
    draw_curve(beside(output, "threshold.png"), calibration)


if __name__ == "__main__":
    command.run(run, GroupConfig)
