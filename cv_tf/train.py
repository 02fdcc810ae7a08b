r"""Trains an Embedder that finds color variants, and says how good it is.

    cv_tf train --flagfile=configs/cvssl.cfg
    cv_tf train --flagfile=configs/hm_found.cfg --catalog=my.csv \
        --workdir=runs/my
    cv_tf train --flagfile=configs/hm_found.cfg --catalog=my.csv \
        --workdir=runs/mine --answers=my.answers.sqlite

With --write_groups it then embeds and groups all products, and shows them on a page.
An interrupted run is resumed by the same command, unless its products or photos have
changed.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv_tf
from cv_tf import choices, command, embed, group, workers
from cv_tf.config import CatalogSettings, Config, ConfigError, GroupingSettings
from cv_tf.errors import Interrupted
from cv_tf.next_steps import NextStep, group_step, look_at, review_step, say_next
from cv_tf.settings import to_flags, values_of

if TYPE_CHECKING:
    from cv_tf.models import Embedder
    from cv_tf.training import Workdir

# Settings that say where products are; the others are those of the run.
_OF_TABLE = ("catalog", "columns", "image_base")
_OF_YOURS = [
    "--flagfile=configs/hm_found.cfg",
    "--catalog=my.csv",
    "--workdir=runs/my",
    "--write_groups",
]
_RECALL = "recall_at_1"  # Without labels, there is none.


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
            "--method=frozen has nothing to train. Run cv_tf evaluate "
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
    has_workers = config.strategy == "auto" and workers.are_set()
    if has_workers or config.strategy == "multi_worker":
        if config.write_groups:
            raise ConfigError(
                "--write_groups is for one machine. Run cv_tf embed and cv_tf group "
                "after the training of several workers."
            )
        workers.read()  # Raises if TF_CONFIG cannot be used.
    workdir = cv_tf.training.Workdir(config.workdir)
    workdir.check(config)  # It is made when the run begins: a mistake leaves none.
    metrics = cv_tf.training.figures_so_far(workdir)
    if cv_tf.training.is_finished(workdir, metrics):
        # Neither the catalogue nor its photos are needed.
        print(f"'{workdir.path}' holds a finished run, of the photos of then:")
        print(cv_tf.metrics.format_run(metrics))
        if config.write_groups:
            _write_groups(config, workdir)
        return Trained(metrics, cv_tf.models.Embedder.load(workdir.embedder))

    # Tables are checked before TensorFlow is loaded, so that errors come at once.
    catalog = cv_tf.catalog.read_products(config)
    command.find_files(config, ("answers",))
    cv_tf.training.check_split(catalog, config.train_split, config.eval_split)

    report = cv_tf.report
    show = cv_tf.training.Show(report.show_first_batch, report.write_projector)
    trained = Trained(*cv_tf.training.train_run(config, workdir, catalog, show))
    if config.write_groups:
        _write_groups(config, workdir)
    return trained


def _write_groups(config: Config, workdir: Workdir) -> None:
    """Embeds and groups all products, as the verbs of these names do.

    Where some of those to report on are variants, it says how good their groups are.
    What an earlier run has written stays.
    """
    if workdir.groups.exists():
        return
    catalog = cv_tf.catalog.read_products(config)
    settings = values_of(config, CatalogSettings)
    if catalog.records is not None:  # Pages and later commands need photos in files.
        table = cv_tf.catalog.write_as_table(catalog, workdir.photos)
        settings |= {"catalog": str(table), "block_columns": ("category",)}
        settings |= {"columns": (), "image_base": ""}  # It is a table of our own.
    settings |= {"workdir": config.workdir, "output": str(workdir.embeddings)}
    # Several devices train; one of them embeds.
    device = config.strategy if config.strategy in choices.DEVICES else "auto"
    embed.run(embed.EmbedConfig(**settings, strategy=device))
    grouping = values_of(config, GroupingSettings)
    grouping |= {"embeddings": str(workdir.embeddings), "overwrite": True}
    grouping |= {"output": str(workdir.groups), "page": str(workdir.page)}
    grouping["answers"] = config.answers  # Groups obey what was learned from.
    print()
    group.run(group.GroupConfig(**grouping))
    if told := _groups_in_words(config, workdir):
        print(f"\n{told}")


def _groups_in_words(config: Config, workdir: Workdir) -> str:
    """How good the groups of the products to report on are; "" if it is not known."""
    labels = cv_tf.training.reported_styles(workdir)
    known = [style for style in labels.values() if style]
    if len(set(known)) == len(known):
        return ""
    metrics = cv_tf.metrics
    groups = metrics.StoredGroups.read(str(workdir.groups))
    truth = metrics.match_truth(labels, workdir.inputs.name, None)
    figures, results = metrics.measure_stored(truth, None, groups, config)
    return metrics.groups_in_words(figures, results.intervals())


def main(config: Config) -> None:
    """Runs the command."""
    try:
        trained = run(config)
    except Interrupted as interrupted:
        print(interrupted, file=sys.stderr)
        sys.exit(interrupted.exit_code)
    if "after" in trained.metrics:  # The chief of several workers alone has figures.
        say_next(*_next_steps(config, trained.metrics["after"]))


def _next_steps(config: Config, figures: Mapping[str, Any]) -> list[NextStep]:
    """What to do with a trained model: embed, group, and measure or ask.

    Args:
      config: Settings of the run; what it was trained on is embedded.
      figures: Figures of the run; some of them need labels.
    """
    workdir = Path(config.workdir)
    if config.write_groups:
        there = cv_tf.training.Workdir(workdir)
        answers = workdir / "answers.sqlite"
        yours = NextStep("Do the same with photos of yours", "train", _OF_YOURS)
        return [
            look_at(there.page),
            review_step(there.embeddings, there.groups, answers),
            *([] if config.catalog else [yours]),
        ]
    vectors, groups = f"{workdir}.parquet", f"{workdir}.groups.csv"
    of_table = {name: getattr(config, name) for name in _OF_TABLE}
    table = to_flags({name: value for name, value in of_table.items() if value})
    steps = [
        NextStep(
            "Turn the photos into vectors",
            "embed",
            [f"--workdir={workdir}", *table, f"--output={vectors}"],
        ),
        group_step(vectors, groups, f"{workdir}.groups.html"),
    ]
    if _RECALL in figures and config.catalog and not config.columns:
        flags = [f"--embeddings={vectors}", f"--groups={groups}"]
        flags.append(f"--labels={config.catalog}")
        steps.append(NextStep("Measure the groups by the labels", "evaluate", flags))
    else:
        steps.append(review_step(vectors, groups, f"{workdir}.answers.sqlite"))
    return steps


if __name__ == "__main__":
    command.run(main, Config)
