r"""Brings vectors and groups up to date with today's catalogue; made for every night.

    cv_tf update --workdir=runs/my --catalog=today.csv
    cv_tf update --workdir=runs/my --catalog=today.csv \
        --answers=my.answers.sqlite --fail_on_drift
    cv_tf update --workdir=runs/shop --catalog=products_export.csv \
        --make_model --format=shopify

Only photos that are new or have changed are embedded, by what is in them: a photo that
was renamed, or is another product's, keeps its vector. Groups go on from those of the
last run, as with --previous of cv_tf group. Products that are no longer in
the table are forgotten; photos that cannot be used are named, and stop nothing.

With --make_model, a workdir without a model gets one that was not trained: the network
as it comes, whitened by the photos of the catalogue, which groups nearly as well.

The files are in WORKDIR/update, or in --output, and appear together, or not at all:

    embeddings.parquet      products and vectors, as cv_tf embed writes them
    embeddings.rejects.csv  products whose photos cannot be used, with the reason
    groups.csv              the groups, with groups.summary.json beside it
    changes.csv             products that are in other groups than after the last run
    groups.html             the groups with their photos
    drift.json              how new products compare with those of the first run
    shop.csv, .tsv, .jsonl  the groups as a shop can load them, with --format

The same command after a kill goes on. If nothing has changed, it changes no file. A
second run at the same time is refused.

A warning says that new products are unlike those of the first run, that frames are not
found, that more groups are doubtful, that photos are missing, or that many products
are gone. With --fail_on_drift the exit code is then 3; the files are written all the
same. The framing of photos and the columns that make blocks are those of the run in
--workdir, unless flags say otherwise.
"""

from __future__ import annotations

import collections
import contextlib
import csv
import dataclasses
import hashlib
import io
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import cv_tf
from cv_tf import command, group, train
from cv_tf.config import CatalogSettings, Config, ConfigError, GroupingSettings
from cv_tf.errors import UserError
from cv_tf.files import expanded
from cv_tf.next_steps import NextStep, look_at, review_step, say_next
from cv_tf.settings import check_all, setting, values_of
from cv_tf.shop_files import ShopFormatSettings, check_shop_settings

if TYPE_CHECKING:
    from cv_tf.catalog import Catalog
    from cv_tf.training import Workdir
    from cv_tf.updating import (
        Baseline,
        Drift,
        KnownPhotos,
        LastRun,
        PhotoPlan,
        StateFolder,
    )

_DRIFTED = 3  # The exit code of --fail_on_drift.
# Settings that say what is in the files.
_OF_FILES = ("page", "keep_columns")
# The settings of configs/hm_cvssl.cfg that matter without training.
_RECIPE: dict[str, Any] = {
    "method": "part_contrast",
    "image_size": 128,
    "embed_size": 288,
    "frozen_stride": 8,
    "keep_background": True,
    "batch_size": 2,
}


@dataclasses.dataclass(kw_only=True)
class UpdateConfig(ShopFormatSettings, GroupingSettings, CatalogSettings):
    """Settings of a nightly run."""

    main_flags: ClassVar[tuple[str, ...]] = (
        *("workdir", "catalog", "output", "make_model", "columns", "format"),
        *("answers", "keep_columns", "page", "fail_on_drift"),
    )

    workdir: str = setting("", "Folder of a finished training, or of --adapt.")
    output: str = setting(
        "", "Folder for the files; empty for the folder 'update' in --workdir."
    )
    answers: tuple[str, ...] = setting(
        (),
        "Files of what people say of products, separated by commas: stores of answers "
        "(.sqlite), and CSV or Parquet tables of pairs (product_a, product_b, same: "
        "yes or no). Groups obey them.",
        names=True,
    )
    split: str = setting(
        "", "Only products with this value of the column 'split'; empty for all."
    )
    dimensions: int = setting(
        0, "Dimensions of the vectors, the first ones; 0 for all.", minimum=0
    )
    shard_size: int = setting(
        1024,
        "Products of a shard; an interruption loses at most two shards.",
        minimum=1,
    )
    page: bool = setting(True, "Write groups.html.")
    keep_columns: tuple[str, ...] = setting(
        (),
        "Columns of the catalogue to copy into groups.csv, separated by commas, such "
        "as title,brand.",
        names=True,
    )
    make_model: bool = setting(
        False, "Make a model of these photos, without training, if --workdir has none."
    )
    fail_on_drift: bool = setting(
        False, "End with the exit code 3 if there is a warning."
    )

    def __post_init__(self):
        super().__post_init__()
        check_all(self)
        check_shop_settings(self)


