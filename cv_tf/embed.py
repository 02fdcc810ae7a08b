"""Turns the photos of a catalogue into vectors, one row a product.

    cv_tf embed --workdir=runs/my --catalog=my.csv --output=my.parquet

The same command resumes an interrupted run: of what is there, shards that are damaged,
or whose photos have changed, are computed anew. A file beside the output lists the
products whose photos cannot be used, with the reason. In how many of the other photos
the product's frame was found is printed at the end. The framing of photos and the
columns that make blocks are those of the run in --workdir, unless flags say otherwise.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import cv_tf
from cv_tf import choices, command
from cv_tf.config import CatalogSettings, ConfigError
from cv_tf.files import beside, expanded
from cv_tf.next_steps import group_step, say_next
from cv_tf.settings import check_all, setting, values_of
from cv_tf.shards import EngineSettings

if TYPE_CHECKING:
    from cv_tf.embeddings import Embedded


@dataclasses.dataclass(kw_only=True)
class EmbedConfig(EngineSettings, CatalogSettings):
    """Settings of an embedding."""

    main_flags: ClassVar[tuple[str, ...]] = (
        *("workdir", "catalog", "output", "adapt", "answers", "dimensions"),
        *("split", "block_columns", "engine", "overwrite"),
    )

    workdir: str = setting("", "Folder of a finished training.")
    adapt: bool = setting(
        False,
        "First fit the whitening to the photos of this catalogue, without labels, and "
        "write the adapted Embedder beside --output: my.parquet has it in my.workdir.",
    )
    answers: tuple[str, ...] = setting(
        (),
        "Files of what people say of products, separated by commas: stores of answers "
        "(.sqlite), and CSV or Parquet tables of pairs (product_a, product_b, same: "
        "yes or no). --adapt learns from them, too.",
        names=True,
    )
    output: str = setting("", "Parquet file for the vectors.")
    overwrite: bool = setting(
        False, "Replace --output, and the Embedder of --adapt, if they are there."
    )
    split: str = setting(
        "", "Only products with this value of the column 'split'; empty for all."
    )
    dimensions: int = setting(
        0,
        "Dimensions of the vectors, the first of those of the Embedder: 512 take half "
        "of the memory of all 1,024, and are nearly as good. 0 for all.",
        minimum=0,
    )
    embed_batch_size: int = setting(64, "Photos embedded at a time.", minimum=1)
    shard_size: int = setting(
        1024,
        "Products of a shard; an interruption loses at most two shards.",
        minimum=1,
        was=("part_size",),
    )
    strategy: str = setting("auto", "Where to compute.", one_of=choices.DEVICES)

    def __post_init__(self):
        check_all(self)
        if self.answers and not self.adapt:
            raise ConfigError("--answers are for --adapt. Pass both, or neither.")


def run(config: EmbedConfig) -> Embedded:
    """Embeds a catalogue, or resumes an interrupted run.

    Raises:
      UserError: If the settings, the catalogue or the workdir cannot be used.
    """
    output = command.check_output(config.output, True, (".parquet", ".pq"))
    # What the same command has made is no obstacle; the job looks closer.
    is_made = output.exists() and _tells_its_job(output)
    command.check_free(output, config.overwrite or is_made)
    answers = command.find_files(config, ("answers",))["answers"]
    workdir = cv_tf.training.Workdir(config.workdir)
    embedder = workdir.trained_embedder()
    if config.dimensions:  # An error is told before long work.
        cv_tf.embeddings.load_embedder(embedder, config.dimensions)
    catalog = cv_tf.catalog.read_products(config, config.split)
    cv_tf.catalog.check_frame(catalog.name, config.frame, catalog.box)
    if config.adapt:
        adapted = cv_tf.training.Workdir(beside(output, "workdir"))
        cv_tf.training.adapt(
            workdir,
            adapted,
            catalog,
            config,
            config.strategy,
            config.embed_batch_size,
            config.overwrite,
            answers,
        )
        embedder = adapted.embedder

    job = cv_tf.embeddings.EmbeddingJob(
        embedder=str(embedder.absolute()),
        output=str(output.absolute()),
        products=tuple(values_of(config, CatalogSettings).items()),
        split=config.split,
        shard_size=config.shard_size,
        batch_size=config.embed_batch_size,
        strategy=config.strategy,
        dimensions=config.dimensions,
    )
    may = config.overwrite
    embedded = cv_tf.embeddings.embed_catalog(job, catalog, config, may, replace=may)
    print(f"{embedded.num_products:,} products are in '{output}'.")
    if config.adapt:
        print(
            "The Embedder that was adapted to them is in "
            f"'{beside(output, 'workdir')}': embed later products with that --workdir, "
            "without --adapt, so that all vectors can be compared."
        )
    if embedded.rejects:
        print(
            f"{len(embedded.rejects):,} could not be embedded; "
            f"'{cv_tf.embeddings.rejects_path(output)}' says why."
        )
    for sentence in embedded.frames.sentences():
        print(sentence)
    return embedded


def _tells_its_job(output: Path) -> bool:
    """Whether a file tells by which job it was made, as those of this command do."""
    try:
        return "job" in json.loads(cv_tf.embeddings.read_notes(output))
    except Exception:  # Each kind of another file raises its own.
        return False


def main(config: EmbedConfig) -> None:
    """Runs the command."""
    run(config)
    output = Path(expanded(config.output))
    groups, page = (beside(output, f"groups.{kind}") for kind in ("csv", "html"))
    say_next(group_step(output, groups, page))


def settings_of(argv: Sequence[str]) -> EmbedConfig:
    """The settings of a command line; others are those of the run in --workdir."""
    given = command.given_flags(EmbedConfig, argv)
    inherited = cv_tf.training.inherited_settings(given, CatalogSettings)
    return EmbedConfig(**inherited | given)


if __name__ == "__main__":
    command.run(main, EmbedConfig, parse=settings_of)
