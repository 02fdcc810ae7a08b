"""The nearest products found by each recipe, for products where recipes differ."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

import cv_tf
from cv_tf.atomic import whole_file
from cv_tf.catalog import Catalog, check_frame, read_products, write_parquet
from cv_tf.comparison.plan import ComparisonPlan, Run
from cv_tf.embeddings import (
    Embeddings,
    fingerprint,
    read_embeddings,
    read_notes,
    to_table,
)
from cv_tf.errors import UserError
from cv_tf.retrieval import nearest
from cv_tf.settings import ConfigError
from cv_tf.training import has_variants, sample_styles, split_catalog

NUM_NEIGHBORS = 5
_NUM_QUERIES = 6
_FILE = "shown.parquet"


class Shown(NamedTuple):
    """A product as a page shows it; `image` is a path, a URI or the photo's bytes."""

    product_id: str
    image: str | bytes
    block: str
    color: str  # "" if unknown.


class Found(NamedTuple):
    """A neighbor of a query, as the page shows it."""

    product: Shown
    similarity: float
    is_variant: bool


class Query(NamedTuple):
    """A query, and its neighbors in its block under each recipe, by recipe name."""

    product: Shown
    num_variants: int  # Color variants among the products searched.
    found: dict[str, tuple[Found, ...]]


def embed_shown(run: Run, products: Catalog) -> Embeddings:
    """Embeds the products whose photos can be used with the Embedder of a finished run.

    They are kept in the folder of the run, and computed again only for other products
    or another Embedder.
    """
    path, config = run.workdir.path / _FILE, run.config
    model = fingerprint(run.workdir.embedder)
    told = "\n".join([*products.product_id, *products.image])
    identity = hashlib.sha256(told.encode("utf-8", "surrogateescape")).hexdigest()
    with contextlib.suppress(UserError):  # What is damaged is computed again.
        if path.is_file() and read_notes(path) == identity:
            embeddings = read_embeddings(path, extras=False)
            if embeddings.model == model:
                return embeddings
    with cv_tf.strategy.one_device(config.strategy).scope():
        embedder = cv_tf.models.Embedder.load(run.workdir.embedder)
        photos = cv_tf.pipeline.photos_of(products, config, embedder.image_size)
        name = f"Embedding, {run.recipe.name}"
        vectors = cv_tf.embeddings.embed(
            embedder, photos, config.embed_batch_size, name
        )
    table = to_table(photos.catalog, vectors, model=model, notes=identity)
    with whole_file(path) as unfinished:
        write_parquet(unfinished, table)
    return read_embeddings(path, extras=False)


def compare_neighbors(
    embedded: Mapping[str, Embeddings],
    products: Catalog,
    num_queries: int = _NUM_QUERIES,
) -> list[Query]:
    """Finds the products on which recipes differ most, and their neighbors.

    The share of a product's variants that a recipe finds is the number of variants
    among its five nearest products, divided by the number that could be. The products
    with the greatest variance of this share over the recipes are taken, one of each
    style; equal ones in the order of their ids.

    Args:
      embedded: Recipe names to the vectors of the products.
      products: The products, with styles and blocks.
      num_queries: Most products to return.
    """
    vectors = {name: _vectors(of, products) for name, of in embedded.items()}
    usable = np.all([np.isfinite(v[:, 0]) for v in vectors.values()], axis=0)
    products = products.select(np.flatnonzero(usable))
    styles, blocks = products.style, products.block
    num_variants = _count_variants(styles, blocks)
    asked = np.flatnonzero(num_variants)
    neighbors = {
        name: nearest(of[usable], NUM_NEIGHBORS, blocks, "exact", asked)
        for name, of in vectors.items()
    }
    hits = {
        name: (found.indices >= 0) & (styles[found.indices] == styles[asked][:, None])
        for name, found in neighbors.items()
    }
    places = _choose(hits, num_variants[asked], products.select(asked), num_queries)
    return [
        Query(
            _shown(products, asked[place]),
            int(num_variants[asked[place]]),
            {
                name: tuple(
                    Found(_shown(products, row), float(similarity), bool(is_variant))
                    for row, similarity, is_variant in zip(
                        found.indices[place],
                        found.similarities[place],
                        hits[name][place],
                        strict=True,
                    )
                    if row >= 0
                )
                for name, found in neighbors.items()
            },
        )
        for place in places
    ]


def _vectors(embeddings: Embeddings, products: Catalog) -> np.ndarray:
    """The vectors in the order of the products; NaN for products without one."""
    row_of = {name: row for row, name in enumerate(embeddings.product_id)}
    rows = np.array([row_of.get(name, -1) for name in products.product_id])
    vectors = embeddings.vectors[rows]
    vectors[rows < 0] = np.nan
    return vectors


def _count_variants(styles: np.ndarray, blocks: np.ndarray) -> np.ndarray:
    """The number of variants of each product in its block."""
    _, pair = np.unique(np.stack([styles, blocks]), axis=1, return_inverse=True)
    pair = pair.reshape(-1)
    return np.where(styles >= 0, np.bincount(pair)[pair] - 1, 0)


def _choose(
    hits: Mapping[str, np.ndarray], num_variants: np.ndarray, asked: Catalog, most: int
) -> Sequence[int]:
    findable = np.minimum(num_variants, NUM_NEIGHBORS)
    shares = np.array([of.sum(axis=1) / findable for of in hits.values()])
    # Rounded, so that equal shares in another order of recipes are equal, too.
    order = np.lexsort((asked.product_id.astype(str), -shares.var(axis=0).round(9)))
    _, firsts = np.unique(asked.style[order], return_index=True)
    return order[np.sort(firsts)][:most].tolist()


def _shown(products: Catalog, row: int) -> Shown:
    return Shown(
        product_id=products.product_id[row],
        image=products.photo(row),
        block=products.block_names[products.block[row]],
        color="" if products.color is None else products.color[row],
    )


# Enough products to show neighbors, and quick to embed.
_MOST_SHOWN = 1000


def read_compared(plan: ComparisonPlan) -> Catalog:
    """Reads the catalogue, and checks that every run can report on it.

    Raises:
      ConfigError: If some recipes cannot use it; the message lists the reasons.
      CatalogError: If the catalogue cannot be used at all.
    """
    catalog = read_products(plan.recipes[0].config)
    problems = []
    for run in plan.runs:
        try:
            _check(run, catalog)
        except UserError as error:
            problems.append(f"{run.recipe.flagfile}: {error}")
    if problems:
        raise ConfigError("\n".join(dict.fromkeys(problems)))
    return catalog


def _check(run: Run, catalog: Catalog) -> None:
    config = run.config
    check_frame(catalog.name, config.frame, catalog.box)
    split = split_catalog(catalog, config.train_split, config.eval_split, config.seed)
    if not has_variants(catalog.style[split.evaluation]):
        raise ConfigError(
            f"{catalog.name} has no two products to report on that share a style_id "
            f"(seed {config.seed}), so there is nothing to compare. Label some color "
            "variants."
        )


def shown_products(catalog: Catalog, run: Run) -> Catalog:
    """Samples whole styles, at most 1,000 products, of those that a run reports on.

    The sample depends only on the catalogue, the seed and the splits.
    """
    config = run.config
    split = split_catalog(catalog, config.train_split, config.eval_split, config.seed)
    reported = catalog.select(split.evaluation)
    return reported.select(sample_styles(reported.style, _MOST_SHOWN, config.seed))