class Updated(NamedTuple):
    """What a run has done.

    Attributes:
      num_products: Number of products in the table.
      num_added: Number of products that were not there the last time.
      num_changed: Number of products with another photo or box.
      num_gone: Number of products that are no longer there.
      num_embedded: Number of photos that were looked at and embedded.
      num_rejects: Number of products whose photos cannot be used.
      is_new: Whether any file was written.
      warnings: Sentences that say what is unusual.
    """

    num_products: int
    num_added: int
    num_changed: int
    num_gone: int
    num_embedded: int
    num_rejects: int
    is_new: bool
    warnings: tuple[str, ...]


def run(config: UpdateConfig) -> Updated:
    """Brings the files up to date with the catalogue.

    Raises:
      UserError: If the settings, the catalogue, the workdir or the folder of the files
        cannot be used, or another process is at work there.
    """
    answers = command.find_files(config, ("answers",))["answers"]
    config = dataclasses.replace(config, answers=answers)
    workdir = cv_tf.training.Workdir(config.workdir)
    output = Path(expanded(config.output)) if config.output else workdir.path / "update"
    state = cv_tf.updating.StateFolder(output.absolute())
    state.check_path()
    has_run = workdir.config.is_file() and not config.make_model
    is_new = not workdir.embedder.is_file() and not has_run
    if is_new and not config.make_model:
        raise ConfigError(
            f"There is no model in '{config.workdir}'. Name the --workdir of a "
            "finished training, or pass --make_model to make one of these photos "
            "without training."
        )
    if not is_new:
        embedder = workdir.trained_embedder()
        if config.dimensions:  # An error is told before long work.
            cv_tf.embeddings.load_embedder(embedder, config.dimensions)
    catalog = cv_tf.catalog.read_products(config, config.split)
    cv_tf.catalog.check_frame(catalog.name, config.frame, catalog.box)
    if is_new:
        _make_model(config, workdir)
        embedder = workdir.trained_embedder()
    with state.only_run():
        return _Run(config, state, embedder, catalog).update()


def _make_model(config: UpdateConfig, workdir: Workdir) -> None:
    """Makes a model of the catalogue's photos, without training."""
    was_there = workdir.path.exists()
    settings = values_of(config, CatalogSettings) | {"refresh_photos": False}
    made = Config(
        workdir=config.workdir,
        steps=0,
        baselines=False,
        on_bad_image="reject",
        **_RECIPE,
        **settings,
    )
    # What training says is of no use here, and the table is told of below.
    try:
        with cv_tf.catalog.quiet_logs(), contextlib.redirect_stdout(io.StringIO()):
            train.run(made)
    except UserError as error:
        if not was_there:  # What is left of it would be in the way of another table.
            shutil.rmtree(workdir.path, ignore_errors=True)
        raise ConfigError(
            f"No model can be made of these photos: {error} Bring more products, or "
            "name the --workdir of a model that was made of others."
        ) from error
    print(f"A model of these photos, without training, is in '{workdir.path}'.")


