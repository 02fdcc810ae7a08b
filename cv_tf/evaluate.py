"""Says how good an Embedder is on a labelled catalogue.

  python -m cv_tf.evaluate --workdir=runs/cvssl
  python -m cv_tf.evaluate --workdir=runs/cvssl --catalog=other.csv
  python -m cv_tf.evaluate --method=frozen --catalog=my.csv --color_input=grey

With --workdir, the settings of that run hold wherever no flag says otherwise.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from cv_tf import command
from cv_tf.config import Config, ConfigError, setting


@dataclasses.dataclass(kw_only=True)
class EvaluateConfig(Config):
    """Where the figures go."""

    output: str = setting("", "JSON file for the figures; empty to print them only.")
    overwrite: bool = setting(False, "Replace --output if it is there.")


def run(config: EvaluateConfig) -> dict[str, Any]:
    """Evaluates the Embedder of a workdir, or a frozen backbone.

    Where the catalogue has splits, `--train_split` calibrates the threshold (and fits
    the whitening of a frozen backbone) and `--eval_split` is reported on; else a
    quarter of the styles is reported on, and the others do the rest.

    Returns:
      The figures, as they are written to `--output`.

    Raises:
      ValueError: If the settings, the catalogue or the workdir cannot be used.
    """
    from cv_tf.catalog.products import read_products  # noqa: PLC0415
    from cv_tf.training.splits import split_catalog  # noqa: PLC0415
    from cv_tf.training.workdir import Workdir  # noqa: PLC0415

    frozen = config.method == "frozen"
    if not frozen and not config.workdir:
        raise ConfigError(
            "Nothing to evaluate: pass --workdir of a finished training, or "
            "--method=frozen for a network as it was pretrained."
        )
    output = None
    if config.output:
        output = command.check_output(config.output, config.overwrite, (".json",))
    catalog = read_products(config)
    split = split_catalog(catalog, config.train_split, config.eval_split, config.seed)
    styles = catalog.style[split.evaluation]
    if len(np.unique(styles[styles >= 0])) == (styles >= 0).sum():
        raise ConfigError(
            f"{catalog.name} has no two products to report on that share a style_id, "
            "so there is nothing to measure. Label some color variants."
        )
    embedder_path = None if frozen else Workdir(config.workdir).embedder

    from cv_tf.training.evaluation import evaluate_catalog  # noqa: PLC0415
    from cv_tf.training.tables import format_figures  # noqa: PLC0415
    from cv_tf.training.workdir import write_json  # noqa: PLC0415

    figures = evaluate_catalog(config, catalog, embedder_path)
    print(f"\n{format_figures({'frozen' if frozen else 'trained': figures})}")
    if output:
        write_json(output, figures)
    return figures


def settings_of(argv: Sequence[str]) -> EvaluateConfig:
    """The settings of a command line, on those of the run in its workdir."""
    from cv_tf.training.workdir import Workdir  # noqa: PLC0415

    given = command.parse_flags(EvaluateConfig, argv)
    if given.method == "frozen" or not given.workdir:
        return given
    trained = dataclasses.asdict(Workdir(given.workdir).read_config())
    return command.parse_flags(EvaluateConfig, argv, base=EvaluateConfig(**trained))


if __name__ == "__main__":
    command.run(run, EvaluateConfig, parse=settings_of)
