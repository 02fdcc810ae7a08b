r"""Finds the groups of color variants among embedded products.

    python -m cv_tf.group --embeddings=my.parquet --output=groups.csv
    python -m cv_tf.group --embeddings=my.parquet --calibrate=labelled.csv \
        --output=groups.csv
    python -m cv_tf.group --embeddings=today.parquet --previous=groups.csv \
        --output=groups_today.csv
    python -m cv_tf.group --embeddings=my.parquet --labels=labelled.csv \
        --output=groups.csv --page=groups.html

Every product is in the output once; those without variants are groups of one. Products
of one photo count once and are in one group; `copy_of` names the first of them. Without
--threshold and --calibrate, the threshold is that of the earlier run, or else guessed
from the products themselves. Beside groups.csv, groups.summary.json holds what is
printed and, after --calibrate, groups.threshold.csv holds precision and recall at every
threshold. --page shows the groups with their photos.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from absl import logging

import cv_tf
from cv_tf import choices, command
from cv_tf.config import ConfigError, GroupingSettings
from cv_tf.files import beside, expanded, is_remote, write_json
from cv_tf.report import PageSettings, check_page
from cv_tf.settings import setting
from cv_tf.shards import EngineSettings

if TYPE_CHECKING:
    from cv_tf.embeddings import Embeddings
    from cv_tf.grouping import Calibration, Grouped
    from cv_tf.retrieval import Neighbors

_EMBEDDINGS = ("embeddings", "calibrate_embeddings")
_FILES = (*_EMBEDDINGS, "previous", "calibrate", "labels")


@dataclasses.dataclass(kw_only=True)
class GroupConfig(PageSettings, EngineSettings, GroupingSettings):
    """What to group, what is known already, and the files for the result."""

    embeddings: str = setting("", "Parquet file that python -m cv_tf.embed wrote.")
    output: str = setting("", "CSV or Parquet file for the groups.")
    overwrite: bool = setting(False, "Replace --output and --page if they are there.")
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
    labels: str = setting(
        "",
        "CSV or Parquet table of labelled products (product_id, style_id) that --page "
        "compares the groups with; empty for those of --calibrate.",
    )
    labels_split: str = setting(
        "", "Only those with this value of the column 'split'; empty for all."
    )

    def __post_init__(self):
        super().__post_init__()
        if not self.embeddings:
            raise ConfigError(
                "--embeddings is not set. Name a file that python -m cv_tf.embed wrote."
            )
        if self.threshold != "auto" and self.calibrate:
            raise ConfigError(
                f"--threshold={self.threshold} leaves nothing to --calibrate. Pass one "
                "of them."
            )
        if self.labels and not self.page:
            raise ConfigError("--labels are for --page. Name an HTML file for it.")


def run(config: GroupConfig) -> dict[str, Any]:
    """Groups a file of embeddings; returns the summary, as it is written.

    Raises:
      ValueError: If the settings or a file cannot be used.
    """
    suffixes = (".csv", ".parquet", ".pq")
    output = command.check_output(config.output, config.overwrite, suffixes)
    page = check_page(config, config.overwrite)
    files: dict[str, Any] = command.find_files(config, _FILES, _EMBEDDINGS)
    if page and not config.labels:
        files |= {"labels": files["calibrate"], "labels_split": config.calibrate_split}
    config = dataclasses.replace(config, **files)

    previous = cv_tf.grouping.read_groups(config.previous) if config.previous else None
    labels: Mapping[str, str] = {}
    if config.labels:
        labels = cv_tf.grouping.read_labels(config.labels, config.labels_split)
    embeddings = cv_tf.embeddings.read_embeddings(config.embeddings)
    if previous is not None:
        cv_tf.grouping.check_previous(embeddings, previous, config.previous)
    if config.labels and config.labels != config.calibrate:
        cv_tf.grouping.check_shown(embeddings, labels, config.labels)
    calibration = _calibrate(config, embeddings) if config.calibrate else None
    neighbors = _find_neighbors(config, embeddings)
    threshold, source = _threshold(config, embeddings, neighbors, calibration)
    curve = calibration.confidence_curve if calibration else None
    grouped = cv_tf.grouping.find_groups(
        embeddings, neighbors, threshold, config, curve, previous
    )
    summary = grouped.summary() | {
        "threshold": threshold,
        "threshold_source": source,
        "group_color_weight": config.group_color_weight,
        "model": embeddings.model,
    }
    if calibration:
        summary["expected"] = calibration.expected
        cv_tf.report.write_curve(beside(output, "threshold.csv"), calibration)
    if previous is not None:
        summary |= {
            "num_new_products": grouped.num_new,
            "num_products_left": grouped.num_left,
            "joined_groups": [[kept, *others] for kept, others in grouped.named.joined],
        }
    cv_tf.grouping.write_groups(output, grouped)
    write_json(beside(output, "summary.json"), summary)
    print(cv_tf.report.format_summary(summary, grouped))
    if page:
        _write_page(page, config, grouped, embeddings, labels, summary, calibration)
    return summary


def _calibrate(config: GroupConfig, embeddings: Embeddings) -> Calibration:
    labels = cv_tf.grouping.read_labels(config.calibrate, config.calibrate_split)
    known = embeddings
    if config.calibrate_embeddings:
        known = cv_tf.embeddings.read_embeddings(config.calibrate_embeddings)
        known.check_comparable(embeddings)
    labelled = cv_tf.grouping.match_labels(known, labels, config.calibrate)
    return cv_tf.grouping.calibrate_on(
        labelled,
        config,
        config.criterion,
        embeddings.distinct.block,
        config.precision or None,
    )


def _find_neighbors(config: GroupConfig, embeddings: Embeddings) -> Neighbors:
    if config.engine == "local":
        return cv_tf.grouping.find_neighbors(embeddings, config, "Finding neighbors")
    job = beside(Path(expanded(config.output)).absolute(), "neighbors.npz")
    return cv_tf.grouping.find_neighbors_in_shards(
        embeddings, config, config, job, config.overwrite
    )


def _threshold(
    config: GroupConfig,
    embeddings: Embeddings,
    neighbors: Neighbors,
    calibration: Calibration | None,
) -> tuple[float, str]:
    """The threshold, and where it comes from."""
    if calibration:
        return calibration.threshold, "labelled products"
    if config.threshold != "auto":
        return float(config.threshold), "--threshold"
    earlier = _earlier_threshold(config, embeddings)
    if earlier is not None:
        return earlier, "the earlier run"
    distinct = embeddings.distinct
    similarity = cv_tf.grouping.Similarity.of(distinct, config.group_color_weight)
    return cv_tf.grouping.guess_threshold(similarity, neighbors), cv_tf.report.GUESSED


def _earlier_threshold(config: GroupConfig, embeddings: Embeddings) -> float | None:
    """The threshold of the run of --previous, if similarities mean the same there."""
    if not config.previous or is_remote(config.previous):
        return None
    path = beside(Path(config.previous), "summary.json")
    summary = json.loads(path.read_text()) if path.is_file() else {}
    # Summaries of earlier versions have the weight under another name.
    weight = summary.get("group_color_weight", summary.get("same_color"))
    if (summary.get("model"), weight) != (embeddings.model, config.group_color_weight):
        return None
    return float(summary["threshold"])


def _write_page(
    page: Path,
    config: GroupConfig,
    grouped: Grouped,
    embeddings: Embeddings,
    labels: Mapping[str, str],
    summary: dict[str, Any],
    calibration: Calibration | None,
) -> None:
    styles = cv_tf.report.Styles.of(embeddings.product_id, labels)
    if labels and styles is None:
        logging.warning(
            "No two products of %s are known to share a style: --page has no figures.",
            embeddings.name,
        )
    cv_tf.report.write_group_page(
        page,
        grouped,
        embeddings,
        summary,
        config,
        styles,
        calibration,
        labels_chose=(config.labels, config.labels_split)
        == (config.calibrate, config.calibrate_split),
    )


if __name__ == "__main__":
    command.run(run, GroupConfig)