class _Run:
    """A run: its settings, the catalogue, and what the last run has left."""

    def __init__(
        self, config: UpdateConfig, state: StateFolder, embedder: Path, catalog: Catalog
    ):
        self.config = config
        self.state = state
        self.catalog = catalog
        self.last: LastRun | None = state.last_run()
        self.number = 1 if self.last is None else self.last.run + 1
        self.made_by = {
            "model": cv_tf.embeddings.fingerprint(embedder),
            "frame": config.frame,
            "dimensions": config.dimensions,
        }
        job = cv_tf.embeddings.EmbeddingJob(
            embedder=str(embedder.absolute()),
            output="",
            products=tuple(values_of(config, CatalogSettings).items()),
            split=config.split,
            shard_size=config.shard_size,
            dimensions=config.dimensions,
        )
        self.shop_file: Path | None = None
        if config.format:
            suffix = cv_tf.shop_files.shop_file_suffix(config.format)
            self.shop_file = state.shop[suffix]
        self.vectors = cv_tf.updating.NightlyVectors(
            state, catalog, job, self.made_by, self.last
        )

    def update(self) -> Updated:
        """Does all there is to do, and says so."""
        # The name of the table may be another one each night.
        nameless = dataclasses.replace(self.catalog, name="photos")
        digests = cv_tf.pipeline.remember_digests(nameless, self.state.digests)
        inputs = self._digest_inputs(digests)
        plan = self.vectors.plan(digests, self.number)
        if self._is_done(inputs, plan):
            return self._say_nothing_new(plan)
        baseline = self._baseline()
        self._check_groups()
        known, frames = self.vectors.make(plan, digests)
        summary = self._group()
        before = len(self.catalog) - plan.num_added + plan.num_gone
        drift = cv_tf.updating.measure_drift(
            self.state,
            known,
            frames,
            cv_tf.updating.Share(plan.num_gone, before),
            baseline or (self.number, self.made_by),
        )
        cv_tf.updating.write_drift(self.state.made(self.state.drift), drift)
        told = self._changes(summary)
        self.state.keep(self.number, self.made_by, inputs)
        return self._say(plan, known, told, drift)

    def _digest_inputs(self, digests: Sequence[str]) -> str:
        """A digest of all that the files depend on."""
        said = cv_tf.answers.read_said(*self.config.answers)
        settings = values_of(self.config, GroupingSettings)
        settings |= values_of(self.config, ShopFormatSettings)
        settings |= {name: getattr(self.config, name) for name in _OF_FILES}
        content = (
            *(cv_tf.embeddings.catalog_digest(self.catalog), list(digests)),
            *(self.made_by, settings, list(map(repr, said))),
        )
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    def _is_done(self, inputs: str, plan: PhotoPlan) -> bool:
        """Whether the files are what this run would write."""
        last = self.last
        is_same = last is not None and last.inputs == inputs and not len(plan.chosen)
        return is_same and last is not None and self.state.is_as_written(last)

    def _baseline(self) -> Baseline | None:
        """What new products are compared with; None if these are the first."""
        path = self.state.drift
        if self.last is None or not path.is_file():
            return None
        baseline = cv_tf.updating.read_drift(path).baseline
        return baseline if dict(baseline.made_by) == self.made_by else None

    def _check_groups(self) -> None:
        """Has errors of groups that were edited by hand told before long work."""
        groups = self.state.groups
        if not groups.is_file():
            return
        if self.last is None or not self.state.is_as_written(self.last, groups):
            cv_tf.grouping.read_earlier(str(groups))

    def _group(self) -> dict[str, Any]:
        """Groups the products, going on from the last run; returns the summary."""
        state, config = self.state, self.config
        goes_on = state.groups.is_file()
        groups = group.GroupConfig(
            embeddings=str(state.made(state.embeddings)),
            output=str(state.made(state.groups)),
            previous=str(state.groups) if goes_on else "",
            changes=str(state.made(state.changes)) if goes_on else "",
            page=str(state.made(state.page)) if config.page else "",
            answers=config.answers,
            overwrite=True,
            keep_columns=config.keep_columns,
            shop_file=str(state.made(self.shop_file)) if self.shop_file else "",
            **values_of(config, ShopFormatSettings),
            **values_of(config, GroupingSettings),
        )
        return group.run(groups, say=lambda _: None)

    def _changes(self, summary: dict[str, Any]) -> list[str]:
        """Sentences about the groups."""
        told = [
            f"{summary['num_groups']:,} groups of two or more, "
            f"{summary['num_doubtful_groups']:,} of them doubtful."
        ]
        changes = self.state.made(self.state.changes)
        if changes.is_file():
            with changes.open(newline="", encoding="utf-8") as file:
                counts = collections.Counter(
                    row["change"] for row in csv.DictReader(file)
                )
            told.append(
                f"Since the last run, {counts['moved']:,} products have moved to "
                f"another group, and {counts['left']:,} have left theirs for a new one."
            )
        if self.shop_file:
            name, about = self.shop_file.name, summary["shop_file"]
            told.append(
                f"'{name}' is {about['what']}: {about['num_products']:,} products."
            )
            told += [
                f"{name}: {note['number']:,} {note['what']}, such as "
                f"{', '.join(note['examples'])}."
                for note in about["notes"]
            ]
        return told

    def _say(
        self, plan: PhotoPlan, known: KnownPhotos, told: Sequence[str], drift: Drift
    ) -> Updated:
        num_rejects = int((known.reason != "").sum())
        print(
            f"{len(self.catalog):,} products: {plan.num_added:,} added, "
            f"{plan.num_changed:,} with another photo, {plan.num_gone:,} gone. "
            f"{len(plan.chosen):,} photos were new."
        )
        if num_rejects:
            print(f"{num_rejects:,} cannot be used; '{self.state.rejects}' says why.")
        if (number := len(set(self.catalog.block.tolist()))) > 1:
            columns = ", ".join(self.config.block_columns)
            print(f"Products were compared within {number:,} values of {columns}.")
        print("\n".join([*told, *(f"Warning: {it}" for it in drift.warnings)]))
        print("\n".join(self._where()))
        say_next(*self.next_steps())
        return self._updated(plan, num_rejects, True, drift.warnings)

    def _where(self) -> list[str]:
        """Where the files are."""
        state = self.state
        told = [f"Everything is in '{state.path}'."]
        if self.shop_file:
            told.append(f"The file for the shop is '{self.shop_file}'.")
        return told

    def next_steps(self) -> list[NextStep]:
        """What to do with the files."""
        state = self.state
        steps = [look_at(state.page)] if self.config.page else []
        answers = state.path.parent / "answers.sqlite"
        return [*steps, review_step(state.embeddings, state.groups, answers)]

    def _say_nothing_new(self, plan: PhotoPlan) -> Updated:
        """Says that nothing has changed, and repeats the warnings of the last run."""
        self.state.remove_scratch()  # A kill came before that.
        warnings = cv_tf.updating.read_drift(self.state.drift).warnings
        print(
            f"Nothing has changed since the last run: the files in '{self.state.path}' "
            "are as they were."
        )
        for warning in warnings:
            print(f"Warning: {warning}")
        num_rejects = sum(map(bool, plan.reason))
        return self._updated(plan, num_rejects, False, warnings)

    def _updated(
        self, plan: PhotoPlan, num_rejects: int, is_new: bool, warnings: tuple[str, ...]
    ) -> Updated:
        return Updated(
            num_products=len(self.catalog),
            num_added=plan.num_added,
            num_changed=plan.num_changed,
            num_gone=plan.num_gone,
            num_embedded=len(plan.chosen),
            num_rejects=num_rejects,
            is_new=is_new,
            warnings=warnings,
        )


def settings_of(argv: Sequence[str]) -> UpdateConfig:
    """The settings of a command line; others are those of the run in --workdir."""
    given = command.given_flags(UpdateConfig, argv)
    inherited = cv_tf.training.inherited_settings(given, CatalogSettings)
    return UpdateConfig(**inherited | given)


def main(config: UpdateConfig) -> None:
    """Does what `run` does; with --fail_on_drift, warnings end the process with 3."""
    if run(config).warnings and config.fail_on_drift:
        sys.exit(_DRIFTED)


if __name__ == "__main__":
    command.run(main, UpdateConfig, parse=settings_of)
