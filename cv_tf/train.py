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

from cv_tf import command, workers
from cv_tf.config import Config, ConfigError

if TYPE_CHECKING:
    from cv_tf.models import Embedder
    from cv_tf.training.workdir import Workdir


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
    from cv_tf.training.workdir import Workdir  # noqa: PLC0415

    if config.method == "frozen":
        raise ConfigError(
            "--method=frozen has nothing to train. Run python -m cv_tf.evaluate "
            "--method=frozen to see how good the frozen network is."
        )
    if config.strategy == "multi_worker":
        workers.read()  # Says at once what is wrong with TF_CONFIG.
    workdir = Workdir(config.workdir)
    workdir.check(config)  # It is made when the run begins: a mistake leaves none.
    metrics = workdir.read_metrics()
    if "after" in metrics:
        return _finished(workdir, metrics)

    # Tables are checked before TensorFlow is loaded, so that errors come at once.
    from cv_tf.catalog.products import read_products  # noqa: PLC0415
    from cv_tf.training.splits import split_catalog  # noqa: PLC0415

    catalog = read_products(config)
    split_catalog(catalog, config.train_split, config.eval_split, config.seed)
    from cv_tf.report.tensorboard import (  # noqa: PLC0415
        show_first_batch,
        write_projector,
    )
    from cv_tf.training.session import Session, Show  # noqa: PLC0415

    show = Show(show_first_batch, write_projector)
    return Run(*Session(config, workdir, catalog, show).run())


def _finished(workdir: Workdir, metrics: dict[str, Any]) -> Run:
    """A run that is over needs neither the catalogue nor its photos."""
    from cv_tf.metrics.figures import format_run  # noqa: PLC0415
    from cv_tf.models import Embedder  # noqa: PLC0415

    print(f"'{workdir.path}' holds a finished run:\n{format_run(metrics)}")
    return Run(metrics, Embedder.load(workdir.embedder))


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
