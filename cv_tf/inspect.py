r"""Shows what a model sees: the views it learns from, or the parts it compares.

    cv_tf inspect --flagfile=configs/hm_cvssl.cfg --catalog=my.csv \
        --output=views.html
    cv_tf inspect --workdir=runs/my --catalog=my.csv --pair=ID1,ID2 \
        --embeddings=my.parquet --output=pair.html

The first needs no training. The second says what each part adds to the similarity that
search prints and, with --embeddings, how that becomes the score by which search ranks,
and what group compares with its threshold: by discounts for like colors, and for few
neighbors in common. With --workdir, settings without a flag are those of that
run.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

import cv_tf
from cv_tf import command, search
from cv_tf.catalog import Catalog, read_products
from cv_tf.config import Config, ConfigError, setting
from cv_tf.retrieval import OTHER_COLOR, color_log_odds
from cv_tf.training import Workdir, inherited_settings, split_catalog

if TYPE_CHECKING:
    from cv_tf.embeddings import Embeddings
    from cv_tf.inspection import PairScore
    from cv_tf.models import Embedder


@dataclasses.dataclass(kw_only=True)
class InspectConfig(Config):
    """Products to show, and the file to write."""

    main_flags: ClassVar[tuple[str, ...]] = (
        *("output", "pair", "workdir", "catalog", "embeddings", "method", "parts"),
        *("products", "views_each", "overwrite"),
    )

    pair: tuple[str, ...] = setting(
        (),
        "Two products, comma-separated: shows in which parts they agree under the "
        "Embedder of --workdir, or of --method=frozen. Empty for views of training.",
        names=True,
    )
    embeddings: str = setting(
        "",
        "Parquet file that cv_tf embed made with --workdir, for --pair: shows the "
        "similarity that is stored, and the score by which search ranks.",
    )
    products: int = setting(8, "Products whose views are shown.", minimum=1)
    views_each: int = setting(4, "Views of each.", minimum=1)
    output: str = setting(
        "", "File to write: .html for a page that needs no other file, or .png."
    )
    overwrite: bool = setting(False, "Replace --output if it is there.")

    def __post_init__(self):
        super().__post_init__()
        pair = [name.strip() for name in self.pair]
        # More than two pieces may be of ids with commas.
        if len(pair) == 1 or (len(pair) == 2 and pair[0] == pair[1]):
            raise _not_a_pair(self.pair)
        if self.embeddings and not (self.pair and self.workdir):
            raise ConfigError(
                "--embeddings are for --pair=ID1,ID2, and made with a --workdir. Pass "
                "both, or leave --embeddings out."
            )


def _not_a_pair(pair: Sequence[str]) -> ConfigError:
    return ConfigError(
        f"--pair={','.join(pair)} must name two different products: --pair=ID1,ID2."
    )


def run(config: InspectConfig) -> Path:
    """Writes the page or the picture, and returns its path.

    Raises:
      ValueError: If the settings, the catalogue, a product or the workdir cannot be
        used.
    """
    output = command.check_output(config.output, config.overwrite, (".html", ".png"))
    (_show_pair if config.pair else _show_views)(config, output)
    print(f"Written to '{output}'.")
    return output


def _show_views(config: InspectConfig, output: Path) -> None:
    if config.method == "frozen":
        raise ConfigError(
            "--method=frozen does not learn, so there are no views. Pass another "
            "--method, or --pair=ID1,ID2 to see which parts it finds alike."
        )
    if config.workdir and not Workdir(config.workdir).config.is_file():
        print(f"'{config.workdir}' holds no run yet: the flags say what is shown.")
    # Tables are checked before TensorFlow is loaded, so that errors come at once.
    catalog = read_products(config)
    split = split_catalog(catalog, config.train_split, config.eval_split, config.seed)

    previews = cv_tf.inspection.preview(
        config, catalog.select(split.train), config.products, config.views_each
    )
    source = (
        f"{len(previews.products)} of the {len(split.train):,} products of "
        f"{catalog.name} that are learned from."
    )
    cv_tf.report.write_views(output, previews, config, source)


def _show_pair(config: InspectConfig, output: Path) -> None:
    path = None
    if config.workdir:
        path = Workdir(config.workdir).trained_embedder()
    elif config.method != "frozen":
        raise ConfigError(
            "--pair needs an Embedder: pass --workdir of a finished training, or "
            "--method=frozen for a network as it was pretrained."
        )
    catalog = _select(read_products(config), config.pair)
    names = tuple(catalog.product_id)
    score = width = None
    if config.embeddings and path:
        stored = _read_stored(config, path)
        score, width = _score(config, stored, names), stored.vectors.shape[1]
    settings = dataclasses.replace(config, on_bad_image="fail")  # Both are needed.
    cv_tf.strategy.make_repeatable(config.seed)
    with cv_tf.strategy.one_device(config.strategy).scope():
        embedder = (
            cv_tf.models.Embedder.load(path)
            if path
            else cv_tf.methods.build_embedder(config)
        )
        whitening = embedder.whitening
        if width and whitening is not None and width < whitening.dimensions:
            embedder.whitening = whitening.first(width)
        photos = cv_tf.pipeline.photos_of(catalog, settings, embedder.image_size)
        pixels = cv_tf.inspection.photo_pixels(photos)
        agreement = cv_tf.inspection.part_agreement(embedder, pixels, config.parts)
    shown = (names, pixels, agreement, config.parts, _notes(config, embedder, catalog))
    pair = cv_tf.report.Pair(*shown, score)
    lines = cv_tf.report.explain_score(pair)
    rows = [(title, f"{value:.3f}") for title, value in lines]
    print("\n".join(command.aligned(rows)))
    cv_tf.report.write_pair(output, pair)


def _read_stored(config: InspectConfig, embedder: Path) -> Embeddings:
    """The vectors of `--embeddings`, checked to be of this Embedder."""
    files = command.find_files(config, ("embeddings",), ("embeddings",))
    stored = cv_tf.embeddings.read_embeddings(files["embeddings"], extras=False)
    if stored.model and stored.model != cv_tf.embeddings.fingerprint(embedder):
        raise ConfigError(
            f"{stored.name} holds vectors of another Embedder than --workdir "
            f"('{embedder}'). Name the run that made it, or embed the catalogue again."
        )
    return stored


def _score(
    config: InspectConfig, stored: Embeddings, names: Sequence[str]
) -> PairScore:
    """What search makes of two products: the first one asks, the second is found."""
    ids = stored.product_id.tolist()
    first, second = (command.rows_of_names([it], ids, stored.name)[0] for it in names)
    vectors = cv_tf.embeddings.take_rows(stored.vectors, np.array([first, second]))
    asked = search.SearchConfig(
        embeddings=config.embeddings,
        product_id=(names[0],),
        color=config.color,
        second_look=config.second_look,
    )
    weights, _ = search.ranking_of(asked, stored)
    color = 0.0
    if stored.lab is not None:
        odds = float(color_log_odds(stored.lab[first], stored.lab[second]))
        color = weights.color * (OTHER_COLOR - odds)
    similarity = float(vectors[0] @ vectors[1])
    # As search looks for its first results, or else for all there are.
    for number in (asked.neighbors, len(stored)):
        wanted = dataclasses.replace(asked, neighbors=number)
        (result,) = search.near_products(wanted, stored, weights)
        for found in result.neighbors:
            if found.product.product_id == ids[second] and found.score is not None:
                shared = max(0.0, found.similarity - color - found.score)
                return cv_tf.inspection.PairScore(found.similarity, color, shared)
    return cv_tf.inspection.PairScore(similarity, color)


def _select(catalog: Catalog, names: Sequence[str]) -> Catalog:
    """Selects two products by their `product_id`, in this order."""
    rows = command.rows_of_names(names, catalog.product_id.tolist(), catalog.name)
    if len(rows) != 2 or rows[0] == rows[1]:
        raise _not_a_pair(names)
    return catalog.select(np.array(rows))


def _notes(config: InspectConfig, embedder: Embedder, catalog: Catalog) -> list[str]:
    notes = []
    if catalog.block[0] != catalog.block[1]:
        first, second = (catalog.block_names[block] for block in catalog.block)
        notes.append(
            f"They are of different blocks, {first} and {second}, and so never grouped "
            "together."
        )
    if embedder.embedding == "whole":
        notes.append(
            "This Embedder compares products as wholes and has no parts "
            "(--embedding=whole): its feature map is shown by those of --parts."
        )
    elif embedder.parts != config.parts:
        notes.append(
            f"This Embedder compares the parts of {embedder.parts}; shown are those of "
            f"--parts={config.parts}."
        )
    if embedder.whitening is None:
        notes.append("The vectors are not whitened.")
        if config.method == "frozen" and config.whiten != "none":
            notes[-1] += (
                f" --whiten={config.whiten} is fitted on a whole catalogue, by "
                "training or evaluation."
            )
    return notes


def settings_of(argv: Sequence[str]) -> InspectConfig:
    """Reads a command line; the run in its workdir sets what has no flag."""
    given = command.given_flags(InspectConfig, argv)
    inherited = inherited_settings(given, Config, must_exist=bool(given.get("pair")))
    if given.get("method") == "frozen":
        given["workdir"] = ""
    return InspectConfig(**inherited | given)


if __name__ == "__main__":
    command.run(run, InspectConfig, parse=settings_of)
