r"""Trains an Embedder that finds color variants, and says how good it is.

    python -m cv_tf.train --flagfile=configs/cvssl.cfg
    python -m cv_tf.train --flagfile=configs/cvssl.cfg --catalog=my.csv \
        --workdir=runs/my
    python -m cv_tf.train --flagfile=configs/cvssl.cfg --catalog=my.csv \
        --workdir=runs/mine --answers=my.answers.sqlite

An interrupted run is resumed by the same command, unless its products or photos have
changed.
"""

from __future__ import annotations

import dataclasses
import sys
from typing import TYPE_CHECKING, Any

import cv_tf
from cv_tf import choices, command, workers
from cv_tf.config import Config, ConfigError
from cv_tf.errors import Interrupted

if TYPE_CHECKING:
    from cv_tf.models import Embedder


@dataclasses.dataclass(frozen=True)
class Trained:
    """The result of a training: the content of `metrics.json`, and the Embedder."""

    metrics: dict[str, Any]
    embedder: Embedder


def run(config: Config) -> Trained:
    """Trains in the workdir of the config, or resumes the run that it holds.

    Raises:
      ValueError: If the settings, the catalogue or the workdir cannot be used.
    """
    if config.method == "frozen":
        raise ConfigError(
            "--method=frozen has nothing to train. Run python -m cv_tf.evaluate "
            "--method=frozen to see how good the frozen network is."
        )
    learns = config.method in choices.SUPERVISED or config.whiten in (
        "groups",
        "labels",
    )
    if config.answers and not learns:
        raise ConfigError(
            f"--answers: neither --method={config.method} nor --whiten={config.whiten} "
            f"learns from them. Pass --whiten=groups, or a method that learns from "
            f"styles ({', '.join(choices.SUPERVISED)})."
        )
    if config.strategy == "multi_worker":
        workers.read()  # Raises if TF_CONFIG cannot be used.
    workdir = cv_tf.training.Workdir(config.workdir)
    workdir.check(config)  # It is made when the run begins: a mistake leaves none.
    metrics = cv_tf.training.figures_so_far(workdir)
    if cv_tf.training.is_finished(workdir, metrics):
        # Neither the catalogue nor its photos are needed.
        print(f"'{workdir.path}' holds a finished run, of the photos of then:")
        print(cv_tf.metrics.format_run(metrics))
        return Trained(metrics, cv_tf.models.Embedder.load(workdir.embedder))

    # Tables are checked before TensorFlow is loaded, so that errors come at once.
    catalog = cv_tf.catalog.read_products(config)
    command.find_files(config, ("answers",))
    cv_tf.training.check_split(catalog, config.train_split, config.eval_split)

    report = cv_tf.report
    show = cv_tf.training.Show(report.show_first_batch, report.write_projector)
    return Trained(*cv_tf.training.train_run(config, workdir, catalog, show))


def main(config: Config) -> None:
    """Runs the command."""
    try:
        run(config)
    except Interrupted as interrupted:
        print(interrupted, file=sys.stderr)
        sys.exit(interrupted.exit_code)


if __name__ == "__main__":
    command.run(main, Config)
