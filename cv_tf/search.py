r"""Finds the nearest products of a product, or of a photo.

    cv_tf search --embeddings=embeddings.parquet --product_id=0108775015
    cv_tf search --embeddings=embeddings.parquet --product_id=A,B \
        --output=neighbors.html
    cv_tf search --embeddings=embeddings.parquet --image=photo.jpg \
        --workdir=runs/my

They are printed, and with --output also written as a page with photos or as a table.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from absl import logging

import cv_tf
from cv_tf import command
from cv_tf.catalog import FolderNames, catalog_of_photos, objects
from cv_tf.config import CatalogSettings, RankingSettings
from cv_tf.embeddings import Copies, Embeddings, read_embeddings
from cv_tf.files import expanded, is_file, is_remote
from cv_tf.report import (
    Product,
    SearchResult,
    format_results,
    write_csv,
    write_neighbors_page,
    write_results_json,
)
from cv_tf.retrieval import (
    CANDIDATES,
    MOST_PRODUCTS,
    ExactIndex,
    NearestLists,
    Ranked,
    look_again,
    nearest,
    rank,
)
from cv_tf.settings import ConfigError, setting
from cv_tf.training import Workdir, inherited_settings

if TYPE_CHECKING:
    from cv_tf.grouping import RankingWeights

_OUTPUTS = (".html", ".csv", ".json")
# Similarity of a product and a photo from which on the photo is that product's own.
_SAME_PHOTO = 0.9999
_Results = tuple[SearchResult, ...]


@dataclasses.dataclass(kw_only=True)
class SearchConfig(RankingSettings):
    """The queries, the products to search, and the file for the results.

    Raises:
      ConfigError: At construction, if a value cannot be used.
    """

    main_flags: ClassVar[tuple[str, ...]] = (
        *("embeddings", "product_id", "image", "workdir", "neighbors"),
        *("within_block", "block", "color", "output", "overwrite"),
    )

    embeddings: str = setting(
        "", "Parquet file of the products' vectors, as cv_tf embed writes it."
    )
    product_id: tuple[str, ...] = setting(
        (),
        "Products of the file to find the neighbors of, comma-separated.",
        names=True,
    )
    image: tuple[str, ...] = setting(
        (),
        "Or photos to find the neighbors of, comma-separated; needs --workdir.",
        names=True,
    )
    workdir: str = setting(
        "", "Run whose Embedder made the file; it turns --image into a vector."
    )
    neighbors: int = setting(10, "How many products to find for each.", minimum=1)
    within_block: bool = setting(
        True, "Only find products of the block that --product_id is in."
    )
    block: str = setting(
        "", "Only find products of this block for --image; empty for those of all."
    )
    frame: str = setting(
        "auto",
        "The product's box in --image: found from a plain background where there is "
        "one (auto), or the whole photo. As the run of --workdir had it, if not given.",
        one_of=("auto", "photo"),
    )
    output: str = setting(
        "",
        "File for the result: .html for a page with photos that needs no other file, "
        ".csv or .json for other tools; empty to print it only.",
    )
    overwrite: bool = setting(False, "Replace --output if it is there.")

    def __post_init__(self):
        super().__post_init__()
        if not self.embeddings:
            raise ConfigError(
                "--embeddings is not set. Name the file that cv_tf embed wrote."
            )
        if bool(self.product_id) == bool(self.image):
            raise ConfigError(
                "Pass one of --product_id=ID, for a product of the file, and "
                "--image=photo.jpg, for any photo."
            )
        if self.image and not self.workdir:
            raise ConfigError(
                "--image needs --workdir: name the run whose Embedder made the file."
            )
        if self.block and (self.product_id or not self.within_block):
            raise ConfigError(
                "--block goes with --image alone: a product is looked for in its own "
                "block, or in all with --within_block=false."
            )


def run(config: SearchConfig) -> _Results:
    """Finds, prints and writes the nearest products of each query, in their order.

    Every product of the file, or of the block, is compared: for a few queries that is
    quicker than building an index.

    Raises:
      ValueError: If the file, a product, a photo or the workdir cannot be used.
    """
    output = None
    if config.output:
        output = command.check_output(config.output, config.overwrite, _OUTPUTS)
    images = _find_photos(config) if config.image else ()
    embeddings = read_embeddings(expanded(config.embeddings), extras=False)
    weights, has_too_many = ranking_of(config, embeddings)
    if images:
        results = _near_photos(images, config, embeddings, weights)
    else:
        results = near_products(config, embeddings, weights)
    has_other_blocks = config.within_block and len(embeddings.block_names) > 1
    print(format_results(results, has_other_blocks))
    num_copies = _copies(config, embeddings).num_copies
    if num_copies:
        print(
            f"\n{num_copies:,} products share the photo of another "
            "one, and are not listed beside it."
        )
    if has_too_many:
        print(f"\nAmong more than {MOST_PRODUCTS:,} products, there is no second look.")
    if output:
        _write(output, results, embeddings, config, weights)
        print(f"\nWritten to '{output}'.")
    return results


def ranking_of(
    config: SearchConfig, embeddings: Embeddings
) -> tuple[RankingWeights, bool]:
    """What counts in the ranking, and whether there are too many for a second look."""
    products = embeddings.without(_copies(config, embeddings))
    weights = cv_tf.grouping.ranking_weights(products, config)
    has_too_many = bool(weights.shared) and len(products) > MOST_PRODUCTS
    return weights._replace(shared=0.0) if has_too_many else weights, has_too_many


def _find_photos(config: SearchConfig) -> tuple[str, ...]:
    """The paths of --image, each once; photos and Embedder are checked to be there."""
    folders = FolderNames()

    def find(image: str) -> str:
        """The path of a photo as it is on disk."""
        return folders.spelled(expanded(image))

    def is_there(image: str) -> bool:
        if is_remote(image):
            return image.count("://") == 1 and ("," not in image or is_file(image))
        return is_file(find(image))

    images = command.split_names(config.image, is_there)
    for image in images:
        if not image:
            raise ConfigError("--image has an empty entry. Put one comma between two.")
        if not is_there(image):
            path, cwd = str(Path(find(image)).absolute()), str(Path.cwd())
            similar = folders.similar(path, cwd)
            there = f" There is {' and '.join(map(repr, similar))}." if similar else ""
            raise ConfigError(f"--image: there is no file '{find(image)}'.{there}")
    embedder = Workdir(config.workdir).embedder
    if not embedder.is_file():
        raise ConfigError(
            f"There is no Embedder at '{embedder}'. Name a finished run by --workdir."
        )
    return tuple(dict.fromkeys(map(find, images)))


def near_products(
    config: SearchConfig, embeddings: Embeddings, weights: RankingWeights
) -> _Results:
    """The nearest products of those of `--product_id`, in their order."""
    wanted = command.rows_of_names(
        config.product_id, embeddings.product_id.tolist(), embeddings.name
    )
    rows = np.array(list(dict.fromkeys(wanted)))
    # Copies of one photo are found once; those of the query's own photo are not.
    copies = _copies(config, embeddings)
    distinct = embeddings.without(copies)
    places = copies.place[rows]
    found = nearest(
        distinct.vectors,
        min(config.neighbors + CANDIDATES, len(distinct)),
        blocks=distinct.block if config.within_block else None,
        retrieval="exact",
        queries=places,
    )
    lab = None if embeddings.lab is None else embeddings.lab[rows]
    ranked = rank(found, lab, distinct.lab, weights.color)
    lists = NearestLists(distinct, weights.color, config.within_block)
    ranked = look_again(ranked, places, lists, weights.shared)
    queries = [Product.of_row(embeddings, row) for row in rows]
    return _results(queries, lab, distinct, ranked, config.neighbors)


def _near_photos(
    images: Sequence[str],
    config: SearchConfig,
    embeddings: Embeddings,
    weights: RankingWeights,
) -> _Results:
    if config.block:
        names, name = embeddings.block_names, embeddings.name
        (block,) = command.rows_of_names([config.block], names, name, "block")
        embeddings = embeddings.select(np.flatnonzero(embeddings.block == block))
    asked = _embed_photos(images, config, embeddings)
    embeddings = embeddings.without(_copies(config, embeddings))
    index = ExactIndex(embeddings.vectors, embeddings.model)
    found = index.search(
        asked.vectors, min(config.neighbors + CANDIDATES, len(embeddings))
    )
    ranked = rank(found, asked.lab, embeddings.lab, weights.color)
    if weights.shared:
        ranked = _look_again_at_photos(ranked, asked, embeddings, weights)
    queries = [Product("", image, config.block) for image in images]
    return _results(queries, asked.lab, embeddings, ranked, config.neighbors)


def _look_again_at_photos(
    ranked: Ranked, asked: Embeddings, embeddings: Embeddings, weights: RankingWeights
) -> Ranked:
    """A second look at the neighbors of each photo, as if it were a product.

    A photo that is the product's own stands for that product.
    """
    again = []
    for place, vector in enumerate(asked.vectors):
        one = Ranked(*(column[place : place + 1] for column in ranked))
        row = int(one.indices[0, np.argmax(one.similarities[0])])
        if one.similarities.max() > _SAME_PHOTO:
            lists = NearestLists(embeddings, weights.color, False)
        else:
            photo = (vector, None if asked.lab is None else asked.lab[place])
            lists = NearestLists(embeddings, weights.color, False, photo)
            row = len(embeddings)
        again.append(look_again(one, np.array([row]), lists, weights.shared))
    return Ranked(*map(np.concatenate, zip(*again, strict=True)))


def _copies(config: SearchConfig, embeddings: Embeddings) -> Copies:
    """Which products that are searched together have one photo."""
    in_blocks = config.product_id and config.within_block
    return embeddings.copies if in_blocks else embeddings.copies_across_blocks


def _results(
    queries: Sequence[Product],
    lab: np.ndarray | None,
    embeddings: Embeddings,
    ranked: Ranked,
    k: int,
) -> _Results:
    """The first k neighbors of each query, whose colors are [q, 3] in CIELAB."""
    colors = [None] * len(queries) if lab is None else list(lab)
    first = ranked.first(k)
    return tuple(
        SearchResult.of_rows(query, embeddings, rows, similarities, scores, color)
        for query, rows, similarities, scores, color in zip(
            queries, *first, colors, strict=True
        )
    )


def _embed_photos(
    images: Sequence[str], config: SearchConfig, embeddings: Embeddings
) -> Embeddings:
    """The vectors and colors of photos, by the Embedder that made the file."""
    path = Workdir(config.workdir).embedder
    if not embeddings.model:
        logging.warning(
            "%s does not say which Embedder made it. If it was not that of --workdir, "
            "similarities mean nothing.",
            embeddings.name,
        )
    elif embeddings.model != cv_tf.embeddings.fingerprint(path):
        cv_tf.models.read_archive(path)  # Raises an error of its own if it is damaged.
        raise ConfigError(
            f"{embeddings.name} holds vectors of another Embedder than --workdir "
            f"('{path}'), and those cannot be compared. Name the run that made it, or "
            "embed the catalogue again with this one."
        )
    embedder = cv_tf.models.Embedder.load(path)
    width, whitening = embeddings.vectors.shape[1], embedder.whitening
    if embeddings.model and whitening is not None and width < whitening.dimensions:
        embedder.whitening = whitening.first(width)
    # Converted copies of photos are in the folder until they are embedded.
    with tempfile.TemporaryDirectory(prefix="cv_tf-") as folder:
        catalog = dataclasses.replace(
            catalog_of_photos(images), name="photos", image=objects(images), folder=""
        )
        photos = cv_tf.pipeline.scan_photos(
            catalog, embedder.image_size, config.frame, folder
        )
        if photos.rejects:
            problems = (
                f"'{it.image}' cannot be used: {it.reason}" for it in photos.rejects
            )
            raise ConfigError("\n".join(f"--image: {problem}." for problem in problems))
        return cv_tf.embeddings.embed_with_color(embedder, photos)


def _write(
    output: Path,
    results: Sequence[SearchResult],
    embeddings: Embeddings,
    config: SearchConfig,
    weights: RankingWeights,
) -> None:
    suffix = output.suffix.lower()
    if suffix == ".csv":
        write_csv(output, results)
    elif suffix == ".json":
        write_results_json(output, results)
    else:
        note = f"Found among the {len(embeddings):,} products of {embeddings.name}."
        if _copies(config, embeddings).num_copies:
            note += " Products of one photo are listed once."
        discount = cv_tf.grouping.full_discount(weights.color)
        if discount:
            note += (
                " Variants differ in color: one of the very same color is ranked as if "
                f"its similarity were {discount:.2f} less."
            )
        if weights.shared:
            note += (
                " One that has no neighbors in common with the query is ranked as if "
                f"it were {weights.shared:.2f} less."
            )
        write_neighbors_page(output, results, note)


def settings_of(argv: Sequence[str]) -> SearchConfig:
    """The settings of a command line; photos are framed as those of the run were."""
    given = command.given_flags(SearchConfig, argv)
    trained = inherited_settings(given, CatalogSettings) if given.get("image") else {}
    frame = trained.get("frame", SearchConfig.frame)
    # A product without a box in its columns is its whole photo.
    inherited: dict[str, Any] = {"frame": "photo" if frame == "columns" else frame}
    return SearchConfig(**inherited | given)


if __name__ == "__main__":
    command.run(run, SearchConfig, parse=settings_of)
