r"""Trains an Embedder that finds color variants, and says how good it is.

    python -m cv_tf.train --flagfile=configs/cvssl.cfg
    python -m cv_tf.train --flagfile=configs/cvssl.cfg --catalog=my.csv \
        --workdir=runs/my

An interrupted run goes on with the same command.
"""

from __future__ import annotations

import dataclasses
import sys
from typing import TYPE_CHECKING, Any

import cv_tf
from cv_tf import command, workers
from cv_tf.config import Config, ConfigError

if TYPE_CHECKING:
    from cv_tf.models import Embedder
    from cv_tf.training import Workdir


@dataclasses.dataclass(frozen=True)
class Run:
    """What a training leaves.

    Attributes:
      metrics: As in `metrics.json`.
      embedder: The trained Embedder.
    """

    metrics: dict[str, Any]
    embedder: Embedder


def run(config: Config) -> Run:
    """Trains, or goes on training, in the config's workdir.

    Args:
      config: All settings.

    Returns:
      The figures before and after training, and the Embedder.

    Raises:
      ValueError: If the settings, the catalogue or the workdir cannot be used.
    """
    if config.method == "frozen":
        raise ConfigError(
            "--method=frozen has nothing to train. Run python -m cv_tf.evaluate "
            "--method=frozen to see how good the frozen network is."
        )
    if config.strategy == "multi_worker":
        workers.read()  # Says at once what is wrong with TF_CONFIG.
    workdir = cv_tf.training.Workdir(config.workdir)
    workdir.check(config)  # It is made when the run begins: a mistake leaves none.
    metrics = workdir.read_metrics()
    if "after" in metrics:
        return _finished(workdir, metrics)

    # Tables are checked before TensorFlow is loaded, so that errors come at once.

    catalog = cv_tf.catalog.read_products(config)
    cv_tf.training.split_catalog(
        catalog, config.train_split, config.eval_split, config.seed
    )

    show = cv_tf.training.Show(
        cv_tf.report.show_first_batch, cv_tf.report.write_projector
    )
    return Run(*cv_tf.training.Session(config, workdir, catalog, show).run())


def _finished(workdir: Workdir, metrics: dict[str, Any]) -> Run:
    """A run that is over needs neither the catalogue nor its photos."""
    print(
        f"'{workdir.path}' holds a finished run:\n{cv_tf.metrics.format_run(metrics)}"
    )
    return Run(metrics, cv_tf.models.Embedder.load(workdir.embedder))


def main(config: Config) -> None:
    """Runs the command."""
    from cv_tf.errors import Interrupted  # noqa: PLC0415

    try:
        run(config)
    except Interrupted as interrupted:
        print(interrupted, file=sys.stderr)
        sys.exit(interrupted.exit_code)


if __name__ == "__main__":
    command.run(main, Config)
