"""Says how good an Embedder is on a labelled catalogue.

    python -m cv_tf.evaluate --workdir=runs/cvssl
    python -m cv_tf.evaluate --workdir=runs/cvssl --catalog=other.csv
    python -m cv_tf.evaluate --method=frozen --catalog=my.csv --color_input=grey
    python -m cv_tf.evaluate --workdir=runs/cvssl --page=evaluation.html

With --workdir, the settings of that run hold wherever no flag says otherwise.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cv_tf import command
from cv_tf.config import Config, ConfigError, setting
from cv_tf.report.page_settings import PageSettings, check_page

if TYPE_CHECKING:
    from cv_tf.training.evaluation import Evaluation


@dataclasses.dataclass(kw_only=True)
class EvaluateConfig(PageSettings, Config):
    """Where the figures go."""

    output: str = setting("", "JSON file for the figures; empty to print them only.")
    save_embedder: str = setting(
        "",
        "File (.keras) for the Embedder of --method=frozen, with the whitening that "
        "the figures are of; empty to leave it.",
    )
    overwrite: bool = setting(
        False, "Replace --output, --page and --save_embedder if they are there."
    )


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
    from cv_tf.training.splits import has_variants, split_catalog  # noqa: PLC0415
    from cv_tf.training.workdir import Workdir  # noqa: PLC0415

    frozen = config.method == "frozen"
    if not frozen and not config.workdir:
        raise ConfigError(
            "Nothing to evaluate: pass --workdir of a finished training, or "
            "--method=frozen for a network as it was pretrained."
        )
    output, embedder_output = _outputs(config)
    page = check_page(config, config.overwrite)
    catalog = read_products(config)
    split = split_catalog(catalog, config.train_split, config.eval_split, config.seed)
    if not has_variants(catalog.style[split.evaluation]):
        raise ConfigError(
            f"{catalog.name} has no two products to report on that share a style_id, "
            "so there is nothing to measure. Label some color variants."
        )
    embedder_path = None if frozen else Workdir(config.workdir).embedder

    from cv_tf.training.evaluation import evaluate_catalog  # noqa: PLC0415
    from cv_tf.training.session import save_embedder  # noqa: PLC0415
    from cv_tf.training.tables import format_figures  # noqa: PLC0415
    from cv_tf.training.workdir import write_json  # noqa: PLC0415

    evaluation = evaluate_catalog(config, catalog, embedder_path)
    figures = evaluation.figures
    print(f"\n{format_figures({'frozen' if frozen else 'trained': figures})}")
    if embedder_output:
        save_embedder(evaluation.embedder, embedder_output)
    if output:
        write_json(output, figures)
    if page:
        _write_page(page, config, evaluation)
    return figures


def _write_page(page: Path, config: EvaluateConfig, evaluation: Evaluation) -> None:
    from cv_tf.report.evaluation_page import write_evaluation_page  # noqa: PLC0415

    if evaluation.reported is None:
        raise ConfigError(
            "There is nothing to show on --page: of the products to report on, the "
            "photos of no two variants can be used."
        )
    title = f"The Embedder of {config.workdir}"
    if config.method == "frozen":
        title = f"{config.backbone} as it was pretrained"
    write_evaluation_page(
        page, evaluation.figures, evaluation.reported, config, config, title
    )


def _outputs(config: EvaluateConfig) -> tuple[Path | None, Path | None]:
    """Where figures and Embedder are written; None where they are not."""
    output = embedder_output = None
    if config.output:
        output = command.check_output(config.output, config.overwrite, (".json",))
    if config.save_embedder:
        if config.method != "frozen":
            raise ConfigError(
                "--save_embedder goes with --method=frozen: a trained Embedder is in "
                "its workdir."
            )
        embedder_output = command.check_output(
            config.save_embedder, config.overwrite, (".keras",), "--save_embedder"
        )
    return output, embedder_output


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
